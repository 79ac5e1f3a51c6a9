package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An underlay that loses packets and lets others overtake. */
@Tag("root")
@Timeout(180)
class PoorUnderlayTest {
    private static final int TCP_BYTES = 4_000_000;
    private static final int LOSE_EVERY = 97;
    private static final int DELAY_EVERY = 31;

    /** Both ends. */
    enum Ends {
        SUPER,
        GSO,
        PLAIN,
        ENCRYPTED;

        void connect(TwoHosts hosts) {
            if (this == SUPER) {
                hosts.assumeSuperFrames();
            }
            if (this == ENCRYPTED) {
                Encryption one = Encryption.generate();
                Encryption two = Encryption.generate();
                KeyExchange.Timing timing = KeyExchange.Timing.STANDARD;
                hosts.two.start(hosts.two.encrypted(Mode.GSO, two, one.publicKey()), 1, timing);
                hosts.one.start(hosts.one.encrypted(Mode.GSO, one, two.publicKey()), 1, timing);
                return;
            }
            Mode mode = Mode.valueOf(name());
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.start(side.config(mode, false), 1, PathProbes.Timing.STANDARD);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void lossAndReorderingCostSpeedAndNothingElse(Ends ends) throws Exception {
        try (TwoHosts hosts = new TwoHosts();
                Relay relay = new Relay(hosts, LOSE_EVERY, DELAY_EVERY)) {
            ends.connect(hosts);
            await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.address()));
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            Load.tcp(hosts.two, hosts.one, TCP_BYTES);
            assertThat(relay.lost()).isPositive();
            assertThat(relay.delayed()).isPositive();
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                assertThat(side.running().status().drops())
                        .containsEntry(Drop.BAD_CHECKSUM, 0L)
                        .containsEntry(Drop.MALFORMED_SUPER_FRAME, 0L)
                        .containsEntry(Drop.BAD_TAG, 0L)
                        .containsEntry(Drop.REPLAYED, 0L)
                        .containsEntry(Drop.TAP_WRITE_FAILED, 0L)
                        .containsEntry(Drop.SEND_FAILED, 0L);
            }
            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(() -> assertThat(sum(hosts, Traffic.RX_PACKETS) + relay.lost())
                            .as("packets that arrived or were lost, against those sent")
                            .isEqualTo(sum(hosts, Traffic.TX_PACKETS)));
        }
    }

    private static long sum(TwoHosts hosts, Traffic event) {
        return Stream.of(hosts.one, hosts.two)
                .mapToLong(side -> side.running().status().traffic().get(event))
                .sum();
    }
}
