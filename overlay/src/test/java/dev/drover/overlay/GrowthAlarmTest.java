package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GrowthAlarmTest {
    private final GrowthAlarm alarm = new GrowthAlarm(100);

    @Test
    void growthIsToldAtOnceAndThenOncePerPeriod() {
        assertThat(alarm.grown(0, 0)).isZero();
        assertThat(alarm.grown(5, 10)).isEqualTo(5);
        assertThat(alarm.grown(7, 50)).isZero();
        assertThat(alarm.grown(9, 109)).isZero();
        assertThat(alarm.grown(9, 110)).isEqualTo(4);
        assertThat(alarm.grown(9, 1_000)).isZero();
        assertThat(alarm.grown(10, 1_001)).isEqualTo(1);
    }
}
