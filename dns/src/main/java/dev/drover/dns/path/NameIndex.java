package dev.drover.dns.path;

import io.netty.buffer.ByteBuf;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds a node by the bytes of a name in a message, letter case apart: open addressing over names relative to the zone,
 * in their wire form without the root. Immutable.
 */
final class NameIndex {
    static final NameIndex EMPTY = new NameIndex(Map.of());
    static final byte[] NOTHING = new byte[0];

    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;
    private static final int MIX = 29;

    private final byte[][] names;
    private final @Nullable Node[] nodes;
    private final long[] hashes;
    private final int mask;

    NameIndex(Map<String, Node> relative) {
        int capacity = Integer.highestOneBit(Math.max(1, relative.size())) << 2;
        mask = capacity - 1;
        names = new byte[capacity][];
        nodes = new Node[capacity];
        hashes = new long[capacity];
        relative.forEach((name, node) -> put(LabelBytes.of(name), node));
    }

    private void put(byte[] name, Node node) {
        long hash = extend(FNV_OFFSET, name);
        int slot = slot(hash);
        while (nodes[slot] != null) {
            slot = slot + 1 & mask;
        }
        names[slot] = name;
        nodes[slot] = node;
        hashes[slot] = hash;
    }

    /** Hash of the bytes from {@code from} to {@code to}; lengths of labels are below the letters and treated alike. */
    static long hash(ByteBuf message, int from, int to) {
        long hash = FNV_OFFSET;
        for (int at = from; at < to; at++) {
            hash = (hash ^ lower(message.getByte(at))) * FNV_PRIME;
        }
        return hash;
    }

    /** Hash of what {@code hash} stands for with {@code suffix}, in lower case, behind it. */
    static long extend(long hash, byte[] suffix) {
        long extended = hash;
        for (byte b : suffix) {
            extended = (extended ^ b & 0xff) * FNV_PRIME;
        }
        return extended;
    }

    static int lower(int b) {
        return b >= 'A' && b <= 'Z' ? b | 0x20 : b & 0xff;
    }

    private int slot(long hash) {
        return (int) (hash ^ hash >>> MIX) & mask;
    }

    /**
     * The node of the name made of the bytes from {@code from} to {@code to} and {@code suffix}; null when there is none.
     *
     * @param hash of all that
     */
    @Nullable
    Node find(ByteBuf message, int from, int to, byte[] suffix, long hash) {
        int length = to - from;
        for (int slot = slot(hash); nodes[slot] != null; slot = slot + 1 & mask) {
            byte[] name = names[slot];
            if (hashes[slot] == hash
                    && name.length == length + suffix.length
                    && same(name, length, message, from)
                    && ends(name, length, suffix)) {
                return nodes[slot];
            }
        }
        return null;
    }

    /** Whether the first {@code length} bytes of {@code name}, in lower case, are those in the message, whatever their case. */
    static boolean same(byte[] name, int length, ByteBuf message, int position) {
        for (int i = 0; i < length; i++) {
            if ((name[i] & 0xff) != lower(message.getByte(position + i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean ends(byte[] name, int from, byte[] suffix) {
        for (int i = 0; i < suffix.length; i++) {
            if (name[from + i] != suffix[i]) {
                return false;
            }
        }
        return true;
    }
}
