package dev.drover.controlplane.repository;

import dev.drover.controlplane.store.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Typed view of a {@link Store}. Reads come from memory and never block on the disk; a thread that has committed a
 * transaction sees its result in every later read. Safe for any number of threads.
 */
public final class Repository implements AutoCloseable {
    static final String SCOPE_PREFIX = "scopes/";
    private static final int MAX_ATTEMPTS = 50;
    private static final long CATCH_UP_TIMEOUT_MS = 10_000;

    private final Store store;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Condition advanced = lock.writeLock().newCondition();
    private final TreeMap<String, Versioned<?>> records = new TreeMap<>();
    private final CopyOnWriteArrayList<Subscriber> subscribers = new CopyOnWriteArrayList<>();
    private final Store.Watch watch;
    private long revision;

    /** @throws IllegalStateException when a stored record cannot be read; names its key */
    public Repository(Store store) {
        this.store = store;
        Store.Range range = store.list("");
        for (Store.Entry entry : range.entries()) {
            records.put(
                    entry.key(),
                    new Versioned<>(decode(entry.key(), entry.value()), entry.createRevision(), entry.modRevision()));
        }
        revision = range.revision();
        watch = store.watch("", range.revision() + 1, this::onCommitted);
    }

    /** The record with that key: environment id first for everything that belongs to one. */
    public <T> Optional<T> get(Kind<T> kind, String... path) {
        return versioned(kind, kind.key(path)).map(Versioned::value);
    }

    /** All records whose key begins with these parts (none: all of the kind), in key order; consistent. */
    public <T> List<T> list(Kind<T> kind, String... path) {
        String prefix = path.length == 0 ? kind.prefix() : kind.key(path) + "/";
        return read(() -> {
            List<T> found = new ArrayList<>();
            for (Versioned<?> each : startingWith(prefix).values()) {
                found.add(kind.type().cast(each.value()));
            }
            return found;
        });
    }

    /** {@link #list} with the revisions of the records. */
    public <T> List<Versioned<T>> listVersioned(Kind<T> kind, String... path) {
        String prefix = path.length == 0 ? kind.prefix() : kind.key(path) + "/";
        return read(() -> {
            List<Versioned<T>> found = new ArrayList<>();
            for (Versioned<?> each : startingWith(prefix).values()) {
                found.add(new Versioned<>(kind.type().cast(each.value()), each.createRevision(), each.revision()));
            }
            return found;
        });
    }

