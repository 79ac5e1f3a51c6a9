package dev.drover.lb;

import java.net.InetSocketAddress;

/**
 * A target of a pool as it is now.
 *
 * @param state what the configuration says of it
 * @param health what checks say of it
 * @param backingOff passed over for a while since connects to it failed
 * @param ejected passed over for a while since its answers were failures
 * @param active requests (HTTP) or connections (TCP) at the target now
 * @param total all that were given to it
 * @param failed failed connects, early closes, invalid responses and timeouts
 */
public record TargetStatus(
        String pool,
        InetSocketAddress address,
        State state,
        Health health,
        int weight,
        int priority,
        boolean backingOff,
        boolean ejected,
        long active,
        long total,
        long failed) {
    /** What the configuration says of a target. */
    public enum State {
        ACTIVE,
        /** Finishes what it has. */
        DRAINING,
        /** No longer in the configuration, but work is left at it. */
        REMOVED
    }

    /** What checks say of a target. */
    public enum Health {
        /** Nobody asks. */
        UNCHECKED,
        /** The first check has not ended. */
        UNKNOWN,
        HEALTHY,
        UNHEALTHY
    }
}
