package dev.drover.lb.path;

/**
 * Counts what the other side of an HTTP/2 connection has us do without asking or answering anything: pings, settings and
 * the like, streams that must be reset (CVE-2019-9512 and its kin). One for each connection, touched by its lane alone.
 */
final class H2Glitches {
    private static final long WINDOW_NS = 10_000_000_000L;
    /** In one window. */
    private static final int MAX = 2_000;
    /** What one costs that makes us write while the other side does not read, or reset a stream. */
    static final int DEAR = 10;

    private int count;
    private long sinceNs = System.nanoTime();
    private boolean dataMoved;

    /** DATA went over the connection, either way. */
    void dataMoved() {
        dataMoved = true;
    }

    /**
     * As {@link #tooMany}, for a ping. gRPC measures its windows by a ping behind DATA, thousands of times a second on a busy
     * connection: one for each time that DATA has moved is free.
     */
    boolean tooManyPings(boolean writable) {
        boolean free = dataMoved && writable;
        dataMoved = false;
        return !free && tooMany(writable ? 1 : DEAR);
    }

    /** Takes note of one more; true when that is more than a connection may cost. */
    boolean tooMany(int cost) {
        long nowNs = System.nanoTime();
        if (nowNs - sinceNs > WINDOW_NS) {
            sinceNs = nowNs;
            count = 0;
        }
        count += cost;
        return count > MAX;
    }
}
