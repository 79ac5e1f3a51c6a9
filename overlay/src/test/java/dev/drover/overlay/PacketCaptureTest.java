package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.overlay.path.Drop;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Captures and flows of an encrypted overlay between two hosts. */
@Tag("root")
@Timeout(120)
class PacketCaptureTest {
    private static final PacketCapture.Request ALL = new PacketCapture.Request(null, null, Long.MAX_VALUE, 60, 262_144);
    private static final int PROTOCOL = 14 + 9;
    private static final int ICMP = 1;

    private static CompletableFuture<PcapngReader> write(PacketCapture capture) {
        return CompletableFuture.supplyAsync(() -> {
            ByteArrayOutputStream file = new ByteArrayOutputStream();
            try {
                capture.write(file);
            } catch (Exception e) {
                throw new AssertionError(e);
            }
            return new PcapngReader(file.toByteArray());
        });
    }

    private static boolean isPing(PcapngReader.Packet packet) {
        return packet.bytes()[12] == 8 && packet.bytes()[13] == 0 && packet.bytes()[PROTOCOL] == ICMP;
    }

    @Test
    void whatIsInsideTheSealIsCapturedAndCountedAsFlow() throws Exception {
        Encryption one = Encryption.generate();
        Encryption two = Encryption.generate();
        try (TwoHosts hosts = new TwoHosts()) {
            OverlayConfig near = hosts.one.encrypted(Mode.AUTO, one, two.publicKey());
            OverlayConfig each = new OverlayConfig(
                    near.vni(),
                    near.vtep(),
                    near.port(),
                    near.bridge(),
                    near.mode(),
                    near.local(),
                    near.peers(),
                    near.neighbours(),
                    near.encryption(),
                    1);
            hosts.two.start(hosts.two.encrypted(Mode.AUTO, two, one.publicKey()), 1, KeyExchange.Timing.STANDARD);
            Overlay overlay = hosts.one.start(each, 2, KeyExchange.Timing.STANDARD);
            await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.address()));

            PacketCapture capture = overlay.capture(ALL);
            assertThatThrownBy(() -> overlay.capture(ALL)).hasMessageContaining("one at a time");
            CompletableFuture<PcapngReader> file = write(capture);
            long before = Instant.now().getEpochSecond();
            assertThat(hosts.one.container.pings(hosts.two.address())).isTrue();
            hosts.one.container.pings("10.42.99.9");
            await().atMost(Duration.ofSeconds(10)).until(() -> capture.written() >= 3);
            capture.close();
            PcapngReader read = file.get();
            assertThat(read.device).isEqualTo("drt42");
            assertThat(read.received).isEqualTo(read.packets.size());
            assertThat(read.dropped).isZero();
            assertThat(read.packets.stream().filter(PacketCaptureTest::isPing))
                    .extracting(PcapngReader.Packet::comment)
                    .containsExactly("to peer 192.0.2.2", "from peer 192.0.2.2");
            assertThat(read.packets)
                    .allSatisfy(packet ->
                            assertThat(packet.timeNs() / 1_000_000_000L).isBetween(before - 5, before + 60))
                    .anySatisfy(packet -> assertThat(packet.comment()).isEqualTo("dropped: arp_unknown"))
                    .allMatch(packet -> packet.bytes().length == packet.length());

            // another one may begin now, and ends by its count
            PacketCapture second = awaitCapture(
                    overlay, new PacketCapture.Request(near.peers().getFirst().vtep(), null, 1, 60, 20));
            CompletableFuture<PcapngReader> short1 = write(second);
            await().atMost(Duration.ofSeconds(20)).until(() -> {
                hosts.one.container.pings(hosts.two.address());
                return short1.isDone();
            });
            assertThat(short1.get().packets).hasSize(1).allMatch(packet -> packet.bytes().length == 20);

            flows(hosts, overlay);
            overlay.apply(near);
            assertThat(overlay.config().flowSampling()).isEqualTo(OverlayConfig.FLOW_SAMPLING);
        }
    }

    private static PacketCapture awaitCapture(Overlay overlay, PacketCapture.Request request) {
        PacketCapture[] begun = new PacketCapture[1];
        await().atMost(Duration.ofSeconds(10)).ignoreExceptions().until(() -> {
            begun[0] = overlay.capture(request);
            return true;
        });
        return begun[0];
    }

    private static void flows(TwoHosts hosts, Overlay overlay) {
        assertThat(overlay.flows())
                .anySatisfy(flow -> {
                    assertThat(flow.direction()).isEqualTo(Flow.Direction.OUT);
                    assertThat(flow.source()).hasToString("/" + hosts.one.address());
                    assertThat(flow.destination()).hasToString("/" + hosts.two.address());
                    assertThat(flow.vtep()).hasToString("/192.0.2.2");
                    assertThat(flow.packets()).isEqualTo(flow.samples()).isPositive();
                    assertThat(flow.bytes()).isEqualTo(98 * flow.packets());
                })
                .anySatisfy(flow -> {
                    assertThat(flow.direction()).isEqualTo(Flow.Direction.IN);
                    assertThat(flow.source()).hasToString("/" + hosts.two.address());
                });
        assertThat(overlay.status().drops().get(Drop.ARP_UNKNOWN)).isPositive();
    }

    @Test
    void aCaptureEndsWithItsOverlay() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.PLAIN);
            CompletableFuture<PcapngReader> file = write(overlay.capture(ALL));
            overlay.close();
            assertThat(file.get().received).isNotNegative();
        }
    }
}
