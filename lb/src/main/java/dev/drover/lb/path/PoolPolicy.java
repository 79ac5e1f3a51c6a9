package dev.drover.lb.path;

import org.jspecify.annotations.Nullable;

/**
 * What a pool does beside choosing, as the hot code wants it.
 *
 * @param sticky null when no cookie holds clients to a target
 * @param sources null when their address does not
 * @param latencies whether targets' latencies are worth measuring
 * @param ejectAfter gateway failures in a row after which a target rests; 0 is never
 * @param ejectNs length of the first rest, doubled with each that follows
 * @param maxEjectedPercent of the active targets that may rest for this reason at a time
 * @param budgetPercent requests sent a second time, of all requests
 * @param budgetPerSecond of these that are always allowed
 * @param perTryNs from the end of a request to the head of its response, where it may be sent again; 0 is no limit
 * @param maxQueued requests that may wait for a target that is full, per lane
 * @param queueNs how long they wait
 * @param clientAddress whether connections to targets come from the client's address
 */
public record PoolPolicy(
        @Nullable StickyCookie sticky,
        @Nullable StickySources sources,
        boolean latencies,
        int ejectAfter,
        long ejectNs,
        int maxEjectedPercent,
        int budgetPercent,
        int budgetPerSecond,
        long perTryNs,
        int maxQueued,
        long queueNs,
        boolean clientAddress) {
    /** Nothing beside choosing. */
    public static final PoolPolicy PLAIN = new PoolPolicy(null, null, false, 0, 0, 0, 100, 1_000_000, 0, 0, 0, false);
}
