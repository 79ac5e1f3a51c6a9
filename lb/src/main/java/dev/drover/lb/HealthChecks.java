package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * The checks that run: one per working target of each pool that wants them. The timer is the control thread's; each
 * check has a virtual thread of its own, so that a target that hangs keeps none other waiting.
 */
final class HealthChecks {
    /** Told each result, on a thread of its own. */
    interface Listener {
        /** @param failure why the check failed; empty when it was good */
        void onCheck(PoolState pool, PoolState.Member member, HealthCheckConfig config, String failure);
    }

    private final ScheduledExecutorService timer;
    private final Listener listener;
    private Map<PoolState.Member, Check> running = new HashMap<>();

    HealthChecks(ScheduledExecutorService timer, Listener listener) {
        this.timer = timer;
        this.listener = listener;
    }

    /** Starts and ends checks so that these pools have theirs; one that did not change goes on in its rhythm. */
    void update(Collection<PoolState> pools) {
        Map<PoolState.Member, Check> next = new HashMap<>();
        for (PoolState pool : pools) {
            HealthCheckConfig config = pool.config().health();
            if (config == null) {
                continue;
            }
            for (PoolState.Member member : pool.members().values()) {
                if (!member.config().working()) {
                    continue;
                }
                Check check = running.get(member);
                if (check == null || !check.config.equals(config)) {
                    check = new Check(pool, member, config);
                    check.start();
                }
                next.put(member, check);
            }
        }
        running.forEach((member, check) -> {
            if (next.get(member) != check) {
                check.ended = true;
            }
        });
        running = next;
    }

    void close() {
        running.values().forEach(check -> check.ended = true);
        running = Map.of();
    }

    private final class Check implements Runnable {
        private final PoolState pool;
        private final PoolState.Member member;
        private final HealthCheckConfig config;
        private volatile boolean ended;

        Check(PoolState pool, PoolState.Member member, HealthCheckConfig config) {
            this.pool = pool;
            this.member = member;
            this.config = config;
        }

        void start() {
            Thread.ofVirtual().name("lb-health").start(this);
        }

        @Override
        public void run() {
            if (ended) {
                return;
            }
            InetSocketAddress address = member.target.address();
            String failure = HealthProbe.check(config, address, pool.config().targetProtocol(), pool.tls());
            if (!ended) {
                listener.onCheck(pool, member, config, failure);
                long intervalNs = config.interval().toNanos();
                long jitterNs = ThreadLocalRandom.current().nextLong(intervalNs / 5 + 1) - intervalNs / 10;
                try {
                    var _ = timer.schedule(this::start, intervalNs + jitterNs, TimeUnit.NANOSECONDS);
                } catch (RejectedExecutionException e) {
                    ended = true; // the load balancer was closed meanwhile
                }
            }
        }
    }
}
