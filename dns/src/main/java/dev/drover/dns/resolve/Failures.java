package dev.drover.dns.resolve;

import dev.drover.dns.wire.ExtendedError;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Questions that failed lately (RFC 9520): 1 s after the first failure, up to 5 s when it goes on. A failure to reach
 * anybody is forgotten as soon as an upstream of the set has answered something. Bounded; one a lane.
 */
final class Failures {
    private static final int MAX = 1_024;
    private static final long FIRST_NS = 1_000 * Timing.MS;
    private static final long LONGEST_NS = 5_000 * Timing.MS;

    private record Failure(ExtendedError why, long atNs, long pauseNs) {}

    private final Map<Question, Failure> failures = new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Question, Failure> eldest) {
            return size() > MAX;
        }
    };

    @Nullable
    ExtendedError find(Question question, UpstreamSet set, long nowNs) {
        Failure failure = failures.get(question);
        if (failure == null || nowNs - failure.atNs >= failure.pauseNs) {
            return null;
        }
        boolean reach = failure.why != ExtendedError.UPSTREAMS_REFUSED;
        return reach && set.answeredSince(failure.atNs) ? null : failure.why;
    }

    void add(Question question, ExtendedError why, long nowNs) {
        Failure before = failures.remove(question);
        long pause = before == null ? FIRST_NS : Math.min(LONGEST_NS, 2 * before.pauseNs);
        failures.put(question, new Failure(why, nowNs, pause));
    }

    void remove(Question question) {
        if (!failures.isEmpty()) {
            failures.remove(question);
        }
    }
}
