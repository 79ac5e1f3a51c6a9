package dev.drover.dataplane;

import java.lang.foreign.Arena;

/**
 * Off-heap memory of one owner (an endpoint, a lane), allocated at start and freed as a whole. Allocations are zeroed.
 * The owner closes it only when no thread and no system call can touch an address of it any more; several threads may
 * use disjoint parts.
 */
public final class Slab implements AutoCloseable {
    private static final long CACHE_LINE_BYTES = 64;

    private final Arena arena = Arena.ofShared();

    /** Address of {@code lengthBytes} fresh bytes, aligned to a cache line. */
    public long allocate(long lengthBytes) {
        return arena.allocate(lengthBytes, CACHE_LINE_BYTES).address();
    }

    @Override
    public void close() {
        arena.close();
    }
}
