package dev.drover.controlplane.repository;

import java.util.List;

/**
 * What a subscriber gets: first one batch with {@code snapshot} set, then the changes of every later transaction.
 *
 * @param snapshot true when {@code changes} (all of them additions) is everything there is, so that whatever the
 *     subscriber knew before is void; comes again when the subscriber was too slow or failed
 * @param revision of the store after this batch
 */
public record Batch(boolean snapshot, long revision, List<Change<?>> changes) {}
