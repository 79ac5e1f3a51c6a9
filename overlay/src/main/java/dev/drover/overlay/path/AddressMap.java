package dev.drover.overlay.path;

import dev.drover.dataplane.SocketName;
import java.net.InetAddress;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Immutable hash table from IP address to object: open addressing, at most half full. Addresses are asked for in halves, as
 * {@link SocketName} reads them. Thread-safe.
 */
final class AddressMap<V> {
    private static final long GOLDEN = 0x9e37_79b9_7f4a_7c15L;
    private static final long SILVER = 0xd1b5_4a32_d192_ed03L;

    private final long[] highs;
    private final long[] lows;
    private final @Nullable Object[] values;
    private final int shift;
    private final boolean empty;

    AddressMap(Map<InetAddress, V> entries) {
        int capacity = Integer.highestOneBit(Math.max(4, entries.size() * 2 - 1)) << 1;
        highs = new long[capacity];
        lows = new long[capacity];
        values = new Object[capacity];
        shift = Long.SIZE - Integer.numberOfTrailingZeros(capacity);
        empty = entries.isEmpty();
        entries.forEach((address, value) -> insert(SocketName.high(address), SocketName.low(address), value));
    }

    private void insert(long high, long low, V value) {
        int slot = slot(high, low);
        while (values[slot] != null) {
            slot = slot + 1 & values.length - 1;
        }
        highs[slot] = high;
        lows[slot] = low;
        values[slot] = value;
    }

    private int slot(long high, long low) {
        return (int) ((high * SILVER ^ low) * GOLDEN >>> shift);
    }

    @SuppressWarnings("unchecked")
    @Nullable
    V get(long high, long low) {
        int slot = slot(high, low);
        while (true) {
            Object value = values[slot];
            if (value == null || lows[slot] == low && highs[slot] == high) {
                return (V) value;
            }
            slot = slot + 1 & values.length - 1;
        }
    }

    boolean isEmpty() {
        return empty;
    }
}
