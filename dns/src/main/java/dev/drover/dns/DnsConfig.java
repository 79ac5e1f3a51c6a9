package dev.drover.dns;

import dev.drover.dns.path.Limits;
import dev.drover.dns.path.ResponseRate;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the DNS server answers; replaced as a whole by {@link DnsServer#apply}, which checks it.
 *
 * @param binds addresses to serve on, UDP and TCP each; port 0 takes a free one
 * @param zone the zone we are authoritative for, lower case, without final dot, e.g. {@code rancher.internal}
 * @param names of the zone
 * @param resolver who answers for everything else
 * @param limits what clients may hold
 * @param rateLimit of replies over UDP
 * @param queryLog null for none
 * @param ttlSeconds TTL of our own records
 */
public record DnsConfig(
        List<InetSocketAddress> binds,
        String zone,
        Names names,
        ResolverConfig resolver,
        Limits limits,
        ResponseRate.Rule rateLimit,
        @Nullable QueryLogConfig queryLog,
        int ttlSeconds) {
    public DnsConfig {
        binds = List.copyOf(binds);
    }

    /** With upstreams and limits as by default. */
    public DnsConfig(
            List<InetSocketAddress> binds, String zone, Names names, List<InetSocketAddress> forward, int ttlSeconds) {
        this(binds, zone, names, ResolverConfig.to(forward), Limits.DEFAULT, ResponseRate.Rule.NONE, null, ttlSeconds);
    }

    /** With addresses alone. */
    public DnsConfig(
            List<InetSocketAddress> binds,
            String zone,
            Map<String, ? extends List<? extends InetAddress>> records,
            List<InetSocketAddress> forward,
            int ttlSeconds) {
        this(binds, zone, Names.of(records), forward, ttlSeconds);
    }

    /**
     * Whether {@code name} may be the name of records under {@code zone}. Docker allows container names that DNS does not
     * (longer than 63 characters): whoever collects names leaves those out, or {@link DnsServer#apply} refuses all.
     */
    public static boolean isName(String name, String zone) {
        return NamesCheck.isName(name) && NamesCheck.fits(name, zone);
    }
}
