package dev.drover.dns.path;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.SocketName;
import java.util.Comparator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whose view an address has: one look-up by hash for each length of prefix there is, which in a managed node is one.
 * Immutable.
 */
final class Sources {
    private static final int MIX = 0x9e3779b9;

    private final int[] prefixLengths;
    private final long[] keys;
    private final @Nullable ClientView[] views;
    private final int shift;

    Sources(Map<Cidr, ClientView> sources) {
        prefixLengths = sources.keySet().stream()
                .map(Cidr::prefixLength)
                .distinct()
                .sorted(Comparator.reverseOrder())
                .mapToInt(Integer::intValue)
                .toArray();
        int capacity = Integer.highestOneBit(Math.max(1, sources.size())) << 2;
        shift = Integer.numberOfLeadingZeros(capacity) + 1;
        keys = new long[capacity];
        views = new ClientView[capacity];
        sources.forEach((source, view) -> {
            long key = key(source.network(), source.prefixLength());
            int slot = slot(key);
            while (views[slot] != null) {
                slot = slot + 1 & views.length - 1;
            }
            keys[slot] = key;
            views[slot] = view;
        });
    }

    private static long key(int network, int prefixLength) {
        return (long) prefixLength << 32 | network & 0xffff_ffffL;
    }

    private int slot(long key) {
        return ((int) key * MIX) >>> shift;
    }

    /**
     * The view of the longest prefix that holds a client; null for none.
     *
     * @param high upper half of its address, an IPv4 address as if it were mapped ({@link SocketName})
     * @param low lower half
     */
    @Nullable
    ClientView of(long high, long low) {
        return SocketName.isIpv4(high, low) ? of((int) low) : null;
    }

    private @Nullable ClientView of(int address) {
        for (int prefixLength : prefixLengths) {
            long key = key(address & Cidr.mask(prefixLength), prefixLength);
            for (int slot = slot(key); views[slot] != null; slot = slot + 1 & views.length - 1) {
                if (keys[slot] == key) {
                    return views[slot];
                }
            }
        }
        return null;
    }
}
