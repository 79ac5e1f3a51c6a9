package dev.drover.controlplane.repository;

/** A transaction met concurrent writers at each of its attempts; nothing was written. */
public final class ContentionException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ContentionException(int attempts) {
        super("transaction: gave up after " + attempts + " attempts (expected: no concurrent change of what it read)");
    }
}
