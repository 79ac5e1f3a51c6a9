package dev.drover.node.docker;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Looks at containers: strictly one after another for one id, several ids at a time. Requests for an id that waits are
 * one look, so a storm of events costs no more than the engine can answer. Safe for any thread.
 */
final class LookQueue implements AutoCloseable {
    private final Consumer<String> look;
    private final Semaphore slots;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<String, Turn> turns = new HashMap<>();

    /** The state of one id while it has work. */
    private static final class Turn {
        @Nullable
        CompletableFuture<Void> waiting;
    }

    /**
     * @param look does one look; may block; runs on a virtual thread
     * @param atATime how many ids at a time
     */
    LookQueue(Consumer<String> look, int atATime) {
        this.look = look;
        slots = new Semaphore(atATime, true);
    }

    /** A look that begins after this call; the future tells when it is done, or why it failed. */
    CompletableFuture<Void> request(String id) {
        synchronized (turns) {
            Turn turn = turns.get(id);
            boolean idle = turn == null;
            if (turn == null) {
                turn = new Turn();
                turns.put(id, turn);
            }
            CompletableFuture<Void> waiting = turn.waiting;
            if (waiting == null) {
                waiting = new CompletableFuture<>();
                turn.waiting = waiting;
            }
            if (idle) {
                Turn mine = turn;
                threads.execute(() -> work(id, mine));
            }
            return waiting;
        }
    }

    private void work(String id, Turn turn) {
        while (true) {
            slots.acquireUninterruptibly();
            try {
                CompletableFuture<Void> now;
                synchronized (turns) {
                    now = turn.waiting;
                    turn.waiting = null;
                    if (now == null) {
                        turns.remove(id);
                        return;
                    }
                }
                try {
                    look.accept(id);
                    now.complete(null);
                } catch (RuntimeException e) {
                    now.completeExceptionally(e);
                }
            } finally {
                slots.release();
            }
        }
    }

    /** Ends without waiting for looks under way. */
    @Override
    public void close() {
        threads.shutdownNow();
    }
}
