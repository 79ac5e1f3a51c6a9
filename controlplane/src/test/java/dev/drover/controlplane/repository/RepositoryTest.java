package dev.drover.controlplane.repository;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.controlplane.model.Account;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.store.MemoryStore;
import dev.drover.controlplane.store.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RepositoryTest {
    private final MemoryStore store = new MemoryStore();
    private final Repository repository = new Repository(store);

    @AfterEach
    void close() {
        repository.close();
        store.close();
    }

    private static Stack stack(String environment, String id, String name) {
        return new Stack(id, environment, name, "", "", false);
    }

    @Test
    void showsACommittedTransactionToTheThreadThatMadeIt() {
        for (int i = 0; i < 100; i++) {
            String id = "s" + i;
            repository.update(tx -> tx.create(Kind.STACK, stack("e", id, id)));
            assertThat(repository.get(Kind.STACK, "e", id)).isPresent();
        }
        assertThat(repository.list(Kind.STACK, "e")).hasSize(100);
        assertThat(repository.list(Kind.STACK)).hasSize(100);
        assertThat(repository.revision()).isEqualTo(store.revision());
    }

    @Test
    void readsWhatAnEarlierRunHasStored() {
        repository.update(tx -> tx.create(Kind.STACK, stack("e", "s", "web")));
        try (Repository again = new Repository(store)) {
            assertThat(again.get(Kind.STACK, "e", "s")).contains(stack("e", "s", "web"));
        }
    }

    @Test
    void namesTheKeyOfARecordThatCannotBeRead() {
        store.commit(List.of(), List.of(new Store.Op.Put("accounts/admin", "{\"name\":")));
        assertThatThrownBy(() -> new Repository(store))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("accounts/admin");
    }

    @Test
    void runsATransactionAgainWhenWhatItReadHasChanged() throws Exception {
        repository.update(tx -> tx.create(Kind.ACCOUNT, new Account("counter", "0")));
        int writers = 4;
        int increments = 50;
        AtomicInteger runs = new AtomicInteger();
        try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            List<Future<?>> results = new ArrayList<>();
            for (int w = 0; w < writers; w++) {
                results.add(threads.submit(() -> {
                    for (int i = 0; i < increments; i++) {
                        repository.update(tx -> {
                            runs.incrementAndGet();
                            Account counter = tx.get(Kind.ACCOUNT, "counter").orElseThrow();
                            int value = Integer.parseInt(counter.passwordHash());
                            tx.put(Kind.ACCOUNT, new Account("counter", "" + (value + 1)));
                        });
                    }
                }));
            }
            for (Future<?> result : results) {
                result.get(30, TimeUnit.SECONDS);
            }
        }
        assertThat(repository.get(Kind.ACCOUNT, "counter").orElseThrow().passwordHash())
                .isEqualTo("" + writers * increments);
        assertThat(runs.get()).isGreaterThanOrEqualTo(writers * increments);
    }

    @Test
    void letsNoTwoTransactionsOfOneScopeDecideOnTheSameList() throws Exception {
        int writers = 8;
        try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            List<Future<Boolean>> results = new ArrayList<>();
            for (int w = 0; w < writers; w++) {
                String id = "s" + w;
                results.add(threads.submit(() -> repository.transact(tx -> {
                    tx.serialize("e");
                    if (!tx.list(Kind.STACK, "e").isEmpty()) {
                        return false;
                    }
                    tx.create(Kind.STACK, stack("e", id, "the only one"));
                    return true;
                })));
            }
            int created = 0;
            for (Future<Boolean> result : results) {
                created += result.get(30, TimeUnit.SECONDS) ? 1 : 0;
            }
            assertThat(created).isEqualTo(1);
        }
        assertThat(repository.list(Kind.STACK, "e")).hasSize(1);
    }

    @Test
    void writesNothingWhenTheBodyThrowsOrChangesNothing() {
        repository.update(tx -> tx.create(Kind.STACK, stack("e", "s", "web")));
        long before = store.revision();
        assertThatThrownBy(() -> repository.update(tx -> {
                    tx.delete(Kind.STACK, stack("e", "s", "web"));
                    throw new IllegalArgumentException("changed my mind");
                }))
                .hasMessage("changed my mind");
        repository.update(tx -> {
            tx.serialize("e");
            tx.put(Kind.STACK, tx.get(Kind.STACK, "e", "s").orElseThrow());
        });
        assertThat(store.revision()).isEqualTo(before);
    }

    @Test
    void seesItsOwnWritesWithinATransaction() {
        repository.update(tx -> {
            tx.create(Kind.STACK, stack("e", "s", "web"));
            assertThat(tx.get(Kind.STACK, "e", "s")).isPresent();
            tx.delete(Kind.STACK, stack("e", "s", "web"));
            assertThat(tx.get(Kind.STACK, "e", "s")).isEmpty();
        });
        assertThat(repository.get(Kind.STACK, "e", "s")).isEmpty();
    }

    @Test
    void givesASubscriberASnapshotAndThenEveryChangeOfItsEnvironmentInOrder() {
        repository.update(tx -> tx.create(Kind.STACK, stack("e", "s1", "one")));
        repository.update(tx -> tx.create(Kind.STACK, stack("other", "s1", "one")));
        List<Batch> batches = new CopyOnWriteArrayList<>();
        try (Subscription subscription = repository.subscribe("e", Set.of(Kind.STACK), batches::add)) {
            await().until(() -> batches.size() == 1);
            repository.update(tx -> tx.create(Kind.STACK, stack("other", "s2", "two")));
            repository.update(tx -> tx.create(Kind.STACK, stack("e", "s2", "two")));
            repository.update(tx -> tx.delete(Kind.STACK, stack("e", "s1", "one")));
            await().until(() -> batches.size() == 3);
            assertThat(subscription).isNotNull();
        }
        assertThat(batches.get(0).snapshot()).isTrue();
        assertThat(batches.get(0).changes()).hasSize(1);
        Change<?> added = batches.get(1).changes().getFirst();
        assertThat(added.before()).isNull();
        assertThat(added.record()).isEqualTo(stack("e", "s2", "two"));
        Change<?> deleted = batches.get(2).changes().getFirst();
        assertThat(deleted.deleted()).isTrue();
        assertThat(deleted.record()).isEqualTo(stack("e", "s1", "one"));
        assertThat(batches).extracting(Batch::revision).isSorted();
    }

    @Test
    void letsASubscriberWriteBack() {
        try (Subscription subscription = repository.subscribe(
                null,
                Set.of(Kind.STACK),
                batch -> batch.changes()
                        .forEach(change -> repository.update(tx -> tx.put(
                                Kind.ACCOUNT,
                                new Account(((Stack) change.record()).name(), "written by the subscriber")))))) {
            repository.update(tx -> tx.create(Kind.STACK, stack("e", "s", "web")));
            await().until(() -> repository.get(Kind.ACCOUNT, "web").isPresent());
            assertThat(subscription).isNotNull();
        }
    }

    @Test
    void startsASubscriberThatFellFarBehindOverWithASnapshot() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        List<Batch> batches = new CopyOnWriteArrayList<>();
        try (Subscription subscription = repository.subscribe(null, Set.of(Kind.STACK), batch -> {
            batches.add(batch);
            try {
                release.await(30, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        })) {
            await().until(() -> batches.size() == 1);
            for (int i = 0; i < 5_000; i++) {
                String id = "s" + i;
                repository.update(tx -> tx.create(Kind.STACK, stack("e", id, id)));
            }
            release.countDown();
            await().until(() ->
                    batches.getLast().snapshot() && batches.getLast().changes().size() == 5_000);
            assertThat(subscription).isNotNull();
        }
        assertThat(batches).hasSize(2);
    }

    @Test
    void startsASubscriberThatThrowsOverWithASnapshot() {
        List<Batch> batches = new CopyOnWriteArrayList<>();
        try (Subscription subscription = repository.subscribe(null, Set.of(Kind.STACK), batch -> {
            batches.add(batch);
            if (batches.size() == 2) {
                throw new IllegalStateException("fails on purpose");
            }
        })) {
            await().until(() -> batches.size() == 1);
            repository.update(tx -> tx.create(Kind.STACK, stack("e", "s", "web")));
            await().until(() -> batches.size() == 3);
            assertThat(batches.get(2).snapshot()).isTrue();
            assertThat(batches.get(2).changes()).hasSize(1);
            assertThat(subscription).isNotNull();
        }
    }

    @Test
    void refusesKeyPartsThatWouldBreakOutOfTheirPlace() {
        assertThatThrownBy(() -> Kind.HOST.key("e", "a/b")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Kind.HOST.key("e", "")).isInstanceOf(IllegalArgumentException.class);
    }
}
