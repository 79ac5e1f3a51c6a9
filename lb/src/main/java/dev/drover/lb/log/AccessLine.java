package dev.drover.lb.log;

import dev.drover.lb.AccessLogConfig;
import dev.drover.lb.path.Transaction;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Writes one request as one line. Whatever a client sends, it can neither end the line nor leave its place in it: bytes
 * that could are escaped, in JSON as RFC 8259 section 7 says, in the combined format as nginx does it ({@code \x22}).
 */
final class AccessLine {
    private static final DateTimeFormatter COMBINED_TIME =
            DateTimeFormatter.ofPattern("dd/MMM/yyyy:HH:mm:ss Z", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final double NS_PER_MS = 1e6;
    private static final long NS_PER_US = 1_000;
    private static final char[] HEX = "0123456789abcdef".toCharArray();

    private AccessLine() {}

    static void append(StringBuilder out, AccessLogConfig.Format format, Transaction request, Instant start) {
        switch (format) {
            case JSON -> json(out, request, start);
            case COMBINED -> combined(out, request, start);
        }
        out.append('\n');
    }

    private static void json(StringBuilder out, Transaction request, Instant start) {
        out.append("{\"time\":\"").append(start).append('"');
        field(out, "listener", request.listener());
        field(out, "client", host(request.client()));
        out.append(",\"client_port\":").append(request.client().getPort());
        field(out, "protocol", request.spoken().toString());
        out.append(",\"tls\":").append(request.secure());
        field(out, "method", request.text(Transaction.Text.METHOD));
        field(out, "host", request.text(Transaction.Text.HOST));
        field(out, "target", request.text(Transaction.Text.TARGET));
        out.append(",\"status\":").append(request.status());
        field(out, "outcome", request.outcome().name().toLowerCase(Locale.ROOT));
        field(out, "pool", request.pool());
        InetSocketAddress upstream = request.target();
        field(out, "upstream", upstream == null ? null : host(upstream) + ":" + upstream.getPort());
        out.append(",\"attempts\":").append(request.attempts());
        out.append(",\"reused\":").append(request.reused());
        time(out, "queue_ms", request.queueNs());
        time(out, "connect_ms", request.connectNs());
        time(out, "first_byte_ms", request.firstByteNs());
        time(out, "total_ms", request.totalNs());
        out.append(",\"bytes_in\":").append(request.requestBytes());
        out.append(",\"bytes_out\":").append(request.responseBytes());
        field(out, "trace_id", request.text(Transaction.Text.TRACE));
        field(out, "user_agent", request.text(Transaction.Text.USER_AGENT));
        field(out, "referer", request.text(Transaction.Text.REFERER));
        out.append('}');
    }

    private static void field(StringBuilder out, String name, @Nullable String value) {
        out.append(",\"").append(name).append("\":");
        if (value == null || value.isEmpty()) {
            out.append("null");
            return;
        }
        out.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || c >= 0x7f) {
                out.append("\\u00").append(HEX[c >> 4 & 15]).append(HEX[c & 15]);
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }

    private static void time(StringBuilder out, String name, long ns) {
        out.append(",\"").append(name).append("\":").append(ns / NS_PER_US * NS_PER_US / NS_PER_MS);
    }

    /** {@code CLIENT - - [TIME] "METHOD TARGET PROTOCOL" STATUS BYTES "REFERER" "USER-AGENT"}. */
    private static void combined(StringBuilder out, Transaction request, Instant start) {
        out.append(host(request.client())).append(" - - [");
        COMBINED_TIME.formatTo(start, out);
        out.append("] \"");
        String method = request.text(Transaction.Text.METHOD);
        if (method.isEmpty()) {
            out.append('-');
        } else {
            escaped(out, method);
            out.append(' ');
            escaped(out, request.text(Transaction.Text.TARGET));
            out.append(' ').append(request.spoken());
        }
        out.append("\" ").append(request.status()).append(' ').append(request.responseBytes());
        quoted(out, request.text(Transaction.Text.REFERER));
        quoted(out, request.text(Transaction.Text.USER_AGENT));
    }

    private static void quoted(StringBuilder out, String value) {
        out.append(" \"");
        escaped(out, value.isEmpty() ? "-" : value);
        out.append('"');
    }

    private static void escaped(StringBuilder out, String value) {
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\' || c < 0x20 || c >= 0x7f) {
                out.append("\\x").append(HEX[c >> 4 & 15]).append(HEX[c & 15]);
            } else {
                out.append(c);
            }
        }
    }

    private static String host(InetSocketAddress address) {
        String text = address.getAddress().getHostAddress();
        return text.indexOf(':') < 0 ? text : "[" + text + "]";
    }
}
