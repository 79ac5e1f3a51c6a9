package dev.drover.overlay;

/** Says by how much a counter has grown, at once when it begins to and then once a period. Owned by one thread. */
final class GrowthAlarm {
    private final long periodNs;
    private long toldTotal;
    private long toldNs;
    private boolean told;

    GrowthAlarm(long periodNs) {
        this.periodNs = periodNs;
    }

    /** What is to be told now; 0 for nothing. */
    long grown(long total, long nowNs) {
        long grown = total - toldTotal;
        if (grown == 0 || told && nowNs - toldNs < periodNs) {
            return 0;
        }
        told = true;
        toldTotal = total;
        toldNs = nowNs;
        return grown;
    }
}
