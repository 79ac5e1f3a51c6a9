package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LatenciesTest {
    @Test
    void each_duration_is_below_the_bound_of_its_bucket_and_not_below_the_one_before() {
        for (long us = 0; us < 100_000; us++) {
            int bucket = Latencies.bucket(us);
            assertThat(us).isLessThan(Latencies.belowUs(bucket));
            if (us > 1) {
                long least = Latencies.belowUs(bucket) * 2 / 3;
                assertThat(us).isGreaterThanOrEqualTo(least - 1);
            }
        }
        assertThat(Latencies.bucket(Long.MAX_VALUE)).isEqualTo(Latencies.BUCKETS - 1);
        assertThat(Latencies.belowUs(Latencies.bucket(1L << 26))).isEqualTo(Long.MAX_VALUE);
        assertThat(Latencies.belowUs(Latencies.bucket((1L << 26) - 1))).isEqualTo(1L << 26);
    }

    @Test
    void bounds_grow() {
        for (int i = 1; i < Latencies.BUCKETS; i++) {
            assertThat(Latencies.belowUs(i)).isGreaterThanOrEqualTo(Latencies.belowUs(i - 1));
        }
    }
}
