package dev.drover.controlplane.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The embedded store: one SQLite file, the current state mirrored in memory. One thread writes; transactions that wait
 * while it is at the disk share the next fsync. Reads never touch the disk.
 */
public final class SqliteStore implements Store {
    static final int RETAINED_REVISIONS = 4096;
    private static final Logger LOG = LoggerFactory.getLogger(SqliteStore.class);
    private static final int MAX_GROUP = 256;
    private static final int COMPACT_EVERY = 256;
    private static final int COMPACT_BATCH = 2 * COMPACT_EVERY;

    private final StateLock stateLock;
    private final SqliteFile file;
    private final MirroredState state;
    private final LinkedBlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private final Thread writer;
    private volatile boolean closed;

    /** Owned by the writer. */
    private long compacted;

    private record Request(List<Compare> compares, List<Op> ops, CompletableFuture<Long> revision) {
        static Request stop() {
            return new Request(List.of(), List.of(), new CompletableFuture<>());
        }
    }

    /**
     * Opens, or creates, {@code drover.db} in {@code directory}, which is created with mode 0700.
     *
     * @throws StoreException when another server uses the directory, or the file is damaged or of a newer version
     */
    public static SqliteStore open(Path directory) {
        return open(directory, RETAINED_REVISIONS);
    }

    static SqliteStore open(Path directory, int retainedRevisions) {
        try {
            Files.createDirectories(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new StoreException(
                    "state directory: " + directory + " cannot be created: " + e + " (expected: a writable directory)",
                    e);
        }
        StateLock lock = new StateLock(directory.resolve("lock"));
        try {
            return new SqliteStore(lock, new SqliteFile(directory.resolve("drover.db")), retainedRevisions);
        } catch (StoreException e) {
            lock.close();
            throw e;
        }
    }

    private SqliteStore(StateLock stateLock, SqliteFile file, int retainedRevisions) {
        this.stateLock = stateLock;
        this.file = file;
        this.compacted = file.compacted();
        this.state = load(file, compacted, retainedRevisions);
        this.writer = Thread.ofPlatform().name("store-writer").daemon().start(this::write);
    }

    private static MirroredState load(SqliteFile file, long compacted, int retainedRevisions) {
        MirroredState state = new MirroredState(compacted, retainedRevisions);
        List<Row> transaction = new ArrayList<>();
        file.forEachRow(row -> {
            if (row.revision() <= compacted) {
                state.apply(row);
                return;
            }
            if (!transaction.isEmpty() && transaction.getFirst().revision() != row.revision()) {
                state.publish(List.of(List.copyOf(transaction)));
                transaction.clear();
            }
            transaction.add(row);
        });
        if (!transaction.isEmpty()) {
            state.publish(List.of(List.copyOf(transaction)));
        }
        return state;
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
        Request request = new Request(List.copyOf(compares), List.copyOf(ops), new CompletableFuture<>());
        requests.add(request);
        if (closed) {
            request.revision().completeExceptionally(new StoreException("store: closed", null));
        }
        try {
            return request.revision().get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IllegalArgumentException refused) {
                throw new IllegalArgumentException(refused.getMessage(), refused);
            }
            throw new StoreException("nothing was committed: " + message(e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException("store: interrupted while committing; the change may or may not be stored", e);
        }
    }

    private static @Nullable String message(ExecutionException e) {
        Throwable cause = e.getCause();
        return cause == null ? e.getMessage() : cause.getMessage();
    }

    @Override
    public Watch watch(String prefix, long fromRevision, Consumer<List<Event>> listener) {
        return state.watch(prefix, fromRevision, listener);
    }

    @Override
    public long revision() {
        return state.revision();
    }

    private void write() {
        List<Request> group = new ArrayList<>();
        int sinceCompaction = 0;
        while (!closed) {
            group.clear();
            try {
                group.add(requests.take());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            requests.drainTo(group, MAX_GROUP - 1);
            writeGroup(group);
            sinceCompaction += group.size();
            if (sinceCompaction >= COMPACT_EVERY) {
                sinceCompaction = 0;
                compact();
            }
        }
    }

    /** Each future is completed after the group is on disk and visible, in order. */
    private void writeGroup(List<Request> group) {
        Draft draft = new Draft(state);
        List<Runnable> answers = new ArrayList<>(group.size());
        for (Request request : group) {
            try {
                long revision = draft.add(request.compares(), request.ops());
                answers.add(() -> request.revision().complete(revision));
            } catch (IllegalArgumentException e) {
                answers.add(() -> request.revision().completeExceptionally(e));
            }
        }
        try {
            if (!draft.transactions().isEmpty()) {
                file.append(draft.transactions());
                state.publish(draft.transactions());
            }
            answers.forEach(Runnable::run);
        } catch (RuntimeException e) {
            LOG.error("commit failed transactions={}", group.size(), e);
            group.forEach(request -> request.revision().completeExceptionally(e));
        }
    }

    private void compact() {
        long target = state.compactable();
        try {
            if (target > compacted) {
                long upTo = Math.min(target, compacted + COMPACT_BATCH);
                file.compact(compacted, upTo);
                compacted = upTo;
            }
        } catch (StoreException e) {
            LOG.warn("compaction failed, tried again later compacted={} target={}", compacted, target, e);
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        requests.add(Request.stop());
        try {
            writer.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        StoreException gone = new StoreException("store: closed", null);
        requests.forEach(request -> request.revision().completeExceptionally(gone));
        state.close();
        file.close();
        stateLock.close();
    }
}
