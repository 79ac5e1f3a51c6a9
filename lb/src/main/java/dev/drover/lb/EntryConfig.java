package dev.drover.lb;

import org.jspecify.annotations.Nullable;

/**
 * How clients of a listener come in: what lies below HTTP or the byte stream.
 *
 * @param tls null for none
 */
public record EntryConfig(@Nullable TlsConfig tls) {
    /** Without anything. */
    public static final EntryConfig PLAIN = new EntryConfig(null);

    public static EntryConfig tls(TlsConfig tls) {
        return new EntryConfig(tls);
    }
}
