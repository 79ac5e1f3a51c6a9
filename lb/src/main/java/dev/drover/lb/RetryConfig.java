package dev.drover.lb;

import java.time.Duration;

/**
 * How many requests may be sent to a second target after the first has got them. Attempts of which nothing was sent
 * (a connect that failed) are not counted: they are no load.
 *
 * @param budgetPercent of all requests
 * @param minPerSecond that are always allowed
 * @param perTryTimeout after which a request that may be repeated goes elsewhere; zero to wait for the answer
 */
public record RetryConfig(int budgetPercent, int minPerSecond, Duration perTryTimeout) {
    public static final RetryConfig DEFAULTS = new RetryConfig(20, 10, Duration.ZERO);

    public RetryConfig {
        Ranges.number("budget", budgetPercent, 0, 100);
        Ranges.number("min-per-second", minPerSecond, 0, 1_000_000);
        Ranges.time("per-try-timeout", perTryTimeout, Duration.ZERO, Duration.ofHours(1));
    }
}
