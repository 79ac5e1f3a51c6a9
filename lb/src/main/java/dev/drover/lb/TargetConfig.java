package dev.drover.lb;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * One place a pool may send to.
 *
 * @param address resolved address and port
 * @param draining true when it takes no new requests but may finish those it has
 * @param weight share of the work, 0 to 256; 0 takes none, as if it drained
 * @param priority 0 to 15; higher ones are only used when none of the lower is well
 * @param id names the target wherever it runs, for cookies that hold on every host; null for its address
 */
public record TargetConfig(
        InetSocketAddress address,
        boolean draining,
        int weight,
        int priority,
        @Nullable String id) {
    public static final int MAX_WEIGHT = 256;
    public static final int MAX_PRIORITY = 15;

    public TargetConfig {
        if (address.isUnresolved()) {
            throw new IllegalArgumentException("target: " + address + " (expected: an IP address and port)");
        }
        range("weight", weight, MAX_WEIGHT);
        range("priority", priority, MAX_PRIORITY);
    }

    /** Of weight 1 and priority 0. */
    public TargetConfig(InetSocketAddress address, boolean draining) {
        this(address, draining, 1, 0, null);
    }

    public static TargetConfig active(InetSocketAddress address) {
        return new TargetConfig(address, false);
    }

    /** A copy with another weight. */
    public TargetConfig withWeight(int share) {
        return new TargetConfig(address, draining, share, priority, id);
    }

    /** A copy with another priority. */
    public TargetConfig withPriority(int level) {
        return new TargetConfig(address, draining, weight, level, id);
    }

    /** Whether it takes new work. */
    boolean working() {
        return !draining && weight > 0;
    }

    private static void range(String key, int value, int most) {
        if (value < 0 || value > most) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: 0 to " + most + ")");
        }
    }
}
