package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Containers on two hosts, with all kinds of tunnel endpoints at both ends. */
@Tag("root")
@Timeout(180)
class OverlayTrafficTest {
    /** Neighbour and router solicitations of a few seconds. */
    private static final long BROADCASTS = 10;

    private static final int TCP_BYTES = 8_000_000;
    /** UDP payload of a full packet: MTU without IPv4 and UDP headers. */
    private static final int FULL = TwoHosts.MTU - 28;

    /** What is at each end. */
    enum Ends {
        SUPER_SUPER(Mode.SUPER, Mode.SUPER),
        SUPER_GSO(Mode.SUPER, Mode.GSO),
        SUPER_PLAIN(Mode.SUPER, Mode.PLAIN),
        SUPER_KERNEL(Mode.SUPER, null),
        GSO_GSO(Mode.GSO, Mode.GSO),
        PLAIN_PLAIN(Mode.PLAIN, Mode.PLAIN),
        GSO_PLAIN(Mode.GSO, Mode.PLAIN),
        GSO_KERNEL(Mode.GSO, null),
        PLAIN_KERNEL(Mode.PLAIN, null);

        private final Mode one;
        private final Mode two;

        Ends(Mode one, Mode two) {
            this.one = one;
            this.two = two;
        }

        Overlay connect(TwoHosts hosts) {
            if (one == Mode.SUPER) {
                hosts.assumeSuperFrames();
            }
            if (two == null) {
                hosts.two.kernel();
            } else {
                hosts.two.drover(two);
            }
            return hosts.one.drover(one);
        }
    }

