package dev.drover.lb;

import java.io.IOException;

/** One call of {@code grpc.health.v1.Health/Check} with an empty service name: for the server as a whole. */
final class GrpcHealth {
    private static final int MAX_ANSWER_BYTES = 1_024;
    /** A message that is not compressed, of no bytes: HealthCheckRequest without a service. */
    private static final byte[] REQUEST = new byte[5];

    private GrpcHealth() {}

    /** Why the server is not well, or empty when it is. */
    static String ask(H2Call call, String scheme, String authority) throws IOException {
        H2Call.Answer answer = call.ask(
                REQUEST,
                MAX_ANSWER_BYTES,
                ":method",
                "POST",
                ":scheme",
                scheme,
                ":path",
                "/grpc.health.v1.Health/Check",
                ":authority",
                authority,
                "content-type",
                "application/grpc",
                "te",
                "trailers");
        byte[] message = answer.body();
        return answer.status() != 200 || message == null ? "status " + answer.status() : verdict(message);
    }

    /** HealthCheckResponse: field 1 is the status, 1 is SERVING. */
    private static String verdict(byte[] message) {
        if (message.length < 5) {
            return "no gRPC health service";
        }
        int status = message.length >= 7 && message[5] == 0x08 ? message[6] : 0;
        return switch (status) {
            case 1 -> "";
            case 2 -> "NOT_SERVING";
            case 3 -> "SERVICE_UNKNOWN";
            default -> "UNKNOWN";
        };
    }
}
