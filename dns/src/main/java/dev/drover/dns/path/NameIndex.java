package dev.drover.dns.path;

import io.netty.buffer.ByteBuf;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Name;

/**
 * Finds a node by the bytes of a name in a message, letter case apart: open addressing over names in their wire form.
 * Immutable.
 */
final class NameIndex {
    private static final long FNV_OFFSET = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;
    private static final int MIX = 29;

    private final byte[][] names;
    private final Zone.@Nullable Node[] nodes;
    private final long[] hashes;
    private final int mask;

    NameIndex(Map<Name, Zone.Node> zone) {
        int capacity = Integer.highestOneBit(Math.max(1, zone.size())) << 2;
        mask = capacity - 1;
        names = new byte[capacity][];
        nodes = new Zone.Node[capacity];
        hashes = new long[capacity];
        zone.forEach((name, node) -> put(name.toWireCanonical(), node));
    }

    private void put(byte[] name, Zone.Node node) {
        long hash = FNV_OFFSET;
        for (byte b : name) {
            hash = step(hash, b);
        }
        int slot = slot(hash);
        while (nodes[slot] != null) {
            slot = slot + 1 & mask;
        }
        names[slot] = name;
        nodes[slot] = node;
        hashes[slot] = hash;
    }

    /** Hash of no bytes. */
    static long start() {
        return FNV_OFFSET;
    }

    /** Hash of one byte more; lengths of labels are below the letters, so that all bytes are treated alike. */
    static long step(long hash, int b) {
        return (hash ^ lower(b)) * FNV_PRIME;
    }

    static int lower(int b) {
        return b >= 'A' && b <= 'Z' ? b | 0x20 : b & 0xff;
    }

    private int slot(long hash) {
        return (int) (hash ^ hash >>> MIX) & mask;
    }

    /** The node of the name at {@code position} whose bytes, in lower case, have that hash; null when there is none. */
    Zone.@Nullable Node find(ByteBuf message, int position, int length, long hash) {
        for (int slot = slot(hash); nodes[slot] != null; slot = slot + 1 & mask) {
            if (hashes[slot] == hash && same(names[slot], message, position, length)) {
                return nodes[slot];
            }
        }
        return null;
    }

    /** Whether the bytes are the name's, whatever their case. */
    static boolean same(byte[] name, ByteBuf message, int position, int length) {
        if (name.length != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if ((name[i] & 0xff) != lower(message.getByte(position + i))) {
                return false;
            }
        }
        return true;
    }
}
