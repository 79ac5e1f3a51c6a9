package dev.drover.controlplane.repository;

/**
 * A record as it is stored.
 *
 * @param createRevision revision of the transaction that made it
 * @param revision revision of the transaction that wrote it last
 */
public record Versioned<T>(T value, long createRevision, long revision) {}
