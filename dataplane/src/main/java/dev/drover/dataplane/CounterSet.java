package dev.drover.dataplane;

import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Locale;

/** Counters for one enum, in {@link CounterRows}. */
public final class CounterSet<E extends Enum<E>> {
    private final E[] keys;
    private final CounterRows rows;

    public CounterSet(Class<E> type, int lanes) {
        keys = type.getEnumConstants();
        rows = new CounterRows(lanes, keys.length);
    }

    public void increment(int lane, E key) {
        add(lane, key, 1);
    }

    /** Adds {@code amount}; only the thread of {@code lane} may call this. */
    public void add(int lane, E key, long amount) {
        rows.add(lane, key.ordinal(), amount);
    }

    /** Sum of {@code key} over all lanes. */
    public long sum(E key) {
        return rows.sum(key.ordinal());
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
