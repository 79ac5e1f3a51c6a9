package dev.drover.lb.path;

/** Counters of one target. */
public enum TargetCounter {
    /** Requests (HTTP) or connections (TCP) at the target now. */
    ACTIVE,
    /** All that were ever given to the target. */
    TOTAL,
    /** Failed connects, connections closed before a response, invalid responses and timeouts. */
    FAILED
}
