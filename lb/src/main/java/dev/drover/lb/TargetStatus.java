package dev.drover.lb;

import dev.drover.lb.path.Latencies;
import dev.drover.lb.path.Timing;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A target of a pool as it is now.
 *
 * @param state what the configuration says of it
 * @param health what checks say of it
 * @param protocol what it is talked to by: {@code http/1.1}, {@code h2}, {@code grpc}, {@code tcp} or {@code udp}
 * @param encryption of connections to it
 * @param backingOff passed over for a while since connects to it failed
 * @param ejected passed over for a while since its answers were failures
 * @param active requests (HTTP) or connections (TCP) at the target now
 * @param total all that were given to it
 * @param failed failed connects, early closes, invalid responses and timeouts
 * @param failures of these, how many for which reason
 * @param times how long requests took at it
 */
public record TargetStatus(
        String pool,
        InetSocketAddress address,
        State state,
        Health health,
        int weight,
        int priority,
        String protocol,
        Encryption encryption,
        boolean backingOff,
        boolean ejected,
        long active,
        long total,
        long failed,
        Map<String, Long> failures,
        List<TimeStatus> times) {
    /**
     * How long one part of requests took, since the target is there.
     *
     * @param part {@code connect}, {@code first_byte} or {@code total}
     * @param count how often it was measured
     * @param p50Us half of them took less, in microseconds; as p90 and p99 by the bounds of a histogram
     */
    public record TimeStatus(String part, long count, long p50Us, long p90Us, long p99Us) {
        static TimeStatus of(Timing timing, Latencies latencies) {
            return new TimeStatus(
                    timing.name().toLowerCase(Locale.ROOT),
                    latencies.count(timing),
                    latencies.quantileUs(timing, 0.5),
                    latencies.quantileUs(timing, 0.9),
                    latencies.quantileUs(timing, 0.99));
        }
    }

    /** The counts of both, and {@code this} for the rest. */
    TargetStatus sum(TargetStatus other) {
        Map<String, Long> both = new LinkedHashMap<>(failures);
        other.failures.forEach((reason, count) -> both.merge(reason, count, Long::sum));
        return new TargetStatus(
                pool,
                address,
                state,
                health,
                weight,
                priority,
                protocol,
                encryption,
                backingOff,
                ejected,
                active + other.active,
                total + other.total,
                failed + other.failed,
                both,
                times);
    }

    /** What the configuration says of a target. */
    public enum State {
        ACTIVE,
        /** Finishes what it has. */
        DRAINING,
        /** No longer in the configuration, but work is left at it. */
        REMOVED
    }

    /** What checks say of a target. */
    public enum Health {
        /** Nobody asks. */
        UNCHECKED,
        /** The first check has not ended. */
        UNKNOWN,
        HEALTHY,
        UNHEALTHY
    }

    /** What stands between the load balancer and a target. */
    public enum Encryption {
        NONE,
        /** TLS with a target that has proved who it is. */
        VERIFIED,
        /** TLS with whoever answers: {@link TargetTlsConfig#verify} is off. */
        UNVERIFIED
    }
}
