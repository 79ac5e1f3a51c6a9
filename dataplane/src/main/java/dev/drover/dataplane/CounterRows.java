package dev.drover.dataplane;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Plain counters, a padded row per lane. A row has one writer, its lane; anyone may read the sums, which are never torn
 * and at most a moment old.
 */
public final class CounterRows {
    private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);
    /** Two cache lines between rows, so that no lane's writes slow a neighbour (adjacent-line prefetch). */
    private static final int PADDING_CELLS = 16;

    private final long[][] rows;

    /** @param counters in each row */
    public CounterRows(int lanes, int counters) {
        rows = new long[lanes][PADDING_CELLS + counters + PADDING_CELLS];
    }

    /** Adds {@code amount}; only the thread of {@code lane} may call this. */
    public void add(int lane, int counter, long amount) {
        long[] row = rows[lane];
        int cell = PADDING_CELLS + counter;
        CELL.setOpaque(row, cell, row[cell] + amount);
    }

    /** Sum of {@code counter} over all lanes. */
    public long sum(int counter) {
        long sum = 0;
        for (long[] row : rows) {
            sum += (long) CELL.getOpaque(row, PADDING_CELLS + counter);
        }
        return sum;
    }
}
