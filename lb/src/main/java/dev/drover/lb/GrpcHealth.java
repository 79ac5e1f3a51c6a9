package dev.drover.lb;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * One call of {@code grpc.health.v1.Health/Check} with an empty service name, over HTTP/2 without TLS (RFC 9113 section
 * 3.3). Says and understands only what that takes: no dynamic table of HPACK, answers up to a kilobyte.
 */
final class GrpcHealth {
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;
    private static final int END_STREAM = 1;
    private static final int ACK = 1;
    private static final int END_HEADERS = 4;
    private static final int MAX_FRAME_BYTES = 16_384;
    private static final int MAX_ANSWER_BYTES = 1_024;
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private GrpcHealth() {}

    /** Why the server is not well, or empty when it is. */
    static String ask(Socket socket, String authority, HealthProbe.Timed timed) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(PREFACE);
        frame(bytes, SETTINGS, 0, 0, new byte[0]);
        frame(bytes, HEADERS, END_HEADERS, 1, head(authority));
        // A message that is not compressed, of no bytes: HealthCheckRequest without a service.
        frame(bytes, DATA, END_STREAM, 1, new byte[5]);
        socket.getOutputStream().write(bytes.toByteArray());
        return verdict(answer(socket, timed.data()));
    }

    /** HPACK (RFC 7541): indexed fields 3 and 6 of the static table, the rest as literals that are not indexed. */
    private static byte[] head(String authority) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(0x83); // :method: POST
        out.write(0x86); // :scheme: http
        out.write(0x04); // :path
        literal(out, "/grpc.health.v1.Health/Check");
        out.write(0x01); // :authority
        literal(out, authority);
        out.write(0x0f); // content-type, index 31 = 15 + 16
        out.write(0x10);
        literal(out, "application/grpc");
        out.write(0x00);
        literal(out, "te");
        literal(out, "trailers");
        return out.toByteArray();
    }

    private static void literal(ByteArrayOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length < 127) {
            out.write(bytes.length);
        } else {
            out.write(127);
            int rest = bytes.length - 127;
            while (rest > 127) {
                out.write(rest & 127 | 128);
                rest >>= 7;
            }
            out.write(rest);
        }
        out.write(bytes);
    }

    private static void frame(ByteArrayOutputStream to, int type, int flags, int stream, byte[] payload)
            throws IOException {
        DataOutputStream out = new DataOutputStream(to);
        out.writeByte(payload.length >> 16);
        out.writeShort(payload.length & 0xffff);
        out.writeByte(type);
        out.writeByte(flags);
        out.writeInt(stream);
        out.write(payload);
    }

    /** The message of the stream, with its five bytes of prefix. */
    private static byte[] answer(Socket socket, DataInputStream in) throws IOException {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        while (true) {
            int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            in.readInt();
            if (length > MAX_FRAME_BYTES) {
                throw new IOException("no HTTP/2");
            }
            byte[] payload = new byte[length];
            in.readFully(payload);
            switch (type) {
                case DATA -> {
                    message.write(payload);
                    if (message.size() > MAX_ANSWER_BYTES) {
                        throw new IOException("gRPC answer too long");
                    }
                }
                case SETTINGS, PING -> {
                    if ((flags & ACK) == 0) {
                        ByteArrayOutputStream ack = new ByteArrayOutputStream();
                        frame(ack, type, ACK, 0, type == PING ? payload : new byte[0]);
                        socket.getOutputStream().write(ack.toByteArray());
                    }
                }
                case RST_STREAM, GOAWAY -> throw new IOException("gRPC call refused");
                default -> {}
            }
            if ((type == DATA || type == HEADERS) && (flags & END_STREAM) != 0) {
                return message.toByteArray();
            }
        }
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
