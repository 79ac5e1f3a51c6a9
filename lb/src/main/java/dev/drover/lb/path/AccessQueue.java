package dev.drover.lb.path;

import org.jctools.queues.varhandle.SpscVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * The way of ended requests from one lane to the thread that writes an access log, and of the emptied records back. Its
 * length is fixed; the lane never waits.
 */
public final class AccessQueue {
    private static final int LENGTH = 4_096;

    private final SpscVarHandleArrayQueue<Transaction> ended = new SpscVarHandleArrayQueue<>(LENGTH);
    private final SpscVarHandleArrayQueue<Transaction> emptied = new SpscVarHandleArrayQueue<>(LENGTH);

    /** Lane: hands over, or returns false when the writer is too far behind. */
    boolean offer(Transaction done) {
        return ended.offer(done);
    }

    /** Lane: one that the writer is done with. */
    @Nullable
    Transaction reclaim() {
        return emptied.poll();
    }

    /** Writer: the next to be written; give it back by {@link #emptied}. */
    public @Nullable Transaction poll() {
        return ended.poll();
    }

    /** Writer: is done with it. */
    public void emptied(Transaction written) {
        emptied.offer(written);
    }
}
