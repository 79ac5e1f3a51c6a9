package dev.drover.node.attach;

import org.jspecify.annotations.Nullable;

/**
 * A container's place in the overlay.
 *
 * @param lease null while it has no place: not managed, not running, or {@code problem} says why
 * @param problem what is wrong, null when all is well
 * @param retry whether trying again later may help
 */
public record Attachment(
        Addresses.@Nullable Lease lease, @Nullable String problem, boolean retry) {
    /** No place, and none is wanted. */
    public static final Attachment NONE = new Attachment(null, null, false);
}
