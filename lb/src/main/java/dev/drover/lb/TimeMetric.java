package dev.drover.lb;

import dev.drover.lb.path.Latencies;
import dev.drover.lb.path.Timing;
import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Times of requests as a histogram, read at scrape. Each of its rows has the same few buckets, bounds being powers of two
 * microseconds, so that the number of series depends on the number of pools and targets alone.
 */
final class TimeMetric implements Collector {
    private static final int LEAST_POWER = 7;
    private static final int MOST_POWER = 25;
    private static final double US_PER_SECOND = 1e6;
    private static final double NS_PER_SECOND = 1e9;

    private final String name;
    private final String help;
    private final Collection<Timing> parts;
    private final int powers;
    private final Supplier<Map<Labels, Latencies>> rows;

    /** @param powers between one bound and the next */
    TimeMetric(String name, String help, Collection<Timing> parts, int powers, Supplier<Map<Labels, Latencies>> rows) {
        this.name = name;
        this.help = help;
        this.parts = parts;
        this.powers = powers;
        this.rows = rows;
    }

    @Override
    public MetricSnapshot collect() {
        HistogramSnapshot.Builder snapshot =
                HistogramSnapshot.builder().name(name).help(help);
        rows.get()
                .forEach(
                        (labels, latencies) -> parts.forEach(part -> snapshot.dataPoint(row(labels, latencies, part))));
        return snapshot.build();
    }

    private HistogramDataPointSnapshot row(Labels labels, Latencies latencies, Timing part) {
        ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
        int from = 0;
        for (int power = LEAST_POWER; power <= MOST_POWER; power += powers) {
            long count = 0;
            while (Latencies.belowUs(from) <= 1L << power) {
                count += latencies.count(part, from++);
            }
            buckets.bucket((1L << power) / US_PER_SECOND, count);
        }
        long rest = 0;
        while (from < Latencies.BUCKETS) {
            rest += latencies.count(part, from++);
        }
        buckets.bucket(Double.POSITIVE_INFINITY, rest);
        return HistogramDataPointSnapshot.builder()
                .classicHistogramBuckets(buckets.build())
                .sum(latencies.totalNs(part) / NS_PER_SECOND)
                .labels(labels.merge(Labels.of("part", part.name().toLowerCase(Locale.ROOT))))
                .build();
    }
}
