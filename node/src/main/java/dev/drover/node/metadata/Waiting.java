package dev.drover.node.metadata;

import io.netty.channel.EventLoop;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** Clients that wait for a change. Owned by one event loop, but for {@link #changed}. */
final class Waiting {
    private final EventLoop loop;
    private final Answers answers;
    private final AtomicBoolean queued = new AtomicBoolean();
    private final Set<Runnable> clients = new LinkedHashSet<>();
    private boolean drained;

    Waiting(EventLoop loop, Answers answers) {
        this.loop = loop;
        this.answers = answers;
    }

    /** There may be something new; many changes are one look. Any thread. */
    void changed() {
        if (queued.compareAndSet(false, true)) {
            loop.execute(this::onChanged);
        }
    }

    private void onChanged() {
        queued.set(false);
        if (clients.isEmpty()) {
            return;
        }
        long restNs = answers.restNs();
        if (restNs > 0) {
            queued.set(true);
            loop.schedule(this::onChanged, restNs, TimeUnit.NANOSECONDS);
            return;
        }
        List.copyOf(clients).forEach(Runnable::run);
    }

    /** @param look asks again; takes itself away when it has its answer */
    void add(Runnable look) {
        clients.add(look);
        if (answers.restNs() > 0) {
            changed();
        }
    }

    void remove(Runnable look) {
        clients.remove(look);
    }

    int count() {
        return clients.size();
    }

    /** Whether nobody may wait any more. */
    boolean drained() {
        return drained;
    }

    /** Everybody gets the answer there is. */
    void onDrain() {
        drained = true;
        List.copyOf(clients).forEach(Runnable::run);
    }
}
