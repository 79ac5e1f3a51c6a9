package dev.drover.dns;

import dev.drover.dns.resolve.Forwarding;
import dev.drover.dns.resolve.Upstream;
import dev.drover.dns.resolve.Upstream.Endpoint;
import dev.drover.dns.resolve.UpstreamSet;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;
import org.xbill.DNS.TextParseException;

/**
 * Turns the configuration into upstreams. What is known of an upstream that stays is kept, and the same configuration
 * gives the same object. Used under the server's lock.
 */
final class ForwardingBuilder {
    private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};
    private static final long SESSION_SECONDS = TimeUnit.HOURS.toSeconds(1);

    private List<Endpoint> standard = List.of();
    private Map<String, List<Endpoint>> zones = Map.of();
    private List<X509Certificate> trust = List.of();
    private Forwarding built = Forwarding.NONE;
    private Map<Endpoint, Upstream> known = Map.of();

    /** @throws IllegalArgumentException when the trusted certificates cannot be used */
    Forwarding build(ResolverConfig config) {
        if (config.upstreams().equals(standard)
                && config.zones().equals(zones)
                && config.trust().equals(trust)) {
            return built;
        }
        boolean sameTrust = config.trust().equals(trust);
        Map<Endpoint, Upstream> upstreams = new HashMap<>();
        Map<Name, UpstreamSet> sets = new HashMap<>();
        SslContext tls = usesTls(config) ? tls(config.trust()) : null;
        UpstreamSet first = set(config.upstreams(), upstreams, tls, sameTrust);
        config.zones().forEach((zone, endpoints) -> sets.put(name(zone), set(endpoints, upstreams, tls, sameTrust)));
        standard = config.upstreams();
        zones = config.zones();
        trust = config.trust();
        known = upstreams;
        built = new Forwarding(first, sets);
        return built;
    }

    private UpstreamSet set(
            List<Endpoint> endpoints, Map<Endpoint, Upstream> upstreams, @Nullable SslContext tls, boolean sameTrust) {
        return new UpstreamSet(endpoints.stream()
                .map(endpoint -> upstreams.computeIfAbsent(endpoint, wanted -> {
                    Upstream old = known.get(wanted);
                    boolean byTls = wanted.tlsName() != null;
                    return old != null && (sameTrust || !byTls) ? old : new Upstream(wanted, byTls ? tls : null);
                }))
                .toList());
    }

    private static boolean usesTls(ResolverConfig config) {
        return config.upstreams().stream().anyMatch(endpoint -> endpoint.tlsName() != null)
                || config.zones().values().stream()
                        .flatMap(List::stream)
                        .anyMatch(endpoint -> endpoint.tlsName() != null);
    }

    /** Checks that the certificate bears the upstream's name: on by default with Netty 4.2, said here all the same. */
    private static SslContext tls(List<X509Certificate> trust) {
        try {
            SslContextBuilder builder = SslContextBuilder.forClient()
                    .sslProvider(SslProvider.JDK)
                    .protocols(PROTOCOLS)
                    .endpointIdentificationAlgorithm("HTTPS")
                    .sessionTimeout(SESSION_SECONDS);
            if (!trust.isEmpty()) {
                builder.trustManager(trust.toArray(X509Certificate[]::new));
            }
            return builder.build();
        } catch (SSLException e) {
            throw new IllegalArgumentException(
                    "dns.forward-trust: unusable (expected: certificates of authorities): " + e.getMessage(), e);
        }
    }

    private static Name name(String zone) {
        try {
            return Name.fromString(zone, Name.root);
        } catch (TextParseException e) {
            throw new IllegalArgumentException("dns.forward-zones: " + zone + " (expected: a DNS name)", e);
        }
    }
}
