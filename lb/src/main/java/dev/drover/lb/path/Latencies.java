package dev.drover.lb.path;

import dev.drover.dataplane.CounterRows;

/**
 * How long requests took, by {@link Timing}, in {@link CounterRows}. The number of counters is fixed; two buckets for each
 * power of two of microseconds keep an estimate within a third of the truth.
 */
public final class Latencies {
    /** The last one holds all that took 2^26 us (67 s) and more. */
    public static final int BUCKETS = 54;

    private static final int CELLS = BUCKETS + 1;
    private static final long NS_PER_US = 1_000;

    private final CounterRows rows;

    public Latencies(int lanes) {
        rows = new CounterRows(lanes, Timing.values().length * CELLS);
    }

    /** Counts one duration; only the thread of {@code lane} may call this. */
    void record(LbLane lane, Timing timing, long durationNs) {
        rows.add(lane.index(), cell(timing, bucket(durationNs / NS_PER_US)), 1);
        rows.add(lane.index(), cell(timing, BUCKETS), durationNs);
    }

    /** Bucket 0 is less than 1 us; then two for each power of two, the lower half and the upper. */
    static int bucket(long us) {
        if (us <= 0) {
            return 0;
        }
        int power = Long.SIZE - 1 - Long.numberOfLeadingZeros(us);
        int half = power == 0 ? 0 : (int) (us >>> power - 1) & 1;
        return Math.min(BUCKETS - 1, 1 + 2 * power + half);
    }

    /** What is in {@code bucket} took less than this many microseconds; {@link Long#MAX_VALUE} for the last one. */
    public static long belowUs(int bucket) {
        if (bucket == BUCKETS - 1) {
            return Long.MAX_VALUE;
        }
        if (bucket == 0) {
            return 1;
        }
        int power = (bucket - 1) / 2;
        boolean lower = bucket % 2 == 1 && power > 0;
        return lower ? 3L << power - 1 : 2L << power;
    }

    private static int cell(Timing timing, int bucket) {
        return timing.ordinal() * CELLS + bucket;
    }

    /** How often a duration fell into a bucket, all lanes. */
    public long count(Timing timing, int bucket) {
        return rows.sum(cell(timing, bucket));
    }

    /** How many durations were counted. */
    public long count(Timing timing) {
        long all = 0;
        for (int i = 0; i < BUCKETS; i++) {
            all += count(timing, i);
        }
        return all;
    }

    /** Sum of all durations in nanoseconds. */
    public long totalNs(Timing timing) {
        return rows.sum(cell(timing, BUCKETS));
    }

    /**
     * A bound in microseconds that {@code share} of the durations kept below, at most half as much again as the least such
     * bound; 0 when nothing was counted.
     *
     * @param share 0 to 1
     */
    public long quantileUs(Timing timing, double share) {
        long wanted = (long) Math.ceil(count(timing) * share);
        long seen = 0;
        for (int i = 0; i < BUCKETS && wanted > 0; i++) {
            seen += count(timing, i);
            if (seen >= wanted) {
                return i == BUCKETS - 1 ? belowUs(BUCKETS - 2) : belowUs(i);
            }
        }
        return 0;
    }
}
