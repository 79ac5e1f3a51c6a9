package dev.drover.overlay.path;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Immutable hash table of peers by underlay address: open addressing, at most half full. Thread-safe. */
final class VtepMap {
    private static final long GOLDEN = 0x9e37_79b9_7f4a_7c15L;
    private static final long SILVER = 0xd1b5_4a32_d192_ed03L;

    private final @Nullable PeerPath[] slots;
    private final int shift;

    /** @param peers of different addresses */
    VtepMap(Collection<PeerPath> peers) {
        int capacity = Integer.highestOneBit(Math.max(4, peers.size() * 2 - 1)) << 1;
        slots = new PeerPath[capacity];
        shift = Long.SIZE - Integer.numberOfTrailingZeros(capacity);
        for (PeerPath peer : peers) {
            int slot = slot(peer.high(), peer.low());
            while (slots[slot] != null) {
                slot = slot + 1 & capacity - 1;
            }
            slots[slot] = peer;
        }
    }

    private int slot(long high, long low) {
        return (int) ((high * SILVER ^ low) * GOLDEN >>> shift);
    }

    /** The peer with the address of these halves. */
    @Nullable
    PeerPath get(long high, long low) {
        int slot = slot(high, low);
        while (true) {
            PeerPath peer = slots[slot];
            if (peer == null || peer.low() == low && peer.high() == high) {
                return peer;
            }
            slot = slot + 1 & slots.length - 1;
        }
    }
}
