package dev.drover.dns.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.SocketName;
import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Replies a second for each network, by a clock of the test's. */
final class ResponseRateTest {
    private final ResponseRate rate = new ResponseRate(new ResponseRate.Rule(100, 2, 24, 56));

    private int taken(String client, int tries, long nowMs) {
        InetAddress address = InetAddress.ofLiteral(client);
        int taken = 0;
        for (int i = 0; i < tries; i++) {
            taken += rate.take(SocketName.high(address), SocketName.low(address), nowMs * 1_000) ? 1 : 0;
        }
        return taken;
    }

    @Test
    void aNetworkHasASecondsRepliesAndGetsThemBackByAndBy() {
        assertThat(taken("192.0.2.1", 1_000, 5_000)).isEqualTo(100);
        assertThat(taken("192.0.2.200", 10, 5_000)).as("same network").isZero();
        assertThat(taken("192.0.2.1", 1_000, 5_250)).isEqualTo(25);
        assertThat(taken("192.0.2.1", 1_000, 5_255)).as("less than one").isZero();
        assertThat(taken("192.0.2.1", 1_000, 5_260)).isEqualTo(1);
        assertThat(taken("192.0.2.1", 1_000, 60_000)).isEqualTo(100);
    }

    @Test
    void anotherNetworkIsNotConcerned() {
        assertThat(taken("192.0.2.1", 1_000, 0)).isEqualTo(100);
        assertThat(taken("192.0.3.1", 1_000, 0)).isEqualTo(100);
        assertThat(taken("2001:db8:0:100::1", 1_000, 0)).isEqualTo(100);
        assertThat(taken("2001:db8:0:1ff::1", 1_000, 0)).as("same 56 bits").isZero();
        assertThat(taken("2001:db8:0:200::1", 1_000, 0)).isEqualTo(100);
    }

    /** A bucket that was full counted as empty when as much came as went. */
    @ParameterizedTest
    @ValueSource(ints = {1, 100, 999, 1_500, 10_000, 65_535})
    void whoKeepsToTheRateIsNotLimitedAndWhoDoesNotGetsTheRate(int perSecond) {
        ResponseRate modest = new ResponseRate(new ResponseRate.Rule(perSecond, 2, 24, 56));
        ResponseRate flooded = new ResponseRate(new ResponseRate.Rule(perSecond, 2, 24, 56));
        int perStep = 1 + perSecond / 50_000;
        int taken = 0;
        long lastUs = -1;
        for (long us = 0; us < 3_000_000; us += 20) {
            if (lastUs < 0 || us - lastUs >= 1_050_000 / perSecond) {
                assertThat(modest.take(0, 1, us)).as("at %d us", us).isTrue();
                lastUs = us;
            }
            for (int i = 0; i < 2 * perStep; i++) {
                taken += flooded.take(0, 1, us) ? 1 : 0;
            }
        }
        assertThat(taken).as("a full bucket and what comes in 3 s").isBetween((int) (3.7 * perSecond), 4 * perSecond);
    }

    @Test
    void everySecondReplyAboveTheRateSlips() {
        int slips = 0;
        for (int i = 0; i < 10; i++) {
            slips += rate.slips() ? 1 : 0;
        }
        assertThat(slips).isEqualTo(5);
        assertThat(new ResponseRate(new ResponseRate.Rule(1, 0, 24, 56)).slips())
                .isFalse();
    }
}
