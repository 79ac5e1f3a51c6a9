package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/** The responses the load balancer gives itself. */
final class Refusal {
    private Refusal() {}

    /** A whole response; {@code bodyless} for HEAD. */
    static ByteBuf of(int status, boolean close, boolean bodyless) {
        return of(status, close, bodyless, 0);
    }

    /** @param retryAfterS for the field of that name; 0 for none */
    static ByteBuf of(int status, boolean close, boolean bodyless, long retryAfterS) {
        String reason = reason(status);
        String body = text(status);
        String head = "HTTP/1.1 " + status + " " + reason
                + "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nContent-Length: "
                + body.length() + "\r\n" + (close ? "Connection: close\r\n" : "")
                + (retryAfterS > 0 ? "Retry-After: " + retryAfterS + "\r\n" : "") + "\r\n";
        return Unpooled.wrappedBuffer(Ascii.bytes(bodyless ? head : head + body));
    }

    /** Whole seconds until {@code ns} have passed. */
    static long seconds(long ns) {
        return (ns + 999_999_999) / 1_000_000_000;
    }

    /** The body alone. */
    static ByteBuf body(int status) {
        return Unpooled.wrappedBuffer(Ascii.bytes(text(status)));
    }

    private static String text(int status) {
        return status + " " + reason(status) + "\n";
    }

    /** What a client is told of a request without a response to relay. */
    static int status(Outcome outcome) {
        return switch (outcome) {
            case BAD_REQUEST -> 400;
            case NO_ROUTE -> 404;
            case HEAD_TOO_LARGE -> 431;
            case OVERLOADED, NO_TARGET, CONNECT_FAILED -> 503;
            case RESPONSE_TIMEOUT, DEADLINE_EXCEEDED -> 504;
            default -> 502;
        };
    }

    static Outcome outcome(int status) {
        return switch (status) {
            case 408 -> Outcome.REQUEST_TIMEOUT;
            case 413 -> Outcome.BODY_TOO_LARGE;
            case 429 -> Outcome.RATE_LIMITED;
            case 414, 431 -> Outcome.HEAD_TOO_LARGE;
            default -> Outcome.BAD_REQUEST;
        };
    }

    private static String reason(int status) {
        return switch (status) {
            case 400 -> "Bad Request";
            case 404 -> "Not Found";
            case 408 -> "Request Timeout";
            case 413 -> "Content Too Large";
            case 414 -> "URI Too Long";
            case 417 -> "Expectation Failed";
            case 421 -> "Misdirected Request";
            case 429 -> "Too Many Requests";
            case 431 -> "Request Header Fields Too Large";
            case 501 -> "Not Implemented";
            case 502 -> "Bad Gateway";
            case 503 -> "Service Unavailable";
            case 504 -> "Gateway Timeout";
            case 505 -> "HTTP Version Not Supported";
            default -> throw new IllegalArgumentException("status: " + status + " (expected: one we send)");
        };
    }
}
