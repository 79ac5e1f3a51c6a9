package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StickySourcesTest {
    private static final long IDLE_NS = TimeUnit.MINUTES.toNanos(1);
    private static final int SOURCES = 200_000;

    private final StickySources sources = new StickySources(IDLE_NS);

    @Test
    void a_source_is_remembered_while_it_comes() {
        assertThat(sources.token(7, 0)).isZero();
        sources.hold(7, 70, 0);
        assertThat(sources.token(7, IDLE_NS)).isEqualTo(70);
        sources.hold(7, 71, IDLE_NS);
        assertThat(sources.token(7, 2 * IDLE_NS)).isEqualTo(71);
        assertThat(sources.token(7, 2 * IDLE_NS + 1)).isZero();
        assertThat(sources.token(8, 0)).isZero();
    }

    @Test
    void of_more_sources_than_fit_those_are_kept_that_came_last() {
        for (int i = 1; i <= SOURCES; i++) {
            sources.hold(Balancer.mix(i), i, i);
        }
        int known = 0;
        for (int i = 1; i <= SOURCES; i++) {
            long token = sources.token(Balancer.mix(i), SOURCES);
            assertThat(token).isIn(0L, (long) i);
            known += token == 0 ? 0 : 1;
        }
        assertThat(known).isBetween(60_000, 65_536);
        // Of the last 10,000, a place with five of them has forgotten one.
        int recent = 0;
        for (int i = SOURCES - 10_000; i < SOURCES; i++) {
            recent += sources.token(Balancer.mix(i), SOURCES) == 0 ? 0 : 1;
        }
        assertThat(recent).isGreaterThan(9_900);
    }
}
