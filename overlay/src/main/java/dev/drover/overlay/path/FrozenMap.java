package dev.drover.overlay.path;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Immutable hash table from long to object: open addressing, at most half full, no boxing on read. Thread-safe. */
final class FrozenMap<V> {
    private static final long GOLDEN = 0x9e37_79b9_7f4a_7c15L;

    private final long[] keys;
    private final @Nullable Object[] values;
    private final int shift;
    private final int size;

    FrozenMap(Map<Long, V> entries) {
        int capacity = Integer.highestOneBit(Math.max(4, entries.size() * 2 - 1)) << 1;
        keys = new long[capacity];
        values = new Object[capacity];
        shift = Long.SIZE - Integer.numberOfTrailingZeros(capacity);
        size = entries.size();
        entries.forEach(this::insert);
    }

    private void insert(long key, V value) {
        int slot = slot(key);
        while (values[slot] != null) {
            slot = slot + 1 & keys.length - 1;
        }
        keys[slot] = key;
        values[slot] = value;
    }

    private int slot(long key) {
        return (int) (key * GOLDEN >>> shift);
    }

    @SuppressWarnings("unchecked")
    @Nullable
    V get(long key) {
        int slot = slot(key);
        while (true) {
            Object value = values[slot];
            if (value == null || keys[slot] == key) {
                return (V) value;
            }
            slot = slot + 1 & keys.length - 1;
        }
    }

    int size() {
        return size;
    }
}
