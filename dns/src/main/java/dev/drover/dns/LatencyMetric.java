package dev.drover.dns;

import dev.drover.dns.path.LatencyHistogram;
import io.prometheus.metrics.model.registry.Collector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.util.Locale;

/** The lanes' latency counters as a histogram {@code drover_dns_latency_seconds}, read at scrape. */
final class LatencyMetric implements Collector {
    private static final String NAME = "drover_dns_latency_seconds";
    private static final double US_PER_SECOND = 1e6;
    private static final double NS_PER_SECOND = 1e9;

    private final LatencyHistogram histogram;

    LatencyMetric(LatencyHistogram histogram) {
        this.histogram = histogram;
    }

    @Override
    public MetricSnapshot collect() {
        HistogramSnapshot.Builder snapshot = HistogramSnapshot.builder()
                .name(NAME)
                .help("Time from reading a query to its reply; plain answers are timed one in 16");
        for (LatencyHistogram.Source source : LatencyHistogram.Source.values()) {
            ClassicHistogramBuckets.Builder buckets = ClassicHistogramBuckets.builder();
            for (int i = 0; i < LatencyHistogram.BUCKETS; i++) {
                boolean last = i == LatencyHistogram.BUCKETS - 1;
                double upperSeconds = last ? Double.POSITIVE_INFINITY : (1L << i) / US_PER_SECOND;
                buckets.bucket(upperSeconds, histogram.count(source, i));
            }
            snapshot.dataPoint(HistogramSnapshot.HistogramDataPointSnapshot.builder()
                    .classicHistogramBuckets(buckets.build())
                    .sum(histogram.totalNs(source) / NS_PER_SECOND)
                    .labels(Labels.of("source", source.name().toLowerCase(Locale.ROOT)))
                    .build());
        }
        return snapshot.build();
    }
}
