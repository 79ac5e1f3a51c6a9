package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is rehearsed is the whole way of a packet, in the mode that is played afterwards. */
class RehearsalTest {
    private static final int ROUNDS = 48;
    private static final int RARE_ROUNDS = ROUNDS / 16;
    /** A super-frame of three, two packets, and now and then one that opens a connection and one that asks. */
    private static final long PACKETS = ROUNDS * 5 + RARE_ROUNDS * 2;

    @ParameterizedTest
    @EnumSource(names = {"SUPER", "GSO", "PLAIN"})
    void everyFrameGoesThereAndBack(Mode mode) {
        try (Rehearsal rehearsal = new Rehearsal(mode, false)) {
            assertThat(rehearsal.run(ROUNDS)).isEqualTo(ROUNDS);

            assertOnlyMulticastDropped(rehearsal);
            assertThat(rehearsal.traffic().sum(Traffic.TX_PACKETS)).isEqualTo(PACKETS);
            assertThat(rehearsal.traffic().sum(Traffic.ARP_ANSWERED)).isEqualTo(RARE_ROUNDS);
            assertThat(rehearsal.traffic().sum(Traffic.ARP_DIRECTED)).isEqualTo(RARE_ROUNDS);
            assertThat(rehearsal.traffic().sum(Traffic.TX_SUPER_FRAMES)).isEqualTo(mode == Mode.SUPER ? ROUNDS / 2 : 0);
            assertThat(rehearsal.traffic().sum(Traffic.RX_SUPER_FRAMES)).isEqualTo(mode == Mode.SUPER ? ROUNDS / 2 : 0);
            assertThat(rehearsal.traffic().sum(Traffic.TX_SEGMENTED))
                    .isEqualTo(mode == Mode.SUPER ? ROUNDS / 2 : ROUNDS);
            long whole = rehearsal.traffic().sum(Traffic.RX_SUPER_FRAMES);
            assertThat(rehearsal.traffic().sum(Traffic.RX_PACKETS)).isEqualTo(PACKETS - 2 * whole);
        }
    }

    @Test
    void packetsAreSealedWhereTheOverlayIsEncrypted() {
        try (Rehearsal rehearsal = new Rehearsal(Mode.GSO, true)) {
            rehearsal.run(ROUNDS);

            assertOnlyMulticastDropped(rehearsal);
            assertThat(rehearsal.traffic().sum(Traffic.RX_PACKETS)).isEqualTo(PACKETS);
        }
    }

    private static void assertOnlyMulticastDropped(Rehearsal rehearsal) {
        assertThat(Arrays.stream(Drop.values()).filter(drop -> rehearsal.drops().sum(drop) > 0))
                .containsExactly(Drop.GROUP_DESTINATION);
    }
}
