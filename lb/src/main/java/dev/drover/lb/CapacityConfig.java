package dev.drover.lb;

import java.time.Duration;

/**
 * How much work targets get at a time, and who waits.
 *
 * @param maxConnections requests (HTTP) or connections (TCP) at one target; 0 is no limit
 * @param maxQueued requests that may wait when every target is full
 * @param queueTimeout how long they wait
 */
public record CapacityConfig(int maxConnections, int maxQueued, Duration queueTimeout) {
    public static final CapacityConfig UNLIMITED = new CapacityConfig(0, 0, Duration.ofSeconds(5));

    public CapacityConfig {
        Ranges.number("max-connections", maxConnections, 0, 1_000_000);
        Ranges.number("max-queued", maxQueued, 0, 1_000_000);
        Ranges.time("queue-timeout", queueTimeout, Duration.ofMillis(50), Duration.ofHours(1));
    }
}
