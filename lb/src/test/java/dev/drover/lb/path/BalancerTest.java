package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What each way of choosing promises: fairness, order, and who moves when targets change. */
class BalancerTest {
    private static final int KEYS = 50_000;
    private static final Limits LIMITS =
            new Limits(1_000, 1_000, 1, 1, 1, 1, 1_000_000_000L, 10_000_000_000L, 1_024, 0, 1);

    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
    private final LbLane lane = new LbLane(
            lanes, 0, LIMITS, new CounterSet<>(Outcome.class, 1), new CounterSet<>(Event.class, 1), cause -> {});
    private final WaitingRoom room = new WaitingRoom(1);

    enum Hashing {
        SOURCE_HASH((targets, weights) -> new SourceHash(targets, weights, 0)),
        MAGLEV((targets, weights) -> new Maglev(targets, weights, 0));

        @SuppressWarnings("ImmutableEnumChecker") // a function
        final BiFunction<List<Target>, int[], Balancer> maker;

        Hashing(BiFunction<List<Target>, int[], Balancer> maker) {
            this.maker = maker;
        }
    }

    @AfterEach
    void close() {
        lanes.close();
    }

    private List<Target> targets(int count) {
        List<Target> targets = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral("10.42.0." + (i + 1)), 8_000);
            targets.add(new Target(address, i + 1, 1, LIMITS, room));
        }
        return targets;
    }

    private static int[] ones(int count) {
        int[] weights = new int[count];
        Arrays.fill(weights, 1);
        return weights;
    }

    private static long key(int i) {
        return SourceKey.of(new InetSocketAddress(
                InetAddress.ofLiteral("172." + (16 + i / 65_536) + "." + i / 256 % 256 + "." + i % 256), 1));
    }

    private Target pick(Balancer balancer, long key) {
        return balancer.pick(lane, key, new Tried(), System.nanoTime());
    }

    private Map<Target, Integer> count(Balancer balancer, int picks) {
        Map<Target, Integer> counts = new HashMap<>();
        for (int i = 0; i < picks; i++) {
            counts.merge(pick(balancer, key(i)), 1, Integer::sum);
        }
        return counts;
    }

    @Test
    void weighted_turns_are_spread_evenly() {
        assertThat(RoundRobin.schedule(new int[] {5, 1, 1})).isEqualTo(new char[] {0, 0, 1, 0, 2, 0, 0});
        assertThat(RoundRobin.schedule(new int[] {50, 10, 10})).hasSize(7);
        assertThat(RoundRobin.schedule(new int[] {25_600, 256, 1})).hasSizeLessThan(4_200);
    }

    @Test
    void weights_are_shares_of_the_work() {
        List<Target> targets = targets(3);
        int[] weights = {6, 3, 1};
        for (Balancer balancer : List.of(
                new RoundRobin(targets, weights, new AtomicLong()),
                new SourceHash(targets, weights, 0),
                new Maglev(targets, weights, 0))) {
            Map<Target, Integer> counts = count(balancer, KEYS);
            for (int i = 0; i < 3; i++) {
                assertThat(counts.get(targets.get(i)) / (double) KEYS)
                        .as("%s weight %s", balancer.getClass().getSimpleName(), weights[i])
                        .isCloseTo(weights[i] / 10.0, org.assertj.core.data.Offset.offset(0.015));
            }
        }
    }

    @Test
    void the_least_loaded_per_weight_is_chosen_and_equals_have_their_turn() {
        List<Target> targets = targets(3);
        Balancer balancer = new LeastConnections(targets, ones(3), new AtomicLong());
        assertThat(List.of(pick(balancer, 0), pick(balancer, 0), pick(balancer, 0)))
                .containsExactlyElementsOf(targets);
        targets.get(0).begin(lane);
        targets.get(1).begin(lane);
        assertThat(pick(balancer, 0)).isSameAs(targets.get(2));
        Balancer weighted = new LeastConnections(targets.subList(0, 2), new int[] {4, 1}, new AtomicLong());
        Map<Target, Integer> held = new HashMap<>();
        for (int i = 0; i < 98; i++) {
            Target target = pick(weighted, 0);
            target.begin(lane);
            held.merge(target, 1, Integer::sum);
        }
        assertThat(held.get(targets.get(0))).isBetween(77, 81);
    }

    @Test
    void of_two_the_faster_and_less_busy_is_chosen() {
        List<Target> targets = targets(2);
        Balancer balancer = new PowerOfTwo(targets, ones(2));
        long nowNs = System.nanoTime();
        targets.get(0).observe(1_000_000, nowNs);
        targets.get(1).observe(10_000_000, nowNs);
        assertThat(count(balancer, 200)).containsOnlyKeys(targets.get(0));
        for (int i = 0; i < 20; i++) {
            targets.get(0).begin(lane);
        }
        assertThat(count(balancer, 200)).containsOnlyKeys(targets.get(1));
    }

    @Test
    void a_target_without_an_answer_yet_is_asked_once_and_not_flooded() {
        List<Target> targets = targets(2);
        Balancer balancer = new PowerOfTwo(targets, ones(2));
        targets.get(0).observe(1_000_000, System.nanoTime());
        assertThat(pick(balancer, 0)).isSameAs(targets.get(1));
        targets.get(1).begin(lane);
        assertThat(count(balancer, 100)).containsOnlyKeys(targets.get(0));
    }

    @Test
    void many_targets_share_the_work_of_two_choices() {
        List<Target> targets = targets(10);
        Balancer balancer = new PowerOfTwo(targets, ones(10));
        for (int i = 0; i < 1_000; i++) {
            pick(balancer, 0).begin(lane);
        }
        for (Target target : targets) {
            assertThat(target.active()).isBetween(90L, 110L);
        }
    }

    @Test
    void latency_jumps_up_and_sinks_slowly() {
        Target target = targets(1).getFirst();
        long nowNs = System.nanoTime();
        target.observe(1_000_000, nowNs);
        target.observe(50_000_000, nowNs + 1);
        assertThat(target.latencyNs(nowNs + 1)).isEqualTo(50_000_000);
        target.observe(1_000_000, nowNs + 1_000_000_000L);
        assertThat(target.latencyNs(nowNs + 1_000_000_000L)).isBetween(40e6, 50e6);
        assertThat(target.latencyNs(nowNs + 60_000_000_000L)).isLessThan(1e6);
    }

    @ParameterizedTest
    @EnumSource
    void a_source_keeps_its_target_whatever_the_order_of_targets(Hashing hashing) {
        List<Target> targets = targets(7);
        Balancer one = hashing.maker.apply(targets, ones(7));
        Balancer other = hashing.maker.apply(targets.reversed(), ones(7));
        int same = 0;
        for (int i = 0; i < 5_000; i++) {
            assertThat(pick(one, key(i))).isSameAs(pick(one, key(i)));
            same += pick(one, key(i)) == pick(other, key(i)) ? 1 : 0;
        }
        assertThat(same).isGreaterThan(hashing == Hashing.SOURCE_HASH ? 4_999 : 4_800);
    }

    @ParameterizedTest
    @EnumSource
    void a_target_that_leaves_moves_hardly_any_source_but_its_own(Hashing hashing) {
        List<Target> targets = targets(10);
        Balancer before = hashing.maker.apply(targets, ones(10));
        Target gone = targets.get(3);
        List<Target> rest = new ArrayList<>(targets);
        rest.remove(gone);
        Balancer after = hashing.maker.apply(rest, ones(9));
        int others = 0;
        int moved = 0;
        for (int i = 0; i < KEYS; i++) {
            Target was = pick(before, key(i));
            if (was != gone) {
                others++;
                moved += pick(after, key(i)) == was ? 0 : 1;
            }
        }
        assertThat(moved / (double) others).isLessThan(hashing == Hashing.SOURCE_HASH ? 1e-9 : 0.04);
    }

    @ParameterizedTest
    @EnumSource
    void a_target_that_is_tried_or_rests_gives_its_sources_to_all_others(Hashing hashing) {
        List<Target> targets = targets(5);
        Balancer balancer = hashing.maker.apply(targets, ones(5));
        Map<Target, Integer> before = count(balancer, KEYS);
        targets.get(0).connectFailed(lane);
        Map<Target, Integer> after = count(balancer, KEYS);
        assertThat(after).doesNotContainKey(targets.get(0));
        for (Target target : targets.subList(1, 5)) {
            assertThat(after.get(target) - before.get(target))
                    .isBetween(before.get(targets.get(0)) / 5, before.get(targets.get(0)) / 3);
        }
    }

    @Test
    void every_slot_of_the_table_is_taken_and_shares_differ_little() {
        List<Target> targets = targets(100);
        int[] slots = new int[100];
        for (int slot : Maglev.table(targets.toArray(Target[]::new), ones(100), Maglev.SLOTS)) {
            slots[slot]++;
        }
        int most = Arrays.stream(slots).max().orElseThrow();
        int least = Arrays.stream(slots).min().orElseThrow();
        assertThat((double) most / least).isLessThan(1.01);
    }

    @Test
    void bounded_loads_keep_one_source_from_flooding_one_target() {
        List<Target> targets = targets(4);
        for (Balancer balancer : List.of(new SourceHash(targets, ones(4), 150), new Maglev(targets, ones(4), 150))) {
            List<Target> held = new ArrayList<>();
            for (int i = 0; i < 400; i++) {
                Target target = pick(balancer, key(7));
                target.begin(lane);
                held.add(target);
            }
            for (Target target : targets) {
                assertThat(target.active()).isLessThanOrEqualTo(151);
            }
            held.forEach(target -> target.end(lane));
        }
    }
}
