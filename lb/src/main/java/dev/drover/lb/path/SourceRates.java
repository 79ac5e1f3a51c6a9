package dev.drover.lb.path;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Token buckets for the sources of requests, shared by the lanes of a listener. A bucket is one number, the time at which
 * it will be full again (GCRA, the generic cell rate algorithm), in a table of fixed size: a source has its place in one of
 * {@value #WAYS} neighbours, and who comes new takes the one that is full, or will be first. A flood from more sources than
 * there are places so forgets the least active; those that ask most stay known.
 *
 * <p>Lanes race for a bucket without locks: the one that loses tries again. While a place changes its owner a request may
 * be counted for the wrong one of the two.
 */
final class SourceRates {
    static final int WAYS = 8;
    private static final int SETS = 8 * 1024;
    private static final int TRIES = 4;
    private static final long SECOND_NS = 1_000_000_000;

    private final AtomicLongArray sources = new AtomicLongArray(SETS * WAYS);
    private final AtomicLongArray fullAtNs = new AtomicLongArray(SETS * WAYS);
    /** So that nobody can choose addresses that share a place. */
    private final long seed = ThreadLocalRandom.current().nextLong();

    private final long baseNs = System.nanoTime();

    /**
     * Takes a token of {@code source}.
     *
     * @param source see {@link SourceKey#exact}; not 0
     * @param rate tokens per second
     * @param burst tokens of a full bucket
     * @return 0, or in how many nanoseconds there will be a token
     */
    long take(long source, long rate, long burst, long nowNs) {
        long now = nowNs - baseNs;
        long tokenNs = SECOND_NS / rate;
        int place = place(source, now);
        for (int i = 0; i < TRIES; i++) {
            long full = fullAtNs.get(place);
            long next = Math.max(full, now) + tokenNs;
            long waitNs = next - now - burst * tokenNs;
            if (waitNs > 0) {
                return waitNs;
            }
            if (fullAtNs.compareAndSet(place, full, next)) {
                return 0;
            }
        }
        return 0;
    }

    private int place(long source, long now) {
        int from = (int) (Balancer.mix(source ^ seed) & SETS - 1) * WAYS;
        int first = from;
        for (int i = from; i < from + WAYS; i++) {
            if (sources.get(i) == source) {
                return i;
            }
            if (fullAtNs.get(i) < fullAtNs.get(first)) {
                first = i;
            }
        }
        sources.set(first, source);
        fullAtNs.set(first, now);
        return first;
    }
}
