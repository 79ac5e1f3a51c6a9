package dev.drover.controlplane.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.controlplane.store.Store.Compare;
import dev.drover.controlplane.store.Store.Entry;
import dev.drover.controlplane.store.Store.Event;
import dev.drover.controlplane.store.Store.Op;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every store promises; subclassed for each of them. */
@Timeout(60)
abstract class StoreContract {
    /** How many transactions the store under test keeps for watches. */
    static final int RETAINED = 64;

    Store store;

    abstract Store open() throws Exception;

    @BeforeEach
    void openStore() throws Exception {
        store = open();
    }

    @AfterEach
    void closeStore() {
        store.close();
    }

    private long put(String key, String value) {
        return store.commit(List.of(), List.of(new Op.Put(key, value)));
    }

    private long delete(String key) {
        return store.commit(List.of(), List.of(new Op.Delete(key)));
    }

    @Test
    void beginsEmptyAtRevisionZero() {
        assertThat(store.revision()).isZero();
        assertThat(store.list("").entries()).isEmpty();
        assertThat(store.get("a")).isNull();
    }

    @Test
    void countsOneRevisionForEachTransaction() {
        assertThat(put("a", "1")).isEqualTo(1);
        assertThat(store.commit(List.of(), List.of(new Op.Put("b", "1"), new Op.Put("c", "1"))))
                .isEqualTo(2);
        assertThat(put("a", "2")).isEqualTo(3);
        assertThat(store.get("a")).isEqualTo(new Entry("a", "2", 1, 3));
        assertThat(store.get("c")).isEqualTo(new Entry("c", "1", 2, 2));
        assertThat(store.revision()).isEqualTo(3);
    }

    @Test
    void listsByPrefixInKeyOrder() {
        put("hosts/e1/b", "1");
        put("hosts/e10/a", "1");
        put("hosts/e1/a", "1");
        put("stacks/e1/a", "1");
        assertThat(store.list("hosts/e1/").entries())
                .extracting(Entry::key)
                .containsExactly("hosts/e1/a", "hosts/e1/b");
        assertThat(store.list("hosts/e1/").revision()).isEqualTo(4);
    }

    @Test
    void commitsOnlyWhenEveryComparisonHolds() {
        long revision = put("a", "1");
        put("b", "1");
        List<Op> ops = List.of(new Op.Put("a", "2"), new Op.Delete("b"));
        assertThat(store.commit(List.of(new Compare("a", revision), new Compare("b", 99)), ops))
                .isEqualTo(-1);
        assertThat(store.get("a")).isEqualTo(new Entry("a", "1", 1, 1));
        assertThat(store.revision()).isEqualTo(2);
        assertThat(store.commit(List.of(new Compare("a", revision), new Compare("b", 2), new Compare("c", 0)), ops))
                .isEqualTo(3);
        assertThat(store.get("b")).isNull();
    }

    @Test
    void treatsAKeyThatWasDeletedAsNew() {
        put("a", "1");
        delete("a");
        assertThat(store.commit(List.of(new Compare("a", 0)), List.of(new Op.Put("a", "2"))))
                .isEqualTo(3);
        assertThat(store.get("a")).isEqualTo(new Entry("a", "2", 3, 3));
    }

    @Test
    void changesNothingWhenThereIsNothingToDelete() {
        put("a", "1");
        assertThat(delete("b")).isEqualTo(1);
        assertThat(store.revision()).isEqualTo(1);
    }

