package dev.drover.node.link;

import dev.drover.controlplane.link.Up;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What waits to be told to the control plane. Holds at most one entry a container, one revision, one report of flows and one set of instances,
 * so it is bounded by what exists, however long the link is down. Safe for any thread.
 */
public final class Outbox {
    private final Supplier<List<Up.ContainerFact>> everything;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition filled = lock.newCondition();
    /** Docker id to its newest fact, empty when the container is gone. */
    private final Map<String, Optional<Up.ContainerFact>> changes = new LinkedHashMap<>();

    private final Set<String> drained = new LinkedHashSet<>();
    private boolean full;
    private boolean woken;
    private Up.@Nullable Applied applied;
    private Up.@Nullable Flows flows;

    /** @param everything the facts of all containers, asked for when a full list goes out */
    public Outbox(Supplier<List<Up.ContainerFact>> everything) {
        this.everything = everything;
    }

    public void put(Up.ContainerFact fact) {
        change(() -> changes.put(fact.dockerId(), Optional.of(fact)));
    }

    public void remove(String dockerId) {
        change(() -> changes.put(dockerId, Optional.empty()));
    }

    /** Sends the whole list next; changes that wait are part of it. */
    public void full() {
        change(() -> full = true);
    }

    public void applied(Up.Applied newest) {
        change(() -> applied = newest);
    }

    /** What was not told yet is replaced. */
    public void flows(Up.Flows newest) {
        change(() -> flows = newest);
    }

    public void drained(String instanceId) {
        change(() -> drained.add(instanceId));
    }

    /** Lets a waiting {@link #next} return at once. */
    void wake() {
        change(() -> woken = true);
    }

    private void change(Runnable change) {
        lock.lock();
        try {
            change.run();
            filled.signal();
        } finally {
            lock.unlock();
        }
    }

    /** The next message, null when none came within the time. */
    @Nullable
    Up next(long timeoutMs) throws InterruptedException {
        long leftNs = TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        lock.lockInterruptibly();
        try {
            while (!full && changes.isEmpty() && applied == null && drained.isEmpty() && flows == null) {
                if (leftNs <= 0 || woken) {
                    woken = false;
                    return null;
                }
                leftNs = filled.awaitNanos(leftNs);
            }
            if (full) {
                full = false;
                changes.clear();
            } else {
                return take();
            }
        } finally {
            lock.unlock();
        }
        // Asked for without the lock, whose holders may wait for the supplier's. A change that slips in between is told
        // once more, after the list.
        return new Up.Facts(true, everything.get(), List.of());
    }

    private Up take() {
        if (!changes.isEmpty()) {
            List<Up.ContainerFact> put = new ArrayList<>();
            List<String> remove = new ArrayList<>();
            changes.forEach((id, fact) -> fact.ifPresentOrElse(put::add, () -> remove.add(id)));
            changes.clear();
            return new Up.Facts(false, put, remove);
        }
        Up.Applied newest = applied;
        if (newest != null) {
            applied = null;
            return newest;
        }
        if (!drained.isEmpty()) {
            Up message = new Up.Drained(List.copyOf(drained));
            drained.clear();
            return message;
        }
        Up.Flows report = Objects.requireNonNull(flows);
        flows = null;
        return report;
    }
}
