package dev.drover.controlplane.store;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A store without a disk, for tests and simulations. */
public final class MemoryStore implements Store {
    private final MirroredState state;
    private final Object writer = new Object();

    public MemoryStore() {
        this(SqliteStore.RETAINED_REVISIONS);
    }

    /** @param retainedRevisions how many transactions can still be watched */
    public MemoryStore(int retainedRevisions) {
        state = new MirroredState(0, retainedRevisions);
    }

    @Override
    public @Nullable Entry get(String key) {
        return state.get(key);
    }

    @Override
    public Range list(String prefix) {
        return state.list(prefix);
    }

    @Override
    public long commit(List<Compare> compares, List<Op> ops) {
        synchronized (writer) {
            Draft draft = new Draft(state);
            long revision = draft.add(compares, ops);
            state.publish(draft.transactions());
            return revision;
        }
    }

    @Override
    public Watch watch(String prefix, long fromRevision, Consumer<List<Event>> listener) {
        return state.watch(prefix, fromRevision, listener);
    }

    @Override
    public long revision() {
        return state.revision();
    }

    @Override
    public void close() {
        state.close();
    }
}