    /**
     * Runs several reads on one consistent state. No commit becomes visible meanwhile, so {@code body} must be short and
     * must not call {@link #transact}.
     */
    public <R> R read(Supplier<R> body) {
        lock.readLock().lock();
        try {
            return body.get();
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Revision of what the reads show. */
    public long revision() {
        return read(() -> revision);
    }

    /**
     * Runs {@code body} and commits what it wrote; runs it again when something that it read was changed by others
     * meanwhile. An exception of {@code body} goes through and nothing is written.
     *
     * @return what the last run of {@code body} returned; its writes are on disk and visible
     * @throws ContentionException when others kept changing what it read
     */
    public <R extends @Nullable Object> R transact(Function<Transaction, R> body) {
        for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
            Transaction transaction = new Transaction(this);
            R result = body.apply(transaction);
            List<Store.Op> ops = transaction.ops();
            if (ops.isEmpty()) {
                return result;
            }
            long committed = store.commit(transaction.compares(), ops);
            awaitRevision(committed >= 0 ? committed : store.revision());
            if (committed >= 0) {
                return result;
            }
        }
        throw new ContentionException(MAX_ATTEMPTS);
    }

    /** {@link #transact} without a result. */
    public void update(Consumer<Transaction> body) {
        transact(transaction -> {
            body.accept(transaction);
            return true;
        });
    }

    /**
     * Calls {@code listener} with a snapshot and then with every change, in order and without gaps, on a thread of its
     * own; it may block and may call {@link #transact}. A listener that falls far behind, or throws, gets a new snapshot.
     *
     * @param environmentId only what belongs to this environment; null for all
     * @param kinds only these
     */
    public Subscription subscribe(@Nullable String environmentId, Set<Kind<?>> kinds, Consumer<Batch> listener) {
        Subscriber subscriber = new Subscriber(this, environmentId, Set.copyOf(kinds), listener, subscribers::remove);
        subscribers.add(subscriber);
        subscriber.start();
        return subscriber;
    }

    /** Ends all subscriptions; the store stays open. */
    @Override
    public void close() {
        watch.close();
        subscribers.forEach(Subscriber::close);
    }

    <T> Optional<Versioned<T>> versioned(Kind<T> kind, String key) {
        Versioned<?> found = versioned(key);
        return found == null
                ? Optional.empty()
                : Optional.of(
                        new Versioned<>(kind.type().cast(found.value()), found.createRevision(), found.revision()));
    }

    @Nullable
    Versioned<?> versioned(String key) {
        return read(() -> Optional.<Versioned<?>>ofNullable(records.get(key))).orElse(null);
    }

    long scopeRevision(String key) {
        Versioned<?> found = versioned(key);
        return found == null ? 0 : found.revision();
    }

    /** Everything that {@code matches} lets through, as a batch; {@code atThatMoment} runs before any later commit shows. */
    Batch snapshot(Subscriber subscriber, Runnable atThatMoment) {
        return read(() -> {
            List<Change<?>> changes = new ArrayList<>();
            for (Kind<?> kind : Kind.all()) {
                startingWith(kind.prefix()).forEach((key, each) -> {
                    if (subscriber.matches(kind, key)) {
                        changes.add(change(kind, key, null, each.value(), each.revision()));
                    }
                });
            }
            atThatMoment.run();
            return new Batch(true, revision, List.copyOf(changes));
        });
    }

    /** Store's watch thread. */
    private void onCommitted(List<Store.Event> events) {
        List<@Nullable Object> decoded = new ArrayList<>(events.size());
        for (Store.Event event : events) {
            String value = event.value();
            decoded.add(value == null ? null : decode(event.key(), value));
        }
        lock.writeLock().lock();
        try {
            List<Change<?>> changes = new ArrayList<>(events.size());
            for (int i = 0; i < events.size(); i++) {
                Store.Event event = events.get(i);
                Versioned<?> before = apply(event, decoded.get(i));
                Kind<?> kind = Kind.ofKey(event.key());
                if (kind != null && (before != null || decoded.get(i) != null)) {
                    changes.add(change(
                            kind,
                            event.key(),
                            before == null ? null : before.value(),
                            decoded.get(i),
                            event.revision()));
                }
            }
            revision = events.getLast().revision();
            if (!changes.isEmpty()) {
                Batch batch = new Batch(false, revision, List.copyOf(changes));
                subscribers.forEach(subscriber -> subscriber.offer(batch));
            }
            advanced.signalAll();
        } finally {
            lock.writeLock().unlock();
        }
    }

    private @Nullable Versioned<?> apply(Store.Event event, @Nullable Object value) {
        if (value == null) {
            return records.remove(event.key());
        }
        Versioned<?> before = records.get(event.key());
        long created = before == null ? event.revision() : before.createRevision();
        records.put(event.key(), new Versioned<>(value, created, event.revision()));
        return before;
    }

    private void awaitRevision(long wanted) {
        lock.writeLock().lock();
        try {
            long remainingNs = TimeUnit.MILLISECONDS.toNanos(CATCH_UP_TIMEOUT_MS);
            while (revision < wanted) {
                if (remainingNs <= 0) {
                    throw new IllegalStateException(
                            "store: watch stands at revision " + revision + " (expected: " + wanted + ")");
                }
                remainingNs = advanced.awaitNanos(remainingNs);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("store: interrupted while waiting for revision " + wanted, e);
        } finally {
            lock.writeLock().unlock();
        }
    }

    private NavigableMap<String, Versioned<?>> startingWith(String prefix) {
        return records.subMap(prefix, true, prefix + Character.MAX_VALUE, false);
    }

    private static Object decode(String key, String value) {
        Kind<?> kind = Kind.ofKey(key);
        return kind == null ? value : Json.read(key, value, kind.type());
    }

    private static <T> Change<T> change(
            Kind<T> kind, String key, @Nullable Object before, @Nullable Object after, long revision) {
        Class<T> type = Objects.requireNonNull(kind.type());
        return new Change<>(
                kind,
                key,
                before == null ? null : type.cast(before),
                after == null ? null : type.cast(after),
                revision);
    }
}
