package dev.drover.lab;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C and SIGTERM while a thread has a lab: that thread is interrupted and takes the lab down on its way out, and the
 * process waits for it.
 */
final class SignalHold implements AutoCloseable {
    private static final int TEARDOWN_SECONDS = 90;

    private final CountDownLatch ended = new CountDownLatch(1);

    private SignalHold() {}

    /** For the calling thread; to be closed when its lab is gone. */
    static SignalHold open() {
        SignalHold hold = new SignalHold();
        Thread owner = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            owner.interrupt();
            hold.await();
        }));
        return hold;
    }

    private void await() {
        try {
            if (!ended.await(TEARDOWN_SECONDS, TimeUnit.SECONDS)) {
                System.out.println("drover: the lab does not go down (expected: drover lab down --all)");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        ended.countDown();
    }
}
