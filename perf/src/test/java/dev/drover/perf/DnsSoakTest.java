package dev.drover.perf;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A short {@code bench dns --soak}. */
@Timeout(60)
final class DnsSoakTest {
    @Test
    void everyAnswerIsTrueNoneIsMissingAndNothingGrows() throws Exception {
        try (DnsSoak soak = new DnsSoak()) {
            DnsSoak.Outcome outcome = soak.run(Duration.ofSeconds(5), step -> {});
            assertThat(outcome.failures()).isEmpty();
            assertThat(outcome.answered()).isGreaterThan(500);
        }
    }

    @Test
    void lostQueriesAreForgivenForFullSocketsOnly() {
        assertThat(outcome(0, 3, 3, 0).failures()).isEmpty();
        assertThat(outcome(0, 3, 2, 0).failures())
                .containsExactly("lost queries: 3 (expected: at most the 2 of full sockets)");
    }

    @Test
    void aWrongReplyAndGrowthOfMemoryFail() {
        assertThat(outcome(1, 0, 0, 0).failures()).singleElement().asString().startsWith("wrong replies: 1");
        assertThat(outcome(0, 0, 0, 100 << 20).failures())
                .hasSize(2)
                .first()
                .asString()
                .startsWith("live memory grew by 104.9 MB");
    }

    private static DnsSoak.Outcome outcome(long wrong, long lost, long overflows, long growth) {
        return new DnsSoak.Outcome(
                Duration.ofMinutes(3), 1, wrong, List.of(), lost, overflows, 12_000, growth, growth, 0, 0);
    }
}
