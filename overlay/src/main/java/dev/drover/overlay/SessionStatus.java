package dev.drover.overlay;

import org.jspecify.annotations.Nullable;

/**
 * How it stands with the encryption towards one peer.
 *
 * @param keyAgeMs since the last handshake, whose keys are in use; null without a session
 * @param initiated whether this host began that handshake; null without a session
 * @param attempts initiations sent since, without an answer
 * @param refusal why the peer's handshake was refused last, null when none was
 * @param refusedMs since then
 * @param plaintextPackets datagrams of the peer that were not sealed, and dropped
 */
public record SessionStatus(
        State state,
        @Nullable Long keyAgeMs,
        @Nullable Boolean initiated,
        int attempts,
        @Nullable String refusal,
        @Nullable Long refusedMs,
        long plaintextPackets) {

    /** Where the key exchange is. */
    public enum State {
        /** Nothing was begun. */
        NONE,
        /** Begun by either end, nothing can be sent yet. */
        HANDSHAKE,
        /** Packets are sealed; a renewal may be under way. */
        ESTABLISHED
    }
}
