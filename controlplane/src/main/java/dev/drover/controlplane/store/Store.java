package dev.drover.controlplane.store;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keys to small texts (JSON) with one global revision that grows by one with each committed transaction: a subset of etcd v3.
 * Keys are slash-separated paths without a leading slash. Safe for any number of threads. No clock and no random id
 * inside.
 */
public interface Store extends AutoCloseable {

    /**
     * @param createRevision revision of the transaction that made the key
     * @param modRevision revision of the transaction that wrote it last
     */
    record Entry(String key, String value, long createRevision, long modRevision) {}

    /** A consistent list: the state at {@code revision}; watch from {@code revision + 1} to miss nothing. */
    record Range(List<Entry> entries, long revision) {}

    /** Holds when {@code key} was last written at {@code modRevision}; 0 means it must not exist. */
    record Compare(String key, long modRevision) {}

    sealed interface Op {
        record Put(String key, String value) implements Op {}

        record Delete(String key) implements Op {}
    }

    /** One committed change; {@code value} is null for a delete. Events of one transaction share their revision. */
    record Event(String key, @Nullable String value, long revision) {}

    interface Watch extends AutoCloseable {
        @Override
        void close();
    }

    /** The watched revision is no longer kept; list again and watch from there. */
    final class CompactedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public CompactedException(long revision, long oldest) {
            super("revision: " + revision + " (expected: at least " + oldest + ", older ones are compacted)");
        }
    }

    @Nullable
    Entry get(String key);

    /** All keys that start with {@code prefix}, in key order. */
    Range list(String prefix);

    /**
     * Applies all operations or none. When it returns, the change is on disk.
     *
     * @return the revision, or -1 when a comparison did not hold and nothing was changed
     */
    long commit(List<Compare> compares, List<Op> ops);

    /**
     * Calls {@code listener} with every later batch of events under {@code prefix}, in order, without gaps, from
     * {@code fromRevision} on; on one thread of the store. A slow listener delays only itself.
     *
     * @throws CompactedException when {@code fromRevision} is no longer kept
     */
    Watch watch(String prefix, long fromRevision, Consumer<List<Event>> listener);

    long revision();

    @Override
    void close();
}
