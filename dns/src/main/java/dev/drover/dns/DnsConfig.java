package dev.drover.dns;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;

/**
 * What the DNS server answers; replaced as a whole by {@link DnsServer#apply}.
 *
 * @param binds addresses to serve on, UDP and TCP each
 * @param zone the zone we are authoritative for, lower case, without final dot, e.g. {@code rancher.internal}
 * @param records owner name relative to the zone, lower case, to its addresses
 * @param forward upstream resolvers for everything else, tried in order; may be empty
 * @param ttlSeconds TTL of our own records
 */
public record DnsConfig(
        List<InetSocketAddress> binds,
        String zone,
        Map<String, List<InetAddress>> records,
        List<InetSocketAddress> forward,
        int ttlSeconds) {
    public DnsConfig {
        binds = List.copyOf(binds);
        records = Map.copyOf(records);
        forward = List.copyOf(forward);
    }
}
