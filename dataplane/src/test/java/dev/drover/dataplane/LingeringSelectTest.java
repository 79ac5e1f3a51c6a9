package dev.drover.dataplane;

import static io.netty.channel.SelectStrategy.CONTINUE;
import static io.netty.channel.SelectStrategy.SELECT;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LingeringSelectTest {
    private static final long SHORT_NS = LingeringSelect.LINGER_NS / 2;

    private long nowNs;
    private int ready;
    private final LingeringSelect select = new LingeringSelect(() -> nowNs);

    private int turn(long laterNs) throws Exception {
        nowNs += laterNs;
        return select.calculateStrategy(() -> ready, false);
    }

    @Test
    void anIdleLoopSleeps() throws Exception {
        assertThat(turn(0)).isEqualTo(SELECT);
        assertThat(turn(1_000_000)).isEqualTo(SELECT);
        assertThat(turn(LingeringSelect.LINGER_NS)).isEqualTo(SELECT);
    }

    @Test
    void aShortWaitMakesItLookUntilTheTimeIsOver() throws Exception {
        assertThat(turn(0)).isEqualTo(SELECT);
        assertThat(turn(SHORT_NS)).isEqualTo(CONTINUE);
        assertThat(turn(LingeringSelect.LINGER_NS - 1)).isEqualTo(CONTINUE);
        assertThat(turn(1)).isEqualTo(SELECT);
    }

    @Test
    void workThatIsFoundStartsTheTimeAnew() throws Exception {
        turn(0);
        turn(SHORT_NS);
        ready = 3;
        assertThat(turn(SHORT_NS)).isEqualTo(3);
        ready = 0;
        assertThat(turn(LingeringSelect.LINGER_NS - 1)).isEqualTo(CONTINUE);
    }

    @Test
    void aLongWaitEndsTheLooking() throws Exception {
        turn(0);
        turn(SHORT_NS);
        turn(LingeringSelect.LINGER_NS);
        assertThat(turn(LingeringSelect.LINGER_NS)).as("after a long sleep").isEqualTo(SELECT);
    }

    @Test
    void tasksAreNeverKeptWaiting() throws Exception {
        ready = 2;
        assertThat(select.calculateStrategy(() -> ready, true)).isEqualTo(2);
        assertThat(turn(SHORT_NS)).as("a task says nothing about waiting").isEqualTo(SELECT);
    }
}
