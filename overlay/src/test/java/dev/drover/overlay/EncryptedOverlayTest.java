package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Two hosts whose overlay is encrypted. */
@Tag("root")
@Timeout(180)
class EncryptedOverlayTest {
    private static final int MTU = TwoHosts.MTU - 32;
    private static final int FULL = MTU - 28;
    private static final int TCP_BYTES = 8_000_000;
    private static final String MARKER = "in plain sight";
    private static final long MS = 1_000_000;
    private static final KeyExchange.Timing HASTY = new KeyExchange.Timing(400 * MS, 4_000 * MS, 2_000 * MS, 200 * MS);

    private final Encryption one = Encryption.generate();
    private final Encryption two = Encryption.generate();

    private Overlay connect(TwoHosts hosts, Mode mode, int lanes, KeyExchange.Timing timing) {
        hosts.one.mtu(MTU);
        hosts.two.mtu(MTU);
        hosts.two.start(hosts.two.encrypted(mode, two, one.publicKey()), lanes, timing);
        return hosts.one.start(hosts.one.encrypted(mode, one, two.publicKey()), lanes, timing);
    }

    private Overlay connect(TwoHosts hosts, Mode mode, int lanes) {
        return connect(hosts, mode, lanes, KeyExchange.Timing.STANDARD);
    }

