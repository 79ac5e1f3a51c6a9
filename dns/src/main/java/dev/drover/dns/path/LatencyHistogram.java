package dev.drover.dns.path;

import dev.drover.dataplane.CounterRows;

/**
 * How long queries took inside this server, in {@link CounterRows}. Bucket {@code i} counts what took less than {@code
 * 2^i} microseconds and not less than half of that.
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

    private static final long NS_PER_US = 1_000;

    private final CounterRows rows;

    public LatencyHistogram(int lanes) {
        rows = new CounterRows(lanes, Source.values().length * (BUCKETS + 1));
    }

    /**
     * Counts {@code weight} queries of one duration; only the thread of {@code lane} may call this.
     *
     * @param weight of how many queries this one was picked
     */
    void record(int lane, Source source, long durationNs, int weight) {
        int bucket = Math.min(BUCKETS - 1, Long.SIZE - Long.numberOfLeadingZeros(durationNs / NS_PER_US));
        rows.add(lane, cell(source, bucket), weight);
        rows.add(lane, cell(source, BUCKETS), weight * durationNs);
    }

    private static int cell(Source source, int bucket) {
        return source.ordinal() * (BUCKETS + 1) + bucket;
    }

    /** Queries in a bucket, all lanes. */
    public long count(Source source, int bucket) {
        return rows.sum(cell(source, bucket));
    }

    /** Of all durations, in nanoseconds. */
    public long totalNs(Source source) {
        return rows.sum(cell(source, BUCKETS));
    }
}
