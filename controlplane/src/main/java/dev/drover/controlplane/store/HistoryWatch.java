package dev.drover.controlplane.store;

import dev.drover.controlplane.store.Store.Event;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One watch: walks the history on a virtual thread of its own. */
final class HistoryWatch implements Store.Watch {
    private static final Logger LOG = LoggerFactory.getLogger(HistoryWatch.class);

    private final MirroredState state;
    private final String prefix;
    private final long fromRevision;
    private final Consumer<List<Event>> listener;
    private final Consumer<HistoryWatch> onClose;
    private final Thread thread;
    private volatile boolean closed;

    HistoryWatch(
            MirroredState state,
            MirroredState.Node place,
            String prefix,
            long fromRevision,
            Consumer<List<Event>> listener,
            Consumer<HistoryWatch> onClose) {
        this.state = state;
        this.prefix = prefix;
        this.fromRevision = fromRevision;
        this.listener = listener;
        this.onClose = onClose;
        this.thread = Thread.ofVirtual().name("store-watch").unstarted(() -> run(place));
    }

    void start() {
        thread.start();
    }

    boolean closed() {
        return closed;
    }

    private void run(MirroredState.Node from) {
        MirroredState.Node place = from;
        while (true) {
            try {
                place = state.awaitNext(place, this);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            if (place == null) {
                return;
            }
            deliver(place);
        }
    }

    private void deliver(MirroredState.Node node) {
        if (node.revision < fromRevision) {
            return;
        }
        List<Event> events =
                node.events.stream().filter(e -> e.key().startsWith(prefix)).toList();
        if (events.isEmpty()) {
            return;
        }
        try {
            listener.accept(events);
        } catch (RuntimeException e) {
            LOG.error("watch listener failed prefix={} revision={}", prefix, node.revision, e);
        }
    }

    @Override
    public void close() {
        closed = true;
        onClose.accept(this);
        state.wakeWatches();
    }
}
