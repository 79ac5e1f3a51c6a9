package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class H2GlitchesTest {
    private static final int MANY = 100_000;

    private final H2Glitches glitches = new H2Glitches();

    @Test
    void a_ping_behind_data_is_free() {
        for (int i = 0; i < MANY; i++) {
            glitches.dataMoved();
            assertThat(glitches.tooManyPings(true)).isFalse();
        }
    }

    @Test
    void pings_without_data_are_counted() {
        int pings = 0;
        glitches.dataMoved();
        while (!glitches.tooManyPings(true)) {
            pings++;
        }
        assertThat(pings).isEqualTo(2_001);
    }

    @Test
    void pings_of_who_does_not_read_cost_more_even_behind_data() {
        int pings = 0;
        do {
            glitches.dataMoved();
            pings++;
        } while (!glitches.tooManyPings(false));
        assertThat(pings).isEqualTo(201);
    }
}
