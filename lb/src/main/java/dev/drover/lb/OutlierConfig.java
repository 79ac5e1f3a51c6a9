package dev.drover.lb;

import java.time.Duration;

/**
 * When a target that fails at requests is passed over for a while, without being asked.
 *
 * @param failures in a row: no valid answer in time, or 502, 503 or 504 as the answer; 0 is never
 * @param ejection how long at first; doubles each time up to sixteenfold
 * @param maxPercent of the targets that are passed over for this reason at a time
 */
public record OutlierConfig(int failures, Duration ejection, int maxPercent) {
    public static final OutlierConfig DEFAULTS = new OutlierConfig(5, Duration.ofSeconds(10), 50);
    public static final OutlierConfig OFF = new OutlierConfig(0, Duration.ofSeconds(10), 0);

    public OutlierConfig {
        Ranges.number("failures", failures, 0, 1_000);
        Ranges.time("ejection", ejection, Duration.ofMillis(100), Duration.ofHours(1));
        Ranges.number("max-percent", maxPercent, 0, 100);
    }
}
