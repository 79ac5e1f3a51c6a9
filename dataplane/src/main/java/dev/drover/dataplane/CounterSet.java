package dev.drover.dataplane;

import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Locale;

/**
 * Counters for one enum, a padded row per lane. A row has one writer, its lane; anyone may read the sums, which are
 * never torn and at most a moment old.
 */
public final class CounterSet<E extends Enum<E>> {
    private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);
    /** Two cache lines between rows, so that no lane's writes slow a neighbour (adjacent-line prefetch). */
    private static final int PADDING_CELLS = 16;

    private final E[] keys;
    private final long[][] rows;

    public CounterSet(Class<E> type, int lanes) {
        keys = type.getEnumConstants();
        rows = new long[lanes][PADDING_CELLS + keys.length + PADDING_CELLS];
    }

    public void increment(int lane, E key) {
        add(lane, key, 1);
    }

    /** Adds {@code amount}; only the thread of {@code lane} may call this. */
    public void add(int lane, E key, long amount) {
        long[] row = rows[lane];
        int cell = PADDING_CELLS + key.ordinal();
        CELL.setOpaque(row, cell, row[cell] + amount);
    }

    /** Sum of {@code key} over all lanes. */
    public long sum(E key) {
        long sum = 0;
        for (long[] row : rows) {
            sum += (long) CELL.getOpaque(row, PADDING_CELLS + key.ordinal());
        }
        return sum;
    }

    /** Exposes every key as {@code name_total{label="key_in_lower_case"}}, read at scrape. */
    public void register(PrometheusRegistry registry, String name, String help, String label) {
        CounterWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames(label)
                .callback(sink -> {
                    for (E key : keys) {
                        sink.call((double) sum(key), key.name().toLowerCase(Locale.ROOT));
                    }
                })
                .register(registry);
    }
}
