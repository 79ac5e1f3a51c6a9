package dev.drover.lb.path;

/**
 * Where copies of the requests of a route go, how many of them, and how much they may hold. Shared by the lanes, each of which
 * counts its own copies under way.
 */
public final class Mirror {
    /** Between the counts of two lanes, so that they do not share a cache line. */
    private static final int SPREAD = 16;

    private final Pool pool;
    private final int percent;
    private final int bodyBytes;
    private final int maxCopies;
    private final long timeoutNs;
    private final int[] copies;

    /**
     * @param percent of the requests, 1 to 100
     * @param bodyBytes of a request with a longer body there is no copy
     * @param maxCopies under way at a time, per lane
     * @param timeoutNs from the request to the end of the answer to its copy
     */
    public Mirror(Pool pool, int percent, int bodyBytes, int maxCopies, long timeoutNs, int lanes) {
        this.pool = pool;
        this.percent = percent;
        this.bodyBytes = bodyBytes;
        this.maxCopies = maxCopies;
        this.timeoutNs = timeoutNs;
        copies = new int[lanes * SPREAD];
    }

    Pool pool() {
        return pool;
    }

    int bodyBytes() {
        return bodyBytes;
    }

    long timeoutNs() {
        return timeoutNs;
    }

    /** Whether there is to be a copy of a request. */
    boolean wants(LbLane lane) {
        return percent == 100 || (lane.random() >>> 33) % 100 < percent;
    }

    /** Counts one copy more, unless there are as many as there may be. */
    boolean enter(LbLane lane) {
        int at = lane.index() * SPREAD;
        if (copies[at] >= maxCopies) {
            return false;
        }
        copies[at]++;
        return true;
    }

    void leave(LbLane lane) {
        copies[lane.index() * SPREAD]--;
    }
}
