package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PoolTest {
    private static final Limits LIMITS =
            new Limits(1_000, 1_000, 1, 1, 1, 1, 1_000_000_000L, 10_000_000_000L, 1_024, 0, 1);

    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
    private final LbLane lane = new LbLane(
            lanes, 0, LIMITS, new CounterSet<>(Outcome.class, 1), new CounterSet<>(Event.class, 1), cause -> {});
    private final Pool pool = new Pool("p", PoolPolicy.PLAIN, 1);
    private final AtomicLong turn = new AtomicLong();
    private final Target a = target(1);
    private final Target b = target(2);
    private final Target c = target(3);

    @AfterEach
    void close() {
        lanes.close();
    }

    private Target target(int port) {
        return new Target(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), port, 1, LIMITS, pool.room());
    }

    private void publish(List<Target> active, List<Target> draining) {
        int[] weights = new int[active.size()];
        Arrays.fill(weights, 1);
        pool.publish(new TargetSet(
                active, draining, active.isEmpty() ? List.of() : List.of(new RoundRobin(active, weights, turn))));
    }

    private List<Target> pick(int count) {
        return java.util.stream.Stream.generate(() -> pool.pick(lane, 0, new Tried()))
                .limit(count)
                .toList();
    }

    @Test
    void targets_have_their_turns_in_order() {
        publish(List.of(a, b, c), List.of());
        assertThat(pick(7)).containsExactly(a, b, c, a, b, c, a);
    }

    @Test
    void draining_targets_have_none() {
        publish(List.of(a, c), List.of(b));
        assertThat(pick(4)).containsExactly(a, c, a, c);
        publish(List.of(), List.of(a, b, c));
        assertThat(pool.pick(lane, 0, new Tried())).isNull();
    }

    @Test
    void the_share_of_a_resting_target_goes_to_all_others() {
        publish(List.of(a, b, c), List.of());
        a.connectFailed(lane);
        assertThat(pick(6)).containsExactly(b, c, b, c, b, c);
        a.connected();
        assertThat(pick(3)).containsExactlyInAnyOrder(a, b, c);
    }

    @Test
    void resting_targets_are_tried_when_there_is_no_other() {
        publish(List.of(a, b), List.of());
        a.connectFailed(lane);
        b.connectFailed(lane);
        Tried tried = new Tried();
        Target first = pool.pick(lane, 0, tried);
        tried.add(first);
        Target second = pool.pick(lane, 0, tried);
        assertThat(second).isNotEqualTo(first).isNotNull();
        tried.add(second);
        assertThat(pool.pick(lane, 0, tried)).isNull();
    }

    @Test
    void rests_grow_up_to_their_limit() {
        long nowNs = System.nanoTime();
        for (int i = 0; i < 20; i++) {
            a.connectFailed(lane);
        }
        assertThat(a.backingOff(nowNs + 9_000_000_000L)).isTrue();
        assertThat(a.backingOff(System.nanoTime() + 10_000_000_001L)).isFalse();
    }

    @Test
    void the_next_level_is_asked_when_none_of_the_one_before_is_well() {
        pool.publish(new TargetSet(
                List.of(a, b, c),
                List.of(),
                List.of(
                        new RoundRobin(List.of(a), new int[] {1}, turn),
                        new RoundRobin(List.of(b, c), new int[] {1, 1}, new AtomicLong()))));
        assertThat(pick(3)).containsExactly(a, a, a);
        a.connectFailed(lane);
        assertThat(pick(4)).containsExactlyInAnyOrder(b, c, b, c);
        a.connected();
        assertThat(pick(2)).containsExactly(a, a);
    }

    @Test
    void full_targets_are_passed_over_even_when_there_is_no_other() {
        publish(List.of(a, b), List.of());
        a.maxActive(1);
        b.maxActive(1);
        a.begin(lane);
        assertThat(pick(2)).containsExactly(b, b);
        b.begin(lane);
        assertThat(pool.pick(lane, 0, new Tried())).isNull();
        a.end(lane);
        assertThat(pick(1)).containsExactly(a);
    }

    @Test
    void failures_in_a_row_eject_but_never_more_than_the_share_allowed() {
        publish(List.of(a, b, c), List.of());
        PoolPolicy policy = new PoolPolicy(null, null, false, 3, 10_000_000_000L, 50, 0, 0, 0, 0, 0, false);
        long nowNs = System.nanoTime();
        for (int i = 0; i < 2; i++) {
            a.gatewayFailure(policy, pool.targets(), nowNs);
        }
        a.answered();
        for (int i = 0; i < 2; i++) {
            a.gatewayFailure(policy, pool.targets(), nowNs);
        }
        assertThat(a.ejected(nowNs)).isFalse();
        a.gatewayFailure(policy, pool.targets(), nowNs);
        assertThat(a.ejected(nowNs)).isTrue();
        assertThat(pick(4)).doesNotContain(a);
        for (int i = 0; i < 10; i++) {
            b.gatewayFailure(policy, pool.targets(), nowNs);
        }
        assertThat(b.ejected(nowNs)).as("two of three are more than half").isFalse();
        assertThat(a.ejected(nowNs + 10_000_000_001L)).isFalse();
    }

    @Test
    void ejections_grow_longer() {
        publish(List.of(a, b), List.of());
        PoolPolicy policy = new PoolPolicy(null, null, false, 1, 1_000_000_000L, 50, 0, 0, 0, 0, 0, false);
        long nowNs = System.nanoTime();
        for (int i = 0; i < 4; i++) {
            a.gatewayFailure(policy, pool.targets(), nowNs);
            assertThat(a.ejected(nowNs + (1_000_000_000L << i) - 1)).isTrue();
            nowNs += (1_000_000_000L << i) + 1;
            assertThat(a.ejected(nowNs)).isFalse();
        }
    }

    @Test
    void retries_have_a_budget_of_a_share_of_the_requests() {
        RetryBudget budget = new RetryBudget(1);
        PoolPolicy policy = new PoolPolicy(null, null, false, 0, 0, 0, 20, 1, 0, 0, 0, false);
        long nowNs = System.nanoTime();
        int idle = 0;
        while (budget.take(lane, policy, nowNs)) {
            idle++;
        }
        assertThat(idle).as("ten seconds' worth of one a second").isBetween(9, 11);
        for (int i = 0; i < 1_000; i++) {
            budget.onRequest(lane);
        }
        int busy = 0;
        while (budget.take(lane, policy, nowNs + 1_000_000_000L)) {
            busy++;
        }
        assertThat(busy).isBetween(180, 202);
    }
}
