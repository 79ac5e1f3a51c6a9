package dev.drover.dns;

import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import dev.drover.dns.resolve.Upstream.Endpoint;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Who is asked for names that are not ours, and what is kept of the answers.
 *
 * @param upstreams resolvers for every other name; may be empty
 * @param zones lower-case domain without final dot to the resolvers of the names at and under it; the longest one that
 *     matches counts
 * @param trust who may sign the certificates of upstreams over TLS; empty for those that Java trusts
 */
public record ResolverConfig(
        List<Endpoint> upstreams,
        Map<String, List<Endpoint>> zones,
        List<X509Certificate> trust,
        CachePolicy cache,
        Timing timing) {
    public ResolverConfig {
        upstreams = List.copyOf(upstreams);
        zones = zones.entrySet().stream()
                .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, entry -> List.copyOf(entry.getValue())));
        trust = List.copyOf(trust);
    }

    /** Upstreams over UDP and TCP, everything else as by default. */
    public static ResolverConfig to(List<InetSocketAddress> upstreams) {
        return new ResolverConfig(
                upstreams.stream().map(address -> new Endpoint(address, null)).toList(),
                Map.of(),
                List.of(),
                CachePolicy.DEFAULT,
                Timing.DEFAULT);
    }
}
