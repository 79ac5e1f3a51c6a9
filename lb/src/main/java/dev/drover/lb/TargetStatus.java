package dev.drover.lb;

import java.net.InetSocketAddress;

/**
 * A target of a listener as it is now.
 *
 * @param state what the configuration says of it
 * @param backingOff passed over for a while since connects to it failed
 * @param active requests (HTTP) or connections (TCP) at the target now
 * @param total all that were given to it
 * @param failed failed connects, early closes, invalid responses and timeouts
 */
public record TargetStatus(
        InetSocketAddress address, State state, boolean backingOff, long active, long total, long failed) {
    /** What the configuration says of a target. */
    public enum State {
        ACTIVE,
        /** Finishes what it has. */
        DRAINING,
        /** No longer in the configuration, but work is left at it. */
        REMOVED
    }
}
