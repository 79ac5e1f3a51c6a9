package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RouteTest {
    private static final Limits LIMITS =
            new Limits(1_000, 1_000, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1_000_000_000L, 10_000_000_000L, 1_024, 1_024, 0, 0, 1);

    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
    private final LbLane lane = new LbLane(
            lanes, 0, LIMITS, new CounterSet<>(Outcome.class, 1), new CounterSet<>(Event.class, 1), cause -> {});
    private final Route route = new Route(1);
    private final Target a = target(1);
    private final Target b = target(2);
    private final Target c = target(3);

    @AfterEach
    void close() {
        lanes.close();
    }

    private Target target(int port) {
        return new Target(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1, LIMITS);
    }

    private List<Target> pick(int count) {
        return java.util.stream.Stream.generate(() -> route.pick(new Tried()))
                .limit(count)
                .toList();
    }

    @Test
    void targets_have_their_turns_in_order() {
        route.publish(new TargetSet(List.of(a, b, c), List.of()));
        assertThat(pick(7)).containsExactly(a, b, c, a, b, c, a);
    }

    @Test
    void draining_targets_have_none() {
        route.publish(new TargetSet(List.of(a, c), List.of(b)));
        assertThat(pick(4)).containsExactly(a, c, a, c);
        route.publish(new TargetSet(List.of(), List.of(a, b, c)));
        assertThat(route.pick(new Tried())).isNull();
    }

    @Test
    void the_share_of_a_resting_target_goes_to_all_others() {
        route.publish(new TargetSet(List.of(a, b, c), List.of()));
        a.connectFailed(lane);
        assertThat(pick(6)).containsExactly(b, c, b, c, b, c);
        a.connected();
        assertThat(pick(3)).containsExactlyInAnyOrder(a, b, c);
    }

    @Test
    void resting_targets_are_tried_when_there_is_no_other() {
        route.publish(new TargetSet(List.of(a, b), List.of()));
        a.connectFailed(lane);
        b.connectFailed(lane);
        Tried tried = new Tried();
        Target first = route.pick(tried);
        tried.add(first);
        Target second = route.pick(tried);
        assertThat(second).isNotEqualTo(first).isNotNull();
        tried.add(second);
        assertThat(route.pick(tried)).isNull();
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
}
