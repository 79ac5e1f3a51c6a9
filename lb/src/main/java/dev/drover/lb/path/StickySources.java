package dev.drover.lb.path;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Remembers which target a source of work went to, for as long as it keeps coming. Bounded: of {@value #WAYS} sources that share
 * a place, the one that has been silent longest is forgotten. Shared by the lanes without locks: two that write one place at
 * once may at worst make one source begin anew.
 */
public final class StickySources {
    private static final int WAYS = 4;
    private static final int PLACES = 16_384;

    private final long idleNs;
    /** Hash of the source; 0 for none. */
    private final AtomicLongArray keys = new AtomicLongArray(PLACES * WAYS);
    /** Of its target. */
    private final AtomicLongArray tokens = new AtomicLongArray(PLACES * WAYS);
    /** {@link System#nanoTime()} of its last work. */
    private final AtomicLongArray seenNs = new AtomicLongArray(PLACES * WAYS);

    /** @param idleNs how long a silent source is remembered */
    public StickySources(long idleNs) {
        this.idleNs = idleNs;
    }

    /** The target that {@code source} went to last, or 0. */
    long token(long source, long nowNs) {
        int first = place(source);
        for (int i = first; i < first + WAYS; i++) {
            if (keys.get(i) == source) {
                long token = tokens.get(i);
                boolean known = nowNs - seenNs.get(i) <= idleNs && keys.get(i) == source;
                return known ? token : 0;
            }
        }
        return 0;
    }

    /** {@code source} has come, and goes to the target of {@code token}. */
    void hold(long source, long token, long nowNs) {
        int first = place(source);
        int oldest = first;
        for (int i = first; i < first + WAYS; i++) {
            if (keys.get(i) == source) {
                oldest = i;
                break;
            }
            if (keys.get(i) == 0 || keys.get(oldest) != 0 && seenNs.get(i) - seenNs.get(oldest) < 0) {
                oldest = i;
            }
        }
        if (keys.get(oldest) != source) {
            keys.set(oldest, 0);
        }
        tokens.set(oldest, token);
        seenNs.set(oldest, nowNs);
        keys.set(oldest, source);
    }

    private static int place(long source) {
        return (int) (source >>> 32 & PLACES - 1) * WAYS;
    }
}
