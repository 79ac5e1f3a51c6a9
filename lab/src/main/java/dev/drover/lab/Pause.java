package dev.drover.lab;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Bounded waits of code that polls processes and kernel state, which nothing announces. */
final class Pause {
    private Pause() {}

    /** Sleeps; an interrupt ends the caller's work. */
    static void millis(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LabException("interrupted", e);
        }
    }

    /** Polls until the condition holds; false when the deadline comes first. */
    static boolean until(Duration deadline, BooleanSupplier condition) {
        long endNs = System.nanoTime() + deadline.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > endNs) {
                return false;
            }
            millis(25);
        }
        return true;
    }

    /** Cleans up: an interrupt ends the caller's work, not the cleaning up after it, and is kept for afterwards. */
    static void uninterrupted(Runnable cleaning) {
        boolean interrupted = Thread.interrupted();
        try {
            cleaning.run();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