    private static void awaitPath(TwoHosts hosts) {
        await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.address()));
    }

    /** With probes, which say that checksums may be left to the other end. */
    @ParameterizedTest
    @EnumSource(
            value = Mode.class,
            names = {"GSO", "PLAIN"})
    void checksumsAreLeftToTheOtherEndAndContentArrivesUnchanged(Mode mode) throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay two =
                    hosts.two.start(hosts.two.probed(hosts.two.config(mode, false)), 1, PathProbes.Timing.STANDARD);
            Overlay one =
                    hosts.one.start(hosts.one.probed(hosts.one.config(mode, false)), 1, PathProbes.Timing.STANDARD);
            awaitPath(hosts);
            await().atMost(Duration.ofSeconds(20)).until(() -> leaves(one) && leaves(two));
            for (boolean offloads : new boolean[] {true, false}) {
                hosts.one.offloads(offloads);
                hosts.two.offloads(offloads);
                Load.udp(hosts.one, hosts.two, 0, 1, 2, 77, FULL - 1, FULL, FULL + 1, 5_000, 60_000);
                Load.tcp(hosts.one, hosts.two, TCP_BYTES);
                Load.udpSegmented(hosts.one, hosts.two, 1_000, 20);
            }
            for (Overlay each : List.of(one, two)) {
                assertThat(each.status().traffic().get(Traffic.REMOTE_CHECKSUMS))
                        .isPositive();
                assertThat(each.status().drops())
                        .containsEntry(Drop.BAD_CHECKSUM, 0L)
                        .containsEntry(Drop.MALFORMED_OFFLOAD, 0L);
            }
        }
    }

    private static boolean leaves(Overlay overlay) {
        return overlay.status().peers().getFirst().remoteChecksum();
    }

    @ParameterizedTest
    @EnumSource
    void allSizesArriveUnchangedInBothDirections(Ends ends) throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = ends.connect(hosts);
            awaitPath(hosts);
            int[] sizes = IntStream.concat(IntStream.rangeClosed(0, FULL), IntStream.of(FULL + 1, 5_000, 60_000))
                    .toArray();
            Load.udp(hosts.one, hosts.two, sizes);
            Load.udp(hosts.two, hosts.one, sizes);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            Load.tcp(hosts.two, hosts.one, TCP_BYTES);
            Load.udpSegmented(hosts.one, hosts.two, 1_000, 20);
            Load.udpSegmented(hosts.two, hosts.one, FULL, 30);
            OverlayStatus status = overlay.status();
            assertThat(status.mtu()).isEqualTo(TwoHosts.MTU);
            assertThat(status.drops())
                    .containsEntry(Drop.BAD_CHECKSUM, 0L)
                    .containsEntry(Drop.MALFORMED_SUPER_FRAME, 0L)
                    .containsEntry(Drop.MALFORMED_OFFLOAD, 0L)
                    .containsEntry(Drop.TAP_WRITE_FAILED, 0L)
                    .containsEntry(Drop.SEND_FAILED, 0L);
            assertThat(status.traffic()).containsEntry(Traffic.SUPER_FRAMES_REFUSED, 0L);
            if (ends.one == Mode.SUPER) {
                assertThat(status.traffic())
                        .containsEntry(Traffic.TX_SEGMENTED, 0L)
                        .hasEntrySatisfying(
                                Traffic.TX_SUPER_FRAMES, n -> assertThat(n).isPositive());
            }
            if (ends == Ends.GSO_KERNEL) {
                assertThat(status.traffic().get(Traffic.RX_SUPER_FRAMES)).isPositive();
            }
            if (ends == Ends.GSO_GSO) {
                assertThat(status.traffic().get(Traffic.RX_COALESCED)).isPositive();
            }
        }
    }

    /** Where offloads are switched off. */
    enum Off {
        CONTAINERS,
        UNDERLAY
    }

    @ParameterizedTest
    @EnumSource
    void trafficPassesWithoutOffloads(Off off) throws Exception {
        for (Ends ends : new Ends[] {Ends.SUPER_SUPER, Ends.SUPER_KERNEL, Ends.GSO_GSO, Ends.GSO_KERNEL}) {
            try (TwoHosts hosts = new TwoHosts()) {
                for (TwoHosts.Side side : new TwoHosts.Side[] {hosts.one, hosts.two}) {
                    TestNs where = off == Off.CONTAINERS ? side.container : side.host;
                    String device = off == Off.CONTAINERS ? "eth0" : "uplink";
                    where.exec("ethtool", "-K", device, "tx", "off", "gso", "off", "tso", "off", "gro", "off");
                }
                ends.connect(hosts);
                awaitPath(hosts);
                Load.udp(hosts.one, hosts.two, 0, 1, 100, 1000, FULL, 20_000);
                Load.tcp(hosts.one, hosts.two, TCP_BYTES);
                Load.tcp(hosts.two, hosts.one, TCP_BYTES);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void everyTransportCarriesTrafficOnTwoLanes(Transport transport) throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.one.drover(Mode.AUTO, false, transport, 2);
            hosts.two.drover(Mode.AUTO, false, transport, 2);
            awaitPath(hosts);
            for (int i = 0; i < 4; i++) {
                Load.tcp(hosts.one, hosts.two, TCP_BYTES / 4);
            }
            Load.udp(hosts.one, hosts.two, 0, 100, FULL, 20_000);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SUPER_SUPER", "SUPER_PLAIN", "GSO_GSO", "PLAIN_PLAIN"})
    void anIpv6UnderlayCarriesTheSame(Ends ends) throws Exception {
        try (TwoHosts hosts = new TwoHosts(true, 1_500)) {
            Overlay overlay = ends.connect(hosts);
            awaitPath(hosts);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            Load.udp(hosts.one, hosts.two, 0, 1, 1_000, hosts.mtu - 28, hosts.mtu - 27, 20_000);
            Load.udpSegmented(hosts.one, hosts.two, 1_000, 20);
            assertThat(overlay.mtu()).isEqualTo(1_430);
            assertThat(overlay.status().traffic()).containsEntry(Traffic.SUPER_FRAMES_REFUSED, 0L);
            assertThat(overlay.status().peers().getFirst().rxPackets()).isPositive();
        }
    }

    @Test
    void aForeignPeerIsLearnedAndIpv6Floods() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.two.kernel();
            Overlay overlay = hosts.one.drover(Mode.AUTO, true, Transport.EPOLL, 1);
            awaitPath(hosts);
            Load.tcp(hosts.one.container, hosts.two.container, "fd00::2", TCP_BYTES);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            OverlayStatus status = overlay.status();
            assertThat(status.peers().getFirst().learns()).isTrue();
            long untilLearned = status.traffic().get(Traffic.FLOODED);
            assertThat(untilLearned).isPositive();
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            assertThat(overlay.status().traffic().get(Traffic.FLOODED) - untilLearned)
                    .as("flooded after learning: broadcasts only, never the stream's frames")
                    .isLessThanOrEqualTo(BROADCASTS);
        }
    }

    @Test
    void endsWithALargerMtuAreServedAndTold() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.two.drover(Mode.AUTO);
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            for (TwoHosts.Side side : new TwoHosts.Side[] {hosts.one, hosts.two}) {
                side.ip("link set v0 mtu 9000");
                side.container.exec("ip", "link", "set", "eth0", "mtu", "9000");
            }
            awaitPath(hosts);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            assertThat(overlay.status().traffic().get(Traffic.MSS_CLAMPED)).isPositive();
            Load.udp(hosts.one, hosts.two, FULL + 1, 3_000, 20_000);
            assertThat(overlay.status().traffic().get(Traffic.TOO_BIG_ANSWERED)).isPositive();
            assertThat(hosts.one.container.exec("ip", "route", "get", hosts.two.address()))
                    .contains("mtu " + TwoHosts.MTU);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SUPER_SUPER", "SUPER_KERNEL", "GSO_GSO", "GSO_KERNEL"})
    void aStreamNeverStalls(Ends ends) throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            ends.connect(hosts);
            awaitPath(hosts);
            for (String[] direction : new String[][] {{}, {"-R"}}) {
                List<Double> rates = iperf(hosts, direction);
                assertThat(rates).hasSizeGreaterThanOrEqualTo(3).allMatch(rate -> rate > 0);
            }
        }
    }

    /** Bits per second of each second. */
    private static List<Double> iperf(TwoHosts hosts, String... more) throws Exception {
        Process server = new ProcessBuilder(
                        hosts.two.container.inside("timeout", "60", "iperf3", "-s", "-1", "--forceflush"))
                .redirectErrorStream(true)
                .start();
        try {
            server.getInputStream().readNBytes(40);
            String[] client = {"timeout", "60", "iperf3", "-c", hosts.two.address(), "-t", "3", "-J"};
            String json = hosts.one.container.exec(IntStream.range(0, client.length + more.length)
                    .mapToObj(i -> i < client.length ? client[i] : more[i - client.length])
                    .toArray(String[]::new));
            String intervals = json.substring(json.indexOf("\"intervals\""), json.lastIndexOf("\"end\""));
            return Pattern.compile("\"sum\":\\s*\\{[^}]*\"bits_per_second\":\\s*([0-9.e+]+)")
                    .matcher(intervals)
                    .results()
                    .map(MatchResult::group)
                    .map(group -> group.substring(group.lastIndexOf(':') + 1))
                    .map(Double::valueOf)
                    .toList();
        } finally {
            server.destroy();
            server.waitFor();
        }
    }
}
