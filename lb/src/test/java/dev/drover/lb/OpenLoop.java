package dev.drover.lb;

import java.io.IOException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A load that does not wait: requests begin at a steady rate whatever became of those before, each on a connection that is
 * idle, or on a new one. What is not answered as it should be is a failure.
 */
final class OpenLoop implements AutoCloseable {
    /** After so many requests a connection is given up, so that new ones are made throughout. */
    private static final int REQUESTS_PER_CONNECTION = 8;
    /** More at once would mean that nothing is answered any more. */
    private static final int MOST_AT_ONCE = 500;

    /** Opens a connection. */
    interface Connect {
        Wire open() throws IOException;
    }

    /** One request and its response, which throws or tells of the fault; null when all is well. */
    interface Exchange {
        String run(Wire wire, long number) throws IOException;
    }

    private record Kept(Wire wire, int requests) {}

    final Queue<String> failures = new ConcurrentLinkedQueue<>();
    final AtomicLong answered = new AtomicLong();
    private final Connect connect;
    private final Exchange exchange;
    private final Queue<Kept> idle = new ConcurrentLinkedQueue<>();
    private final Semaphore atOnce = new Semaphore(MOST_AT_ONCE);
    private volatile boolean stop;

    OpenLoop(int perSecond, Connect connect, Exchange exchange) {
        this.connect = connect;
        this.exchange = exchange;
        Thread.ofPlatform().daemon().name("open-loop").start(() -> pace(1_000_000_000L / perSecond));
    }

    private void pace(long intervalNs) {
        long begunNs = System.nanoTime();
        for (long i = 0; !stop; i++) {
            long waitNs = begunNs + i * intervalNs - System.nanoTime();
            if (waitNs > 0) {
                LockSupport.parkNanos(waitNs);
            }
            if (!atOnce.tryAcquire()) {
                if (!stop) {
                    failures.add(MOST_AT_ONCE + " requests without an answer");
                }
                return;
            }
            long number = i;
            Thread.ofVirtual().start(() -> one(number));
        }
    }

    private void one(long number) {
        Kept kept = idle.poll();
        try {
            if (kept == null) {
                kept = new Kept(connect.open(), 0);
            }
            String fault = exchange.run(kept.wire, number);
            if (fault != null) {
                failures.add(fault);
            }
            answered.incrementAndGet();
            if (kept.requests + 1 < REQUESTS_PER_CONNECTION) {
                idle.add(new Kept(kept.wire, kept.requests + 1));
            } else {
                kept.wire.close();
            }
        } catch (IOException e) {
            failures.add("request " + number + ": " + e);
        } finally {
            atOnce.release();
        }
    }

    /** Sends no more, and waits for the answers to all that was sent. */
    void end() throws IOException {
        if (stop) {
            return;
        }
        stop = true;
        // Never given back: none can begin after this.
        atOnce.acquireUninterruptibly(MOST_AT_ONCE);
        for (Kept kept = idle.poll(); kept != null; kept = idle.poll()) {
            kept.wire.close();
        }
    }

    @Override
    public void close() throws IOException {
        end();
    }
}
