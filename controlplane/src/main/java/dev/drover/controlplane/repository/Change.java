package dev.drover.controlplane.repository;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One committed change of one record.
 *
 * @param before null when it is new
 * @param after null when it is gone
 */
public record Change<T>(
        Kind<T> kind,
        String key,
        @Nullable T before,
        @Nullable T after,
        long revision) {

    public boolean deleted() {
        return after == null;
    }

    /** The record as it is now, or as it was when it is gone: what a type switch wants to see. */
    public T record() {
        return after != null ? after : Objects.requireNonNull(before, "before");
    }
}