    @Test
    void refusesAKeyTwiceInOneTransactionAndStaysUsable() {
        assertThatThrownBy(() -> store.commit(List.of(), List.of(new Op.Put("a", "1"), new Op.Delete("a"))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'a'");
        assertThat(store.get("a")).isNull();
        assertThat(put("a", "1")).isEqualTo(1);
    }

    @Test
    void deliversToWatchesInOrderFromAnyKeptRevision() {
        put("x/a", "1");
        put("y/a", "1");
        List<Event> events = new CopyOnWriteArrayList<>();
        try (Store.Watch watch = store.watch("x/", 1, events::addAll)) {
            store.commit(List.of(), List.of(new Op.Put("x/b", "1"), new Op.Put("y/b", "1"), new Op.Put("x/c", "1")));
            delete("x/a");
            await().untilAsserted(() -> assertThat(events)
                    .containsExactly(
                            new Event("x/a", "1", 1),
                            new Event("x/b", "1", 3),
                            new Event("x/c", "1", 3),
                            new Event("x/a", null, 4)));
            assertThat(watch).isNotNull();
        }
    }

    @Test
    void deliversEachTransactionAsOneBatch() {
        List<List<Event>> batches = new CopyOnWriteArrayList<>();
        try (Store.Watch watch = store.watch("", 1, batches::add)) {
            store.commit(List.of(), List.of(new Op.Put("a", "1"), new Op.Put("b", "1")));
            put("c", "1");
            await().until(() -> batches.size() == 2);
            assertThat(batches.getFirst()).hasSize(2);
            assertThat(watch).isNotNull();
        }
    }

    @Test
    void saysWhenTheRevisionToWatchFromIsGone() {
        for (int i = 0; i < RETAINED * 2; i++) {
            put("a", "" + i);
        }
        assertThatThrownBy(() -> store.watch("", 1, events -> {}))
                .isInstanceOf(Store.CompactedException.class)
                .hasMessage("revision: 1 (expected: at least 65, older ones are compacted)");
        List<Event> events = new CopyOnWriteArrayList<>();
        try (Store.Watch watch = store.watch("", RETAINED + 1, events::addAll)) {
            await().until(() -> events.size() == RETAINED);
            assertThat(watch).isNotNull();
        }
    }

    @Test
    void keepsASlowWatchWithoutGapsAndLetsOthersRun() {
        CountDownLatch release = new CountDownLatch(1);
        List<Event> slow = new CopyOnWriteArrayList<>();
        List<Event> fast = new CopyOnWriteArrayList<>();
        int count = RETAINED * 4;
        try (Store.Watch first = store.watch("", 1, events -> {
                    awaitLatch(release);
                    slow.addAll(events);
                });
                Store.Watch second = store.watch("", 1, fast::addAll)) {
            for (int i = 0; i < count; i++) {
                put("k" + i, "1");
            }
            await().until(() -> fast.size() == count);
            assertThat(slow).isEmpty();
            release.countDown();
            await().until(() -> slow.size() == count);
            assertThat(slow).extracting(Event::revision).isSorted().doesNotHaveDuplicates();
            assertThat(List.of(first, second)).hasSize(2);
        }
    }

    @Test
    void callsNoListenerAfterItsWatchIsClosedAndSurvivesAFailingOne() {
        List<Event> closed = new CopyOnWriteArrayList<>();
        List<Long> failing = new CopyOnWriteArrayList<>();
        store.watch("", 1, closed::addAll).close();
        try (Store.Watch watch = store.watch("", 1, events -> {
            failing.add(events.getFirst().revision());
            throw new IllegalStateException("a listener that fails on purpose");
        })) {
            put("a", "1");
            put("b", "1");
            await().until(() -> failing.size() == 2);
            assertThat(closed).isEmpty();
            assertThat(watch).isNotNull();
        }
    }

    @Test
    void givesExactlyOneOfManyConcurrentWritersTheKey() throws Exception {
        int writers = 8;
        int rounds = 25;
        try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            for (int round = 0; round < rounds; round++) {
                String key = "claim/" + round;
                List<Future<Long>> results = new ArrayList<>();
                for (int w = 0; w < writers; w++) {
                    String value = "" + w;
                    results.add(threads.submit(
                            () -> store.commit(List.of(new Compare(key, 0)), List.of(new Op.Put(key, value)))));
                }
                int won = 0;
                for (Future<Long> result : results) {
                    won += result.get(20, TimeUnit.SECONDS) > 0 ? 1 : 0;
                }
                assertThat(won).as(key).isEqualTo(1);
            }
        }
        assertThat(store.revision()).isEqualTo(rounds);
    }

    /** Against the obvious model: a map and a list. */
    @Test
    void agreesWithAPlainMapUnderRandomTransactions() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Map<String, String> model = new HashMap<>();
        List<Event> seen = new CopyOnWriteArrayList<>();
        try (Store.Watch watch = store.watch("", 1, seen::addAll)) {
            for (int i = 0; i < 200; i++) {
                Map<String, Op> ops = new HashMap<>();
                for (int j = random.nextInt(4); j >= 0; j--) {
                    String key = "k" + random.nextInt(10);
                    ops.put(key, random.nextInt(3) == 0 ? new Op.Delete(key) : new Op.Put(key, "" + random.nextInt()));
                }
                long before = store.revision();
                boolean holds = random.nextBoolean();
                Entry any = store.get("k0");
                long modRevision = any == null ? 0 : any.modRevision();
                long revision = store.commit(
                        List.of(new Compare("k0", holds ? modRevision : modRevision + 1)), List.copyOf(ops.values()));
                assertThat(revision >= 0).as("seed %s", seed).isEqualTo(holds);
                assertThat(store.revision()).as("seed %s", seed).isBetween(before, before + 1);
                if (holds) {
                    ops.values().forEach(op -> {
                        switch (op) {
                            case Op.Put put -> model.put(put.key(), put.value());
                            case Op.Delete delete -> model.remove(delete.key());
                        }
                    });
                }
            }
            Map<String, String> listed = new HashMap<>();
            store.list("").entries().forEach(entry -> listed.put(entry.key(), entry.value()));
            assertThat(listed).as("seed %s", seed).isEqualTo(model);
            long revision = store.revision();
            await().until(() -> seen.getLast().revision() == revision);
            Map<String, String> replayed = new HashMap<>();
            seen.forEach(event -> {
                if (event.value() == null) {
                    replayed.remove(event.key());
                } else {
                    replayed.put(event.key(), event.value());
                }
            });
            assertThat(replayed).as("seed %s", seed).isEqualTo(model);
            assertThat(watch).isNotNull();
        }
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            if (!latch.await(30, TimeUnit.SECONDS)) {
                throw new IllegalStateException("never released");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
