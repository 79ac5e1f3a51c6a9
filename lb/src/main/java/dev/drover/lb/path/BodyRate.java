package dev.drover.lb.path;

/**
 * Whether a client sends the body of a request at the rate it must, window by window. A window in which we did not want to
 * read tells nothing of the client.
 */
final class BodyRate {
    private long leastBytes;
    private long windowNs;
    private long lookAtNs = Timed.NEVER;
    private long bytes;
    private boolean held;

    void begin(ListenerLimits limits, long nowNs) {
        if (limits.bodyRate() == 0) {
            end();
            return;
        }
        windowNs = limits.bodyRateWindowNs();
        leastBytes = limits.bodyRate() * (windowNs / 1_000_000) / 1_000;
        lookAtNs = nowNs + windowNs;
        bytes = 0;
        held = false;
    }

    void read(int more) {
        bytes += more;
    }

    /** The client is not read for a while. */
    void held() {
        held = true;
    }

    /** When {@link #tooSlow} is to be asked; {@link Timed#NEVER} outside of bodies. */
    long lookAtNs() {
        return lookAtNs;
    }

    /** At the end of a window: whether it had too little; begins the next. */
    boolean tooSlow(long nowNs) {
        if (lookAtNs == Timed.NEVER || lookAtNs - nowNs > 0) {
            return false;
        }
        boolean slow = !held && bytes < leastBytes;
        lookAtNs = nowNs + windowNs;
        bytes = 0;
        held = false;
        return slow;
    }

    void end() {
        lookAtNs = Timed.NEVER;
    }
}
