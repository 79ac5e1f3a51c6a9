/**
 * Typed records over the {@link dev.drover.controlplane.store.Store}: an in-memory mirror that every reader shares,
 * optimistic transactions, and subscriptions that deliver every committed change in order. {@link
 * dev.drover.controlplane.repository.LiveState} holds what is known now but not stored.
 */
@NullMarked
package dev.drover.controlplane.repository;

import org.jspecify.annotations.NullMarked;
