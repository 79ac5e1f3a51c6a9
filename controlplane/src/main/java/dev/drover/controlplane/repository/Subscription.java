package dev.drover.controlplane.repository;

/** Ends the calls to a subscriber; none begins after {@code close} has returned. */
public interface Subscription extends AutoCloseable {
    @Override
    void close();
}
