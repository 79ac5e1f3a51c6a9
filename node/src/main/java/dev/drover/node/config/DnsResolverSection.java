package dev.drover.node.config;

import dev.drover.dns.ResolverConfig;
import dev.drover.dns.path.Limits;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import dev.drover.dns.resolve.Upstream.Endpoint;
import dev.drover.node.mapping.Tables;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Keys of section {@code dns} that say who is asked for other names, what is kept and what clients may hold. */
final class DnsResolverSection {
    /** Keys of the section that are read here. */
    static final List<String> KEYS = List.of("forward", "forward-zones", "forward-trust", "cache", "limits");

    private static final int DNS_PORT = 53;
    private static final int TLS_PORT = 853;
    private static final String TLS = "tls://";
    private static final int WEEK_SECONDS = 604_800;
    private static final int DAY_SECONDS = 86_400;
    private static final int HOUR_SECONDS = 3_600;
    private static final int MAX_HELD = 1 << 20;

    private DnsResolverSection() {}

    /**
     * @param file of the section; a relative path is one beside it
     * @param binds own addresses, which cannot be upstreams
     */
    static ResolverConfig resolver(Path file, Map<String, YamlNode> keys, List<InetSocketAddress> binds) {
        YamlNode forward = YamlValues.present(keys.get("forward"));
        YamlNode zones = YamlValues.present(keys.get("forward-zones"));
        YamlNode trust = YamlValues.present(keys.get("forward-trust"));
        YamlNode cache = YamlValues.present(keys.get("cache"));
        return new ResolverConfig(
                forward == null ? List.of() : endpoints(forward, binds),
                zones == null ? Map.of() : zones(zones, binds),
                trust == null ? List.of() : trust(file, trust),
                cache == null ? CachePolicy.DEFAULT : cache(cache),
                timing(keys));
    }

    static Limits limits(Map<String, YamlNode> keys) {
        Map<String, YamlNode> limits = limitKeys(keys);
        Limits standard = Limits.DEFAULT;
        return new Limits(
                YamlValues.integer(limits, "forwards", 1, MAX_HELD, standard.forwards()),
                YamlValues.integer(limits, "forwards-per-client", 1, MAX_HELD, standard.forwardsPerClient()),
                YamlValues.integer(limits, "connections", 1, MAX_HELD, standard.connections()),
                YamlValues.integer(limits, "connections-per-client", 1, MAX_HELD, standard.connectionsPerClient()),
                YamlValues.integer(limits, "idle-ms", 100, 600_000, standard.idleMs()));
    }

    private static Timing timing(Map<String, YamlNode> keys) {
        Timing standard = Timing.DEFAULT;
        return standard.withTotalMs(YamlValues.integer(limitKeys(keys), "timeout-ms", 100, 4_900, standard.totalMs()));
    }

    private static Map<String, YamlNode> limitKeys(Map<String, YamlNode> keys) {
        YamlNode limits = YamlValues.present(keys.get("limits"));
        return limits == null
                ? Map.of()
                : limits.map(
                        List.of(
                                "timeout-ms",
                                "forwards",
                                "forwards-per-client",
                                "connections",
                                "connections-per-client",
                                "idle-ms"),
                        List.of());
    }

    private static CachePolicy cache(YamlNode node) {
        Map<String, YamlNode> keys = node.map(
                List.of(
                        "bytes",
                        "min-ttl-seconds",
                        "max-ttl-seconds",
                        "negative-ttl-seconds",
                        "stale-seconds",
                        "prefetch"),
                List.of());
        CachePolicy standard = CachePolicy.DEFAULT;
        int most = YamlValues.integer(keys, "max-ttl-seconds", 1, WEEK_SECONDS, standard.maxTtlSeconds());
        return new CachePolicy(
                YamlValues.integer(keys, "bytes", 0, Integer.MAX_VALUE, (int) standard.bytes()),
                YamlValues.integer(keys, "min-ttl-seconds", 0, Math.min(most, HOUR_SECONDS), standard.minTtlSeconds()),
                most,
                YamlValues.integer(keys, "negative-ttl-seconds", 0, DAY_SECONDS, standard.negativeTtlSeconds()),
                YamlValues.integer(keys, "stale-seconds", 0, WEEK_SECONDS, standard.staleSeconds()),
                bool(keys, "prefetch", standard.prefetch()));
    }

