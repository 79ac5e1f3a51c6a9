package dev.drover.controlplane.repository;

import java.util.ArrayDeque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Queue and virtual thread of one listener. Bounded: when it is full its content is replaced by a fresh snapshot. */
final class Subscriber implements Subscription {
    private static final Logger LOG = LoggerFactory.getLogger(Subscriber.class);
    private static final int CAPACITY = 4096;
    private static final long RETRY_NS = TimeUnit.SECONDS.toNanos(1);

    private final Repository repository;
    private final @Nullable String environmentId;
    private final Set<Kind<?>> kinds;
    private final Consumer<Batch> listener;
    private final Consumer<Subscriber> onClose;
    private final Thread thread;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<Batch> queue = new ArrayDeque<>();
    private boolean snapshotDue = true;
    private boolean closed;

    Subscriber(
            Repository repository,
            @Nullable String environmentId,
            Set<Kind<?>> kinds,
            Consumer<Batch> listener,
            Consumer<Subscriber> onClose) {
        this.repository = repository;
        this.environmentId = environmentId;
        this.kinds = kinds;
        this.listener = listener;
        this.onClose = onClose;
        this.thread = Thread.ofVirtual().name("subscriber").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    boolean matches(Kind<?> kind, String key) {
        return kinds.contains(kind) && (environmentId == null || environmentId.equals(kind.environmentOf(key)));
    }

    /** Called in commit order, while no commit can become visible. */
    void offer(Batch batch) {
        List<Change<?>> wanted = batch.changes().stream()
                .filter(change -> matches(change.kind(), change.key()))
                .toList();
        if (wanted.isEmpty()) {
            return;
        }
        lock.lock();
        try {
            if (snapshotDue) {
                return; // the snapshot will hold it
            }
            if (queue.size() >= CAPACITY) {
                queue.clear();
                snapshotDue = true;
            } else {
                queue.add(new Batch(false, batch.revision(), wanted));
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void run() {
        while (true) {
            Batch batch = next();
            if (batch == null) {
                return;
            }
            try {
                listener.accept(batch);
            } catch (RuntimeException e) {
                LOG.error("subscriber failed, starts over with a snapshot revision={}", batch.revision(), e);
                if (!startOver()) {
                    return;
                }
            }
        }
    }

    private @Nullable Batch next() {
        lock.lock();
        try {
            while (!closed && !snapshotDue && queue.isEmpty()) {
                changed.await();
            }
            if (closed) {
                return null;
            }
            if (!snapshotDue) {
                return queue.poll();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        } finally {
            lock.unlock();
        }
        return repository.snapshot(this, this::onSnapshotTaken);
    }

    private void onSnapshotTaken() {
        lock.lock();
        try {
            queue.clear();
            snapshotDue = false;
        } finally {
            lock.unlock();
        }
    }

    private boolean startOver() {
        lock.lock();
        try {
            long remainingNs = RETRY_NS;
            while (!closed && remainingNs > 0) {
                remainingNs = changed.awaitNanos(remainingNs);
            }
            queue.clear();
            snapshotDue = true;
            return !closed;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        onClose.accept(this);
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
