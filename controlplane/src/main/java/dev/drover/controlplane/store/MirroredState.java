package dev.drover.controlplane.store;

import dev.drover.controlplane.store.Store.CompactedException;
import dev.drover.controlplane.store.Store.Entry;
import dev.drover.controlplane.store.Store.Event;
import dev.drover.controlplane.store.Store.Range;
import dev.drover.controlplane.store.Store.Watch;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The committed state in memory, the latest part of its history, and those who watch it. One writer publishes; any thread
 * reads. The history is a linked list: each watch holds its own place in it, so that none can have a gap and what all have
 * passed is garbage.
 */
final class MirroredState implements AutoCloseable {
    private final int retainedRevisions;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Condition published = lock.writeLock().newCondition();
    private final TreeMap<String, Entry> entries = new TreeMap<>();
    private final CopyOnWriteArrayList<HistoryWatch> watches = new CopyOnWriteArrayList<>();
    private long revision;

    /** The latest transaction that is no longer kept; its successors are. */
    private Node oldest;

    private Node newest;
    private int kept;

    /** A transaction of the history; {@code next} is guarded by the lock. */
    static final class Node {
        final long revision;
        final List<Event> events;

        @Nullable
        Node next;

        Node(long revision, List<Event> events) {
            this.revision = revision;
            this.events = events;
        }
    }

    /** @param compacted revision up to which nothing can be watched any more */
    MirroredState(long compacted, int retainedRevisions) {
        this.retainedRevisions = retainedRevisions;
        this.revision = compacted;
        this.oldest = new Node(compacted, List.of());
        this.newest = oldest;
    }

    @Nullable
    Entry get(String key) {
        lock.readLock().lock();
        try {
            return entries.get(key);
        } finally {
            lock.readLock().unlock();
        }
    }

    Range list(String prefix) {
        lock.readLock().lock();
        try {
            List<Entry> found = new ArrayList<>(entries.subMap(prefix, true, prefix + Character.MAX_VALUE, false)
                    .values());
            return new Range(found, revision);
        } finally {
            lock.readLock().unlock();
        }
    }

    long revision() {
        lock.readLock().lock();
        try {
            return revision;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Revision up to which the history may be forgotten. */
    long compactable() {
        lock.readLock().lock();
        try {
            return oldest.revision;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Makes transactions visible, oldest first, and wakes the watches. */
    void publish(List<List<Row>> transactions) {
        lock.writeLock().lock();
        try {
            for (List<Row> rows : transactions) {
                rows.forEach(this::apply);
                append(rows);
            }
            published.signalAll();
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Puts a row that is older than the kept history in its place, while loading. */
    void apply(Row row) {
        String value = row.value();
        if (value == null) {
            entries.remove(row.key());
        } else {
            entries.put(row.key(), new Entry(row.key(), value, row.createRevision(), row.revision()));
        }
    }

    private void append(List<Row> rows) {
        Node node = new Node(
                rows.getFirst().revision(), rows.stream().map(Row::event).toList());
        newest.next = node;
        newest = node;
        revision = node.revision;
        if (++kept > retainedRevisions) {
            Node next = oldest.next;
            oldest = next == null ? newest : next;
            kept--;
        }
    }

    Watch watch(String prefix, long fromRevision, Consumer<List<Event>> listener) {
        lock.readLock().lock();
        try {
            if (fromRevision <= oldest.revision) {
                throw new CompactedException(fromRevision, oldest.revision + 1);
            }
            Node place = oldest;
            for (Node next = place.next; next != null && next.revision < fromRevision; next = next.next) {
                place = next;
            }
            HistoryWatch watch = new HistoryWatch(this, place, prefix, fromRevision, listener, watches::remove);
            watches.add(watch);
            watch.start();
            return watch;
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Blocks until {@code node} has a successor; null when the watch is over. */
    @Nullable
    Node awaitNext(Node node, HistoryWatch watch) throws InterruptedException {
        lock.writeLock().lock();
        try {
            while (node.next == null && !watch.closed()) {
                published.await();
            }
            return watch.closed() ? null : node.next;
        } finally {
            lock.writeLock().unlock();
        }
    }

    void wakeWatches() {
        lock.writeLock().lock();
        try {
            published.signalAll();
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public void close() {
        watches.forEach(HistoryWatch::close);
    }
}