    private static void awaitPath(TwoHosts hosts) {
        await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.address()));
    }

    private static long dropped(Overlay overlay, Drop reason) {
        return overlay.status().drops().get(reason);
    }

    @Test
    void anIpv6UnderlayCarriesTheSame() throws Exception {
        try (TwoHosts hosts = new TwoHosts(true, 1_500)) {
            Overlay overlay = connect(hosts, Mode.AUTO, 1);
            awaitPath(hosts);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            assertThat(overlay.mtu()).isEqualTo(1_500 - 70 - 32);
        }
    }

    @ParameterizedTest
    @EnumSource
    void allSizesArriveUnchangedInBothDirections(Mode mode) throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, mode, 1);
            awaitPath(hosts);
            int[] sizes = IntStream.concat(IntStream.rangeClosed(0, FULL), IntStream.of(FULL + 1, 5_000, 60_000))
                    .toArray();
            Load.udp(hosts.one, hosts.two, sizes);
            Load.udp(hosts.two, hosts.one, 0, 1, 100, FULL, FULL + 1, 60_000);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            Load.tcp(hosts.two, hosts.one, TCP_BYTES);
            Load.udpSegmented(hosts.one, hosts.two, 1_000, 20);
            Load.udpSegmented(hosts.two, hosts.one, FULL, 30);
            OverlayStatus status = overlay.status();
            assertThat(status.mtu()).isEqualTo(MTU);
            assertThat(status.mode()).isNotEqualTo(Mode.SUPER);
            assertThat(status.drops())
                    .containsEntry(Drop.BAD_TAG, 0L)
                    .containsEntry(Drop.REPLAYED, 0L)
                    .containsEntry(Drop.PLAINTEXT, 0L)
                    .containsEntry(Drop.BAD_HANDSHAKE, 0L)
                    .containsEntry(Drop.MALFORMED_OFFLOAD, 0L)
                    .containsEntry(Drop.TAP_WRITE_FAILED, 0L)
                    .containsEntry(Drop.SEND_FAILED, 0L);
            assertThat(status.traffic()).containsEntry(Traffic.HANDSHAKES, 1L);
            if (status.mode() == Mode.GSO) {
                assertThat(status.traffic().get(Traffic.RX_COALESCED)).isPositive();
            }
        }
    }

    @Test
    void twoLanesCarryTraffic() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, Mode.AUTO, 2);
            awaitPath(hosts);
            for (int i = 0; i < 6; i++) {
                Load.tcp(hosts.one, hosts.two, TCP_BYTES / 4);
            }
            Load.udp(hosts.one, hosts.two, 0, 100, FULL, 20_000);
            assertThat(dropped(overlay, Drop.REPLAYED) + dropped(overlay, Drop.BAD_TAG))
                    .isZero();
        }
    }

    /** Both ways, by UDP and TCP, what an eavesdropper would look for. */
    private static void talk(TwoHosts hosts) throws Exception {
        byte[] text = (MARKER + ", here and there").getBytes(StandardCharsets.US_ASCII);
        InetAddress there = InetAddress.ofLiteral(hosts.two.address());
        InetAddress here = InetAddress.ofLiteral(hosts.one.address());
        try (DatagramSocket near = hosts.one.container.netNs.call(() -> new DatagramSocket(0, here));
                DatagramSocket far = hosts.two.container.netNs.call(() -> new DatagramSocket(0, there));
                ServerSocket listener = hosts.two.container.netNs.call(() -> new ServerSocket(0, 1, there));
                Socket client = hosts.one.container.netNs.call(() -> new Socket(there, listener.getLocalPort()));
                Socket server = listener.accept()) {
            near.setSoTimeout(2_000);
            far.setSoTimeout(2_000);
            for (int i = 0; i < 10; i++) {
                near.send(new DatagramPacket(text, text.length, there, far.getLocalPort()));
                far.receive(new DatagramPacket(new byte[100], 100));
                far.send(new DatagramPacket(text, text.length, here, near.getLocalPort()));
                near.receive(new DatagramPacket(new byte[100], 100));
                client.getOutputStream().write(text);
                assertThat(server.getInputStream().readNBytes(text.length)).isEqualTo(text);
                server.getOutputStream().write(text);
                assertThat(client.getInputStream().readNBytes(text.length)).isEqualTo(text);
            }
        }
    }

    @Test
    void nothingShowsOnTheUnderlay() throws Exception {
        try (TwoHosts hosts = new TwoHosts();
                Capture capture = Capture.on(hosts.one, MARKER)) {
            connect(hosts, Mode.AUTO, 1);
            awaitPath(hosts);
            talk(hosts);
            Thread.sleep(200);
            assertThat(capture.packets()).isGreaterThan(40);
            assertThat(capture.found()).isZero();
            assertThat(capture.firstBytes()).isEqualTo(Set.of(1, 2, 4));
        }
    }

    @Test
    void theCaptureWouldHaveSeenIt() throws Exception {
        try (TwoHosts hosts = new TwoHosts();
                Capture capture = Capture.on(hosts.one, MARKER)) {
            hosts.two.drover(Mode.GSO);
            hosts.one.drover(Mode.GSO);
            awaitPath(hosts);
            talk(hosts);
            await().atMost(Duration.ofSeconds(5)).until(() -> capture.found() >= 40);
        }
    }

    @Test
    void aPeerWithoutEncryptionIsRefusedByBothAndCounted() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay plain = hosts.two.drover(Mode.GSO);
            Overlay encrypted = hosts.one.start(
                    hosts.one.encrypted(Mode.GSO, one, two.publicKey()), 1, KeyExchange.Timing.STANDARD);
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(hosts.two.container.pings(hosts.one.address())).isFalse();
            assertThat(dropped(encrypted, Drop.PLAINTEXT)).isPositive();
            assertThat(dropped(encrypted, Drop.NO_SESSION)).isPositive();
            assertThat(dropped(plain, Drop.ENCRYPTED)).isPositive();
            assertThat(encrypted.status().traffic()).containsEntry(Traffic.TX_PACKETS, 0L);
        }
    }

    @Test
    void aPeerWithAnotherKeyIsRefusedAndCounted() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay stranger = hosts.two.start(
                    hosts.two.encrypted(Mode.GSO, Encryption.generate(), one.publicKey()),
                    1,
                    KeyExchange.Timing.STANDARD);
            Overlay overlay = hosts.one.start(
                    hosts.one.encrypted(Mode.GSO, one, two.publicKey()), 1, KeyExchange.Timing.STANDARD);
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(hosts.two.container.pings(hosts.one.address())).isFalse();
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> dropped(overlay, Drop.BAD_HANDSHAKE) > 0 && dropped(stranger, Drop.BAD_HANDSHAKE) > 0);
            assertThat(overlay.status().traffic())
                    .containsEntry(Traffic.TX_PACKETS, 0L)
                    .containsEntry(Traffic.RX_PACKETS, 0L)
                    .containsEntry(Traffic.HANDSHAKES, 0L);
        }
    }

    @Test
    void newKeysUnderLoadLoseNothing() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, Mode.GSO, 2, HASTY);
            awaitPath(hosts);
            long before = overlay.status().traffic().get(Traffic.HANDSHAKES);
            int packets = 4_000;
            InetAddress there = InetAddress.ofLiteral(hosts.two.address());
            InetAddress here = InetAddress.ofLiteral(hosts.one.address());
            try (DatagramSocket near = hosts.one.container.netNs.call(() -> new DatagramSocket(0, here));
                    DatagramSocket far = hosts.two.container.netNs.call(() -> new DatagramSocket(0, there))) {
                far.setReceiveBufferSize(4 << 20);
                far.setSoTimeout(2_000);
                Thread sender = Thread.ofPlatform().start(() -> {
                    try {
                        for (int i = 0; i < packets; i++) {
                            byte[] bytes = ByteBuffer.allocate(200).putInt(i).array();
                            near.send(new DatagramPacket(bytes, bytes.length, there, far.getLocalPort()));
                            Thread.sleep(1);
                        }
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                });
                boolean[] got = new boolean[packets];
                for (int i = 0; i < packets; i++) {
                    DatagramPacket packet = new DatagramPacket(new byte[200], 200);
                    far.receive(packet);
                    got[ByteBuffer.wrap(packet.getData()).getInt()] = true;
                }
                sender.join();
                assertThat(got).doesNotContain(false);
            }
            assertThat(overlay.status().traffic().get(Traffic.HANDSHAKES) - before)
                    .isGreaterThanOrEqualTo(5);
            Load.tcp(hosts.one, hosts.two, 4 * TCP_BYTES);
            for (Drop reason : List.of(Drop.BAD_TAG, Drop.REPLAYED, Drop.PLAINTEXT)) {
                assertThat(dropped(overlay, reason)).as(reason.name()).isZero();
            }
        }
    }

    @Test
    void aRestartedPeerIsBackWithinSeconds() {
        try (TwoHosts hosts = new TwoHosts()) {
            connect(hosts, Mode.GSO, 1);
            awaitPath(hosts);
            OverlayConfig config = hosts.two.encrypted(Mode.GSO, two, one.publicKey());
            hosts.two.stop();
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            hosts.two.start(config, 1, KeyExchange.Timing.STANDARD);
            await().atMost(Duration.ofSeconds(4)).until(() -> hosts.one.container.pings(hosts.two.address()));
        }
    }

    private static OverlayConfig inNetwork(int vni, OverlayConfig c) {
        return new OverlayConfig(
                vni, c.vtep(), c.port(), c.bridge(), c.mode(), c.local(), c.peers(), c.neighbours(), c.encryption());
    }

    @Test
    void anotherNetworkHasOtherSessions() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, Mode.GSO, 1);
            awaitPath(hosts);
            overlay.apply(inNetwork(43, overlay.config()));
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            Overlay other = hosts.two.running();
            other.apply(inNetwork(43, other.config()));
            await().atMost(Duration.ofSeconds(10)).until(() -> hosts.one.container.pings(hosts.two.address()));
        }
    }

    @Test
    void peersComeAndGoAndKeysChangeWhileItRuns() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, Mode.GSO, 1);
            awaitPath(hosts);
            OverlayConfig with = overlay.config();
            OverlayConfig without = new OverlayConfig(
                    with.vni(),
                    with.vtep(),
                    with.port(),
                    with.bridge(),
                    with.mode(),
                    with.local(),
                    List.of(),
                    List.of(),
                    with.encryption());
            assertThat(overlay.apply(without)).isTrue();
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(overlay.apply(with)).isTrue();
            await().atMost(Duration.ofSeconds(5)).until(() -> hosts.one.container.pings(hosts.two.address()));
            assertThat(overlay.apply(hosts.one.encrypted(Mode.GSO, Encryption.generate(), two.publicKey())))
                    .isTrue();
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(overlay.apply(hosts.one.config(Mode.GSO, false)))
                    .as("to plaintext")
                    .isTrue();
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(overlay.mtu()).isEqualTo(TwoHosts.MTU);
            assertThat(overlay.apply(with)).isTrue();
            assertThat(overlay.mtu()).isEqualTo(MTU);
            await().atMost(Duration.ofSeconds(5)).until(() -> hosts.one.container.pings(hosts.two.address()));
        }
    }
}
