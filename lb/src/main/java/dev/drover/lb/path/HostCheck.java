package dev.drover.lb.path;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whether requests of a TLS connection are for hosts that its certificate stands for (RFC 9110 section 7.4). Remembers
 * the last host, since nearly all connections ask for one only.
 */
final class HostCheck {
    private final Caller.Tls tls;
    private byte[] last = new byte[0];
    private boolean lastMisdirected;

    private HostCheck(Caller.Tls tls) {
        this.tls = tls;
    }

    /** Null when no request of the connection can be misdirected. */
    static @Nullable HostCheck of(Caller caller) {
        Caller.Tls tls = caller.tls();
        return tls == null || !tls.certificates().several() ? null : new HostCheck(tls);
    }

    boolean misdirected(RequestHead head) {
        byte[] bytes = head.bytes();
        int from = head.hostStart();
        int to = head.hostEnd();
        if (from < 0) {
            return false;
        }
        if (!Arrays.equals(bytes, from, to, last, 0, last.length)) {
            last = Arrays.copyOfRange(bytes, from, to);
            String host = new String(last, StandardCharsets.ISO_8859_1).toLowerCase(Locale.ROOT);
            int colon = host.lastIndexOf(':');
            lastMisdirected = tls.certificates().misdirected(tls.shown(), colon < 0 ? host : host.substring(0, colon));
        }
        return lastMisdirected;
    }
}
