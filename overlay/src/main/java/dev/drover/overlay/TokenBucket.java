package dev.drover.overlay;

/** A limit of so many at once and so many a second. Owned by one thread. */
final class TokenBucket {
    private final double burst;
    private final double perNs;
    private double tokens;
    private long lastNs;

    /** @param periodNs in which {@code perPeriod} come anew */
    TokenBucket(int burst, int perPeriod, long periodNs, long nowNs) {
        this.burst = burst;
        perNs = perPeriod / (double) periodNs;
        tokens = burst;
        lastNs = nowNs;
    }

    /** Takes one; false when there is none. */
    boolean take(long nowNs) {
        tokens = Math.min(burst, tokens + (nowNs - lastNs) * perNs);
        lastNs = nowNs;
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }
}
