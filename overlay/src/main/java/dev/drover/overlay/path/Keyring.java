package dev.drover.overlay.path;

import org.jspecify.annotations.Nullable;

/**
 * The sessions with one peer at a moment.
 *
 * @param sending the one that packets are sealed with; null: nothing can be sent
 * @param previous the one before, for packets still on their way
 * @param next one that the peer has not used yet: it may not have got the answer to its handshake
 */
public record Keyring(
        @Nullable Session sending,
        @Nullable Session previous,
        @Nullable Session next) {
    public static final Keyring EMPTY = new Keyring(null, null, null);

    /** The session that the peer calls by this index. */
    @Nullable
    Session find(int index) {
        if (sending != null && sending.localIndex() == index) {
            return sending;
        }
        if (next != null && next.localIndex() == index) {
            return next;
        }
        return previous != null && previous.localIndex() == index ? previous : null;
    }
}
