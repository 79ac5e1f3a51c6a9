package dev.drover.dns;

import dev.drover.dataplane.CounterSet;
import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.CacheOutcome;
import dev.drover.dns.resolve.Upstream;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * What the server does at the moment.
 *
 * @param addresses bound addresses in the order of the configuration, with the real port where 0 was configured
 * @param names names with records, as configured
 * @param upstreams the default ones, then those of forward zones
 * @param cache of forwarded answers
 * @param queries well-formed and malformed queries since start, both transports
 * @param forwardsInFlight queries waiting for an upstream
 * @param connections open TCP connections of clients
 */
public record DnsStatus(
        List<InetSocketAddress> addresses,
        String zone,
        int names,
        List<UpstreamStatus> upstreams,
        CacheStatus cache,
        long queries,
        int forwardsInFlight,
        int connections) {
    public DnsStatus {
        addresses = List.copyOf(addresses);
        upstreams = List.copyOf(upstreams);
    }

    /**
     * One upstream, as all lanes have seen it.
     *
     * @param name address and port, with the name of its certificate when asked over TLS
     * @param healthy false while the upstream, having left queries unanswered, is asked after the others, or not at all
     * @param looping whether it lately brought queries of ours back
     * @param rttMs smoothed time from query to reply, milliseconds; negative before the first reply
     * @param tries queries sent to it
     * @param failures of them, those it did not reply to
     */
    public record UpstreamStatus(
            String name, boolean healthy, boolean looping, double rttMs, long tries, long failures) {
        private static final double NS_PER_MS = 1e6;

        static UpstreamStatus of(Upstream upstream, long nowNs) {
            String tlsName = upstream.endpoint().tlsName();
            String address = Listener.format(upstream.address());
            boolean looping = upstream.isLooping(nowNs);
            return new UpstreamStatus(
                    tlsName == null ? address : "tls://" + address + "#" + tlsName,
                    upstream.isHealthy() && !looping,
                    looping,
                    upstream.rttNs() < 0 ? -1 : upstream.rttNs() / NS_PER_MS,
                    upstream.tries(),
                    upstream.failures());
        }
    }

    /**
     * The cache of forwarded answers.
     *
     * @param bytes about the memory that the answers take
     * @param hitRatio part of the questions for other names that a current answer was kept for, since start; 0 to 1
     */
    public record CacheStatus(int entries, long bytes, double hitRatio) {
        static CacheStatus of(AnswerCache cache, CounterSet<CacheOutcome> outcomes) {
            long hits = outcomes.sum(CacheOutcome.HIT);
            long questions = hits + outcomes.sum(CacheOutcome.MISS);
            return new CacheStatus(cache.entries(), cache.bytes(), questions == 0 ? 0 : (double) hits / questions);
        }
    }
}
