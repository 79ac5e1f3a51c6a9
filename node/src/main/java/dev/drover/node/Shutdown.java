package dev.drover.node;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets a long-running command wait for SIGTERM or SIGINT and end cleanly: the signal only wakes the waiting thread, which
 * then closes what it holds; the process ends when that is done, or after a time limit.
 */
final class Shutdown implements AutoCloseable {
    private static final long LIMIT_SECONDS = 10;

    private final CountDownLatch asked = new CountDownLatch(1);
    private final CountDownLatch done = new CountDownLatch(1);

    Shutdown() {
        Runtime.getRuntime()
                .addShutdownHook(Thread.ofPlatform().name("shutdown").unstarted(this::onExit));
    }

    private void onExit() {
        boolean signalled = asked.getCount() > 0 && done.getCount() > 0;
        asked.countDown();
        try {
            if (done.await(LIMIT_SECONDS, TimeUnit.SECONDS) && signalled) {
                Runtime.getRuntime().halt(0); // asked to end and ended: not the 143 of a process that a signal killed
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Returns when the process was asked to end. */
    void await() throws InterruptedException {
        asked.await();
    }

    /** Lets {@link #await} return. */
    void ask() {
        asked.countDown();
    }

    /** What was to be closed is closed: the process may end. */
    @Override
    public void close() {
        done.countDown();
    }
}
