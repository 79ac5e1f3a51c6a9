package dev.drover.lb;

import dev.drover.lb.path.Networks;
import dev.drover.lb.path.ProxyGreeting;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How clients of a listener come in: what lies below HTTP or the byte stream, and what is told of them.
 *
 * @param tls null for none
 * @param h2c whether clients without TLS may begin with the preface of HTTP/2 (RFC 9113 section 3.3)
 * @param trustedProxies networks whose connections must begin with a header of the PROXY protocol; others' may not
 * @param forwardedFrom networks of HTTP proxies in front, whose fields X-Forwarded-For and the like are believed and passed
 *     on; those of other clients are dropped
 * @param greeting by which targets of a byte stream are told whose connection they get; null for not at all
 */
public record EntryConfig(
        @Nullable TlsConfig tls,
        boolean h2c,
        List<String> trustedProxies,
        List<String> forwardedFrom,
        @Nullable ProxyGreeting greeting) {
    /** Without anything. */
    public static final EntryConfig PLAIN = new EntryConfig(null, false, List.of(), List.of(), null);

    public EntryConfig {
        trustedProxies = List.copyOf(trustedProxies);
        Networks.check(trustedProxies);
        forwardedFrom = List.copyOf(forwardedFrom);
        Networks.check(forwardedFrom);
    }

    public static EntryConfig tls(TlsConfig tls) {
        return new EntryConfig(tls, false, List.of(), List.of(), null);
    }

    /** A copy with or without HTTP/2 for clients without TLS. */
    public EntryConfig withH2c(boolean allowed) {
        return new EntryConfig(tls, allowed, trustedProxies, forwardedFrom, greeting);
    }

    /** A copy that takes the word of these proxies for who a client is. */
    public EntryConfig withTrustedProxies(List<String> networks) {
        return new EntryConfig(tls, h2c, networks, forwardedFrom, greeting);
    }

    /** A copy that takes the word of these HTTP proxies for whom they ask. */
    public EntryConfig withForwardedFrom(List<String> networks) {
        return new EntryConfig(tls, h2c, trustedProxies, networks, greeting);
    }

    /** A copy that greets targets so. */
    public EntryConfig withGreeting(ProxyGreeting by) {
        return new EntryConfig(tls, h2c, trustedProxies, forwardedFrom, by);
    }

    /** Null when there is no trusted proxy. */
    @Nullable
    Networks proxies() {
        return networks(trustedProxies);
    }

    /** Null when nobody is believed. */
    @Nullable
    Networks forwarders() {
        return networks(forwardedFrom);
    }

    private static @Nullable Networks networks(List<String> texts) {
        return texts.isEmpty() ? null : new Networks(texts);
    }
}
