package dev.drover.lb;

import dev.drover.lb.path.Networks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How clients of a listener come in: what lies below HTTP or the byte stream.
 *
 * @param tls null for none
 * @param h2c whether clients without TLS may begin with the preface of HTTP/2 (RFC 9113 section 3.3)
 * @param trustedProxies networks whose connections must begin with a header of the PROXY protocol; others' may not
 */
public record EntryConfig(@Nullable TlsConfig tls, boolean h2c, List<String> trustedProxies) {
    /** Without anything. */
    public static final EntryConfig PLAIN = new EntryConfig(null, false, List.of());

    public EntryConfig {
        trustedProxies = List.copyOf(trustedProxies);
        Networks.check(trustedProxies);
    }

    public static EntryConfig tls(TlsConfig tls) {
        return new EntryConfig(tls, false, List.of());
    }

    /** A copy with or without HTTP/2 for clients without TLS. */
    public EntryConfig withH2c(boolean allowed) {
        return new EntryConfig(tls, allowed, trustedProxies);
    }

    /** A copy that takes the word of these proxies for who a client is. */
    public EntryConfig withTrustedProxies(List<String> networks) {
        return new EntryConfig(tls, h2c, networks);
    }

    /** Null when there is no trusted proxy. */
    @Nullable
    Networks proxies() {
        return trustedProxies.isEmpty() ? null : new Networks(trustedProxies);
    }
}
