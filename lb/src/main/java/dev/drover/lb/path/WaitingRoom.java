package dev.drover.lb.path;

import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** Where requests of a pool wait while all of its targets are full: first come, first served on each lane. */
public final class WaitingRoom {
    /** What waits. */
    interface Waiter {
        /** There may be room now; called on the waiter's lane, which has left the room. */
        void onRoom();
    }

    private static final class Queue {
        final ArrayDeque<Waiter> waiters = new ArrayDeque<>(0);
        /** Written by the lane, read by others that look for somebody to wake. */
        final AtomicInteger length = new AtomicInteger();

        @Nullable
        volatile LbLane lane;
    }

    private final Queue[] queues;

    public WaitingRoom(int lanes) {
        queues = new Queue[lanes];
        for (int i = 0; i < lanes; i++) {
            queues[i] = new Queue();
        }
    }

    /** Whether somebody waits on this lane. */
    boolean occupied(LbLane lane) {
        return !queues[lane.index()].waiters.isEmpty();
    }

    /** Returns false, and does nothing, when {@code max} wait already. */
    boolean enter(LbLane lane, Waiter waiter, int max) {
        Queue queue = queues[lane.index()];
        if (queue.waiters.size() >= max) {
            return false;
        }
        queue.lane = lane;
        queue.waiters.addLast(waiter);
        queue.length.incrementAndGet();
        return true;
    }

    /** Goes without having been served. */
    void leave(LbLane lane, Waiter waiter) {
        Queue queue = queues[lane.index()];
        if (queue.waiters.remove(waiter)) {
            queue.length.decrementAndGet();
        }
    }

    /** Whether {@code waiter} is the one to be served next. */
    @SuppressWarnings("ReferenceEquality") // the same waiter, not an equal one
    boolean next(LbLane lane, Waiter waiter) {
        return queues[lane.index()].waiters.peekFirst() == waiter;
    }

    /** Requests that wait now, over all lanes. */
    public long length() {
        long sum = 0;
        for (Queue queue : queues) {
            sum += queue.length.get();
        }
        return sum;
    }

    /** A target has room: serves the next of this lane, or else lets another lane serve one. */
    void wake(LbLane lane) {
        for (int i = 0; i < queues.length; i++) {
            Queue queue = queues[(lane.index() + i) % queues.length];
            LbLane owner = queue.lane;
            if (owner != null && queue.length.get() > 0) {
                owner.loop().execute(() -> serve(queue));
                return;
            }
        }
    }

    private static void serve(Queue queue) {
        Waiter waiter = queue.waiters.peekFirst();
        if (waiter != null) {
            waiter.onRoom();
        }
    }
}
