package dev.drover.dns;

import dev.drover.dns.path.Limits;
import dev.drover.dns.path.ResponseRate;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Upstream.Endpoint;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Refuses a configuration that cannot be served; the message names the key, the value and what would do. */
final class DnsConfigCheck {
    private static final int MAX_TTL_SECONDS = 86_400;
    /** Leaves room for names below the zone. */
    private static final int MAX_ZONE_LENGTH = 200;

    private static final long MAX_CACHE_BYTES = 4L << 30;
    private static final int MAX_CACHE_SECONDS = 604_800;
    /** More would keep clients from changes they have a right to see. */
    private static final int MAX_MIN_TTL_SECONDS = 3_600;

    /** Stub resolvers give up after 5 s. */
    private static final int MAX_TIMEOUT_MS = 4_900;

    private static final int MAX_IDLE_MS = 600_000;
    private static final int MAX_SLIP = 10;
    private static final int MAX_HELD = 1 << 20;

    private DnsConfigCheck() {}

    /** @throws IllegalArgumentException {@code key: value (expected: …)} */
    static void check(DnsConfig config) {
        checkAddresses("binds", config.binds());
        checkUpstreams("forward", config.resolver().upstreams(), config);
        config.resolver().zones().forEach((zone, upstreams) -> {
            if (!NamesCheck.isName(zone)) {
                throw refused("forward-zones", zone, NamesCheck.NAME_EXPECTED);
            }
            if (zone.equals(config.zone()) || zone.endsWith("." + config.zone())) {
                throw refused("forward-zones", zone, "a domain outside our zone " + config.zone());
            }
            if (upstreams.isEmpty()) {
                throw refused("forward-zones." + zone, upstreams, "at least one upstream");
            }
            checkUpstreams("forward-zones." + zone, upstreams, config);
        });
        checkCache(config.resolver().cache());
        range("limits.timeout-ms", config.resolver().timing().totalMs(), 100, MAX_TIMEOUT_MS);
        Limits limits = config.limits();
        range("limits.forwards", limits.forwards(), 1, MAX_HELD);
        range("limits.forwards-per-client", limits.forwardsPerClient(), 1, MAX_HELD);
        range("limits.connections", limits.connections(), 1, MAX_HELD);
        range("limits.connections-per-client", limits.connectionsPerClient(), 1, MAX_HELD);
        range("limits.idle-ms", limits.idleMs(), 100, MAX_IDLE_MS);
        ResponseRate.Rule rate = config.rateLimit();
        range("rate-limit.responses-per-second", rate.perSecond(), 0, ResponseRate.Rule.MAX_PER_SECOND);
        range("rate-limit.slip", rate.slip(), 0, MAX_SLIP);
        range("rate-limit.ipv4-prefix", rate.ipv4Prefix(), 1, 32);
        range("rate-limit.ipv6-prefix", rate.ipv6Prefix(), 1, 128);
        if (config.queryLog() != null) {
            range("query-log.sample", config.queryLog().sample(), 1, Integer.MAX_VALUE);
        }
        if (config.zone().length() > MAX_ZONE_LENGTH || !NamesCheck.isName(config.zone())) {
            throw refused(
                    "zone", config.zone(), NamesCheck.NAME_EXPECTED + ", at most " + MAX_ZONE_LENGTH + " characters");
        }
        NamesCheck.check(config.names(), config.zone());
        range("ttl-seconds", config.ttlSeconds(), 0, MAX_TTL_SECONDS);
    }

    private static void checkUpstreams(String key, List<Endpoint> upstreams, DnsConfig config) {
        checkAddresses(key, upstreams.stream().map(Endpoint::address).toList());
        for (Endpoint upstream : upstreams) {
            if (upstream.address().getPort() == 0) {
                throw refused(key, upstream.address(), "a port from 1 to 65535");
            }
            if (config.binds().contains(upstream.address())) {
                throw refused(key, upstream.address(), "another server than this one");
            }
            String tlsName = upstream.tlsName();
            if (tlsName != null && !NamesCheck.isName(tlsName)) {
                throw refused(key, tlsName, NamesCheck.NAME_EXPECTED);
            }
        }
    }

    private static void checkCache(CachePolicy cache) {
        if (cache.bytes() < 0 || cache.bytes() > MAX_CACHE_BYTES) {
            throw refused("cache.bytes", cache.bytes(), "0 to " + MAX_CACHE_BYTES);
        }
        range("cache.max-ttl-seconds", cache.maxTtlSeconds(), 1, MAX_CACHE_SECONDS);
        range("cache.min-ttl-seconds", cache.minTtlSeconds(), 0, Math.min(cache.maxTtlSeconds(), MAX_MIN_TTL_SECONDS));
        range("cache.negative-ttl-seconds", cache.negativeTtlSeconds(), 0, MAX_TTL_SECONDS);
        range("cache.stale-seconds", cache.staleSeconds(), 0, MAX_CACHE_SECONDS);
    }

    private static void range(String key, int value, int least, int most) {
        if (value < least || value > most) {
            throw refused(key, value, least + " to " + most);
        }
    }

    private static void checkAddresses(String key, List<InetSocketAddress> addresses) {
        Set<InetSocketAddress> seen = new HashSet<>();
        for (InetSocketAddress address : addresses) {
            if (address.isUnresolved()) {
                throw refused(key, address.getHostString(), "an IP address and port");
            }
            if (!seen.add(address)) {
                throw refused(key, Listener.format(address), "each address once");
            }
        }
    }

    private static IllegalArgumentException refused(String key, Object value, String expected) {
        Object shown = value instanceof InetSocketAddress address ? Listener.format(address) : value;
        return new IllegalArgumentException("dns." + key + ": " + shown + " (expected: " + expected + ")");
    }
}
