package dev.drover.lb;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Targets that serve the same, and how work is shared among them. Pools of the same name are the same pool, wherever
 * routes lead to them, and must then be equal; a change leaves live connections alone.
 *
 * @param name unique in the configuration
 * @param boundedLoadPercent for {@link Balance#SOURCE_HASH} and {@link Balance#MAGLEV}: no target gets more than this share
 *     of the average load, 101 to 1000; 0 is no bound
 * @param slowStart in which a target that has just come, or become well, works up to its weight; zero is at once
 * @param sticky what holds a client to its target; null for nothing
 * @param health how targets are asked whether they are well; null to take them for well
 * @param failOpen whether targets get work when every one is unhealthy
 * @param targetTls how connections to the targets, and checks of them, are encrypted; null for not at all
 * @param targetProtocol what requests, and checks of type HTTP, speak; only with {@link Protocol#HTTP}
 */
public record PoolConfig(
        String name,
        Balance balance,
        int boundedLoadPercent,
        Duration slowStart,
        @Nullable StickyConfig sticky,
        @Nullable HealthCheckConfig health,
        boolean failOpen,
        OutlierConfig outlier,
        CapacityConfig capacity,
        RetryConfig retries,
        List<TargetConfig> targets,
        @Nullable TargetTlsConfig targetTls,
        TargetProtocol targetProtocol) {
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
                targets,
                null,
                TargetProtocol.HTTP_1_1);
    }

    public PoolConfig withBoundedLoad(int percent) {
        return with(draft -> draft.boundedLoadPercent = percent);
    }

    public PoolConfig withSlowStart(Duration time) {
        return with(draft -> draft.slowStart = time);
    }

    /** @param how null for nothing */
    public PoolConfig withSticky(@Nullable StickyConfig how) {
        return with(draft -> draft.sticky = how);
    }

    public PoolConfig withStickyCookie(String cookie) {
        return withSticky(StickyConfig.cookie(cookie));
    }

    /** @param open whether targets get work when every one is unhealthy */
    public PoolConfig withHealth(HealthCheckConfig check, boolean open) {
        return with(draft -> {
            draft.health = check;
            draft.failOpen = open;
        });
    }

    public PoolConfig withOutlier(OutlierConfig rules) {
        return with(draft -> draft.outlier = rules);
    }

    public PoolConfig withCapacity(CapacityConfig bounds) {
        return with(draft -> draft.capacity = bounds);
    }

    public PoolConfig withRetries(RetryConfig rules) {
        return with(draft -> draft.retries = rules);
    }

    /** @param tls null for none */
    public PoolConfig withTargetTls(@Nullable TargetTlsConfig tls) {
        return with(draft -> draft.targetTls = tls);
    }

    public PoolConfig withTargetProtocol(TargetProtocol protocol) {
        return with(draft -> draft.targetProtocol = protocol);
    }

    private PoolConfig with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.pool();
    }

    /** A pool that is being changed: what differs from pool to pool beside its name and targets. */
    private static final class Draft {
        private final PoolConfig from;
        private int boundedLoadPercent;
        private Duration slowStart;
        private @Nullable StickyConfig sticky;
        private @Nullable HealthCheckConfig health;
        private boolean failOpen;
        private OutlierConfig outlier;
        private CapacityConfig capacity;
        private RetryConfig retries;
        private @Nullable TargetTlsConfig targetTls;
        private TargetProtocol targetProtocol;

        private Draft(PoolConfig from) {
            this.from = from;
            boundedLoadPercent = from.boundedLoadPercent;
            slowStart = from.slowStart;
            sticky = from.sticky;
            health = from.health;
            failOpen = from.failOpen;
            outlier = from.outlier;
            capacity = from.capacity;
            retries = from.retries;
            targetTls = from.targetTls;
            targetProtocol = from.targetProtocol;
        }

        private PoolConfig pool() {
            return new PoolConfig(
                    from.name,
                    from.balance,
                    boundedLoadPercent,
                    slowStart,
                    sticky,
                    health,
                    failOpen,
                    outlier,
                    capacity,
                    retries,
                    from.targets,
                    targetTls,
                    targetProtocol);
        }
    }
}
