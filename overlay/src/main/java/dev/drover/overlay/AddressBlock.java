package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The addresses of a host's block and who has them. The network address, the host's own (the first one) and the
 * broadcast address are never given away. An address that was never used goes first, then the one released longest ago:
 * a reused address is as old as the block allows, and nobody remembers its earlier owner. Pure: the caller persists
 * {@link #assignments} and {@link #released}. Thread-safe.
 */
public final class AddressBlock {
    private static final int PREFIX_LENGTH_MAX = 30;

    private final Cidr block;
    private final Map<String, Integer> addresses = new HashMap<>();
    private final Set<Integer> used = new HashSet<>();
    private final LinkedHashSet<Integer> released = new LinkedHashSet<>();
    private int nextFresh;

    /** @throws IllegalArgumentException the block has no room for the host and a container */
    public AddressBlock(Cidr block) {
        if (block.prefixLength() > PREFIX_LENGTH_MAX) {
            throw new IllegalArgumentException("block: " + block + " (expected: /" + PREFIX_LENGTH_MAX + " or wider)");
        }
        this.block = block;
        this.nextFresh = first();
    }

    public Cidr block() {
        return block;
    }

    /** The host's own address. */
    public int own() {
        return block.address(1);
    }

    /** Addresses that containers can have at the same time. */
    public int capacity() {
        return (int) Math.min(Integer.MAX_VALUE, block.size() - 3);
    }

    /**
     * The address of {@code key}: the one it has, else a free one.
     *
     * @throws IllegalStateException the block is full
     */
    public synchronized int allocate(String key) {
        Integer present = addresses.get(key);
        return present != null ? present : take(key, next());
    }

    /**
     * As {@link #allocate(String)}, but {@code requested} when that is free and one of this block's; a container that
     * asks for what it cannot have starts with another one, as it did in Rancher.
     */
    public synchronized int allocate(String key, int requested) {
        if (!addresses.containsKey(key) && assignable(requested) && !used.contains(requested)) {
            return take(key, requested);
        }
        return allocate(key);
    }

    /** Gives an address back; false when {@code key} has none. */
    public synchronized boolean release(String key) {
        Integer address = addresses.remove(key);
        if (address == null) {
            return false;
        }
        used.remove(address);
        released.add(address);
        return true;
    }

    public synchronized Optional<Integer> address(String key) {
        return Optional.ofNullable(addresses.get(key));
    }

    /** Who has which address; a copy. */
    public synchronized Map<String, Integer> assignments() {
        return Map.copyOf(addresses);
    }

    /** Free addresses that were used, oldest first; a copy. */
    public synchronized List<Integer> released() {
        return List.copyOf(released);
    }

    /**
     * Puts back what an earlier process had written down; call it before anything else. What is not assignable in this
     * block, because the host has another one now, or given to two keys, is left out.
     *
     * @return keys whose address could not be kept
     */
    public synchronized List<String> restore(Map<String, Integer> assignments, List<Integer> releasedOldestFirst) {
        List<String> refused = new ArrayList<>();
        assignments.forEach((key, address) -> {
            if (assignable(address) && !used.contains(address) && !addresses.containsKey(key)) {
                take(key, address);
            } else {
                refused.add(key);
            }
        });
        for (int address : releasedOldestFirst) {
            if (assignable(address) && !used.contains(address)) {
                released.add(address);
            }
        }
        return refused;
    }

    private int take(String key, int address) {
        addresses.put(key, address);
        used.add(address);
        released.remove(address);
        return address;
    }

    private int next() {
        while (nextFresh != last() + 1) {
            int candidate = nextFresh++;
            if (!used.contains(candidate) && !released.contains(candidate)) {
                return candidate;
            }
        }
        if (!released.isEmpty()) {
            return released.getFirst();
        }
        throw new IllegalStateException("address block " + block + ": full, " + used.size()
                + " containers (expected: at most " + capacity() + " on this host)");
    }

    private boolean assignable(int address) {
        return block.contains(address)
                && Integer.compareUnsigned(address, first()) >= 0
                && Integer.compareUnsigned(address, last()) <= 0;
    }

    private int first() {
        return block.address(2);
    }

    private int last() {
        return block.address((int) (block.size() - 2));
    }
}