    private static Map<String, List<Endpoint>> zones(YamlNode node, List<InetSocketAddress> binds) {
        Map<String, List<Endpoint>> zones = new HashMap<>();
        node.map().forEach((zone, upstreams) -> {
            String name = zone.endsWith(".") ? zone.substring(0, zone.length() - 1) : zone;
            if (!YamlValues.isDomain(name)) {
                throw upstreams.error("not a domain (expected: such as corp.example)");
            }
            List<Endpoint> endpoints = endpoints(upstreams, binds);
            if (endpoints.isEmpty()) {
                throw upstreams.error("empty (expected: at least one resolver)");
            }
            if (zones.put(name.toLowerCase(Locale.ROOT), endpoints) != null) {
                throw upstreams.error("given twice in another form (expected: once)");
            }
        });
        return zones;
    }

    private static List<Endpoint> endpoints(YamlNode node, List<InetSocketAddress> binds) {
        List<Endpoint> endpoints = new ArrayList<>();
        Set<InetSocketAddress> seen = new HashSet<>();
        for (YamlNode item : node.list()) {
            Endpoint endpoint = endpoint(item);
            if (binds.contains(endpoint.address())) {
                throw item.error(item.text() + " is our own address (expected: another resolver)");
            }
            if (!seen.add(endpoint.address())) {
                throw item.error(item.text() + " is given twice (expected: each resolver once)");
            }
            endpoints.add(endpoint);
        }
        return endpoints;
    }

    /** {@code IP}, {@code IP:PORT} or {@code tls://IP[:PORT]#NAME}. */
    private static Endpoint endpoint(YamlNode node) {
        String text = node.text();
        if (!text.startsWith(TLS)) {
            return new Endpoint(address(node, text, DNS_PORT), null);
        }
        int hash = text.indexOf('#');
        String name = hash < 0 ? "" : text.substring(hash + 1);
        if (!YamlValues.isDomain(name)) {
            throw node.error(text + " (expected: tls://ADDRESS#NAME, the name that its certificate bears)");
        }
        return new Endpoint(address(node, text.substring(TLS.length(), hash), TLS_PORT), name.toLowerCase(Locale.ROOT));
    }

    private static InetSocketAddress address(YamlNode node, String text, int port) {
        boolean alone =
                text.lastIndexOf(':') < 0 || text.chars().filter(c -> c == ':').count() > 1 && !text.startsWith("[");
        try {
            if (alone) {
                return new InetSocketAddress(InetAddress.ofLiteral(text), port);
            }
            InetSocketAddress address = Tables.socketAddress(text);
            if (address.getPort() == 0) {
                throw node.error(node.text() + " (expected: a port from 1 to 65535)");
            }
            return address;
        } catch (IllegalArgumentException e) {
            ConfigException error = node.error(node.text() + " (expected: an IP address)");
            error.initCause(e);
            throw error;
        }
    }

    private static List<X509Certificate> trust(Path file, YamlNode node) {
        Path path = file.resolveSibling(node.text());
        try {
            List<X509Certificate> certificates = new ArrayList<>();
            CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(path)))
                    .forEach(certificate -> certificates.add((X509Certificate) certificate));
            if (certificates.isEmpty()) {
                throw node.error(path + " has no certificate (expected: PEM)");
            }
            return certificates;
        } catch (IOException | CertificateException e) {
            ConfigException error = node.error(
                    path + " cannot be read: " + e.getClass().getSimpleName() + " (expected: certificates as PEM)");
            error.initCause(e);
            throw error;
        }
    }

    private static boolean bool(Map<String, YamlNode> keys, String key, boolean standard) {
        YamlNode node = keys.get(key);
        return node == null ? standard : YamlValues.flag(node);
    }
}
