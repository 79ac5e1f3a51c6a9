package dev.drover.lb;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Targets that serve the same, and how work is shared among them. Pools of the same name are the same pool, wherever
 * routes lead to them, and must then be equal; a change leaves live connections alone.
 *
 * @param name unique in the configuration
 * @param boundedLoadPercent for {@link Balance#SOURCE_HASH} and {@link Balance#MAGLEV}: no target gets more than this share
 *     of the average load, 101 to 1000; 0 is no bound
 * @param slowStart in which a target that has just come, or become well, works up to its weight; zero is at once
 * @param stickyCookie name of the cookie that holds a client to its target; null for none
 * @param health how targets are asked whether they are well; null to take them for well
 * @param failOpen whether targets get work when every one is unhealthy
 * @param targetTls how connections to the targets, and checks of them, are encrypted; null for not at all
 */
public record PoolConfig(
        String name,
        Balance balance,
        int boundedLoadPercent,
        Duration slowStart,
        @Nullable String stickyCookie,
        @Nullable HealthCheckConfig health,
        boolean failOpen,
        OutlierConfig outlier,
        CapacityConfig capacity,
        RetryConfig retries,
        List<TargetConfig> targets,
        @Nullable TargetTlsConfig targetTls) {
    public PoolConfig {
        targets = List.copyOf(targets);
        if (boundedLoadPercent != 0 && (boundedLoadPercent < 101 || boundedLoadPercent > 1_000)) {
            throw new IllegalArgumentException(
                    "bounded-load: " + boundedLoadPercent + " (expected: 101 to 1000 percent, or 0)");
        }
        if (boundedLoadPercent != 0 && balance != Balance.SOURCE_HASH && balance != Balance.MAGLEV) {
            throw new IllegalArgumentException(
                    "bounded-load: " + boundedLoadPercent + " (expected: only with source-hash or maglev)");
        }
        Ranges.time("slow-start", slowStart, Duration.ZERO, Duration.ofHours(1));
        if (stickyCookie != null && !stickyCookie.matches("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")) {
            throw new IllegalArgumentException(
                    "sticky: " + stickyCookie + " (expected: a cookie name of 1 to 64 letters, digits, '-' or '_')");
        }
    }

    /** Without TLS. */
    public PoolConfig(
            String name,
            Balance balance,
            int boundedLoadPercent,
            Duration slowStart,
            @Nullable String stickyCookie,
            @Nullable HealthCheckConfig health,
            boolean failOpen,
            OutlierConfig outlier,
            CapacityConfig capacity,
            RetryConfig retries,
            List<TargetConfig> targets) {
        this(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                stickyCookie,
                health,
                failOpen,
                outlier,
                capacity,
                retries,
                targets,
                null);
    }

    /** With the defaults of everything else. */
    public static PoolConfig of(String name, Balance balance, List<TargetConfig> targets) {
        return new PoolConfig(
                name,
                balance,
                0,
                Duration.ZERO,
                null,
                null,
                true,
                OutlierConfig.DEFAULTS,
                CapacityConfig.UNLIMITED,
                RetryConfig.DEFAULTS,
                targets);
    }

    public PoolConfig withBoundedLoad(int percent) {
        return new PoolConfig(
                name,
                balance,
                percent,
                slowStart,
                stickyCookie,
                health,
                failOpen,
                outlier,
                capacity,
                retries,
                targets,
                targetTls);
    }

    public PoolConfig withSlowStart(Duration time) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                time,
                stickyCookie,
                health,
                failOpen,
                outlier,
                capacity,
                retries,
                targets,
                targetTls);
    }

    public PoolConfig withStickyCookie(String cookie) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                cookie,
                health,
                failOpen,
                outlier,
                capacity,
                retries,
                targets,
                targetTls);
    }

    /** @param open whether targets get work when every one is unhealthy */
    public PoolConfig withHealth(HealthCheckConfig check, boolean open) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                stickyCookie,
                check,
                open,
                outlier,
                capacity,
                retries,
                targets,
                targetTls);
    }

    public PoolConfig withOutlier(OutlierConfig rules) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                stickyCookie,
                health,
                failOpen,
                rules,
                capacity,
                retries,
                targets,
                targetTls);
    }

    public PoolConfig withCapacity(CapacityConfig bounds) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                stickyCookie,
                health,
                failOpen,
                outlier,
                bounds,
                retries,
                targets,
                targetTls);
    }

    public PoolConfig withRetries(RetryConfig rules) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                stickyCookie,
                health,
                failOpen,
                outlier,
                capacity,
                rules,
                targets,
                targetTls);
    }

    /** @param tls null for none */
    public PoolConfig withTargetTls(@Nullable TargetTlsConfig tls) {
        return new PoolConfig(
                name,
                balance,
                boundedLoadPercent,
                slowStart,
                stickyCookie,
                health,
                failOpen,
                outlier,
                capacity,
                retries,
                targets,
                tls);
    }
}
