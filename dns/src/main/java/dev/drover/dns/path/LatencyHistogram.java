package dev.drover.dns.path;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How long queries took inside this server, a padded row of plain counters per lane, as {@link
 * dev.drover.dataplane.CounterSet}. Bucket {@code i} counts what took less than {@code 2^i} microseconds and not less than
 * half of that.
 */
public final class LatencyHistogram {
    /** Where an answer came from. */
    public enum Source {
        /** Our names, and errors. */
        ZONE,
        /** The cache, or upstreams. */
        FORWARD
    }

    /** The last one holds all that took 8 s and more. */
    public static final int BUCKETS = 24;

    private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int PADDING_CELLS = 16;
    private static final long NS_PER_US = 1_000;

    private final long[][] rows;

    public LatencyHistogram(int lanes) {
        rows = new long[lanes][PADDING_CELLS + Source.values().length * (BUCKETS + 1) + PADDING_CELLS];
    }

    /**
     * Counts {@code weight} queries of one duration; only the thread of {@code lane} may call this.
     *
     * @param weight of how many queries this one was picked
     */
    void record(int lane, Source source, long durationNs, int weight) {
        int bucket = Math.min(BUCKETS - 1, Long.SIZE - Long.numberOfLeadingZeros(durationNs / NS_PER_US));
        add(lane, cell(source, bucket), weight);
        add(lane, cell(source, BUCKETS), weight * durationNs);
    }

    private void add(int lane, int cell, long amount) {
        long[] row = rows[lane];
        CELL.setOpaque(row, cell, row[cell] + amount);
    }

    private static int cell(Source source, int bucket) {
        return PADDING_CELLS + source.ordinal() * (BUCKETS + 1) + bucket;
    }

    /** Queries in a bucket, all lanes. */
    public long count(Source source, int bucket) {
        return sum(cell(source, bucket));
    }

    /** Of all durations, in nanoseconds. */
    public long totalNs(Source source) {
        return sum(cell(source, BUCKETS));
    }

    private long sum(int cell) {
        long sum = 0;
        for (long[] row : rows) {
            sum += (long) CELL.getOpaque(row, cell);
        }
        return sum;
    }
}
