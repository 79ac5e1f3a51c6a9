package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import dev.drover.overlay.path.Traffic;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Underlays of other sizes than Ethernet's, and such that carry less than they say. */
@Tag("root")
@Timeout(180)
class UnderlayMtuTest {
    private static final int TCP_BYTES = 3_000_000;
    private static final int IPV4_UDP_HEADERS = 28;
    private static final int JUMBO = 16_000;
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final PathProbes.Timing HASTY = new PathProbes.Timing(
            TimeUnit.MILLISECONDS.toNanos(200), TimeUnit.MILLISECONDS.toNanos(200), TimeUnit.SECONDS.toNanos(2));

    static List<Arguments> rows() {
        return Stream.of(1_280, 1_450, 1_500, 9_000)
                .flatMap(mtu -> Arrays.stream(new Mode[] {Mode.SUPER, Mode.GSO, Mode.PLAIN})
                        .flatMap(mode -> Stream.of(false, true)
                                .filter(v6 -> !v6 || mtu == 1_280 || mtu == 9_000)
                                .map(v6 -> Arguments.of(mtu, mode, v6))))
                .toList();
    }

    @ParameterizedTest(name = "{0} {1} ipv6={2}")
    @MethodSource("rows")
    void everyUnderlayCarriesItsFullSizeAndTellsWhatIsTooBig(int underlayMtu, Mode mode, boolean v6) throws Exception {
        try (TwoHosts hosts = new TwoHosts(v6, underlayMtu)) {
            if (mode == Mode.SUPER) {
                hosts.assumeSuperFrames();
            }
            hosts.two.drover(mode);
            Overlay overlay = hosts.one.drover(mode);
            awaitPath(hosts);
            assertThat(overlay.mtu()).isEqualTo(hosts.mtu);
            int full = hosts.mtu - IPV4_UDP_HEADERS;
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            Load.udp(hosts.one, hosts.two, 0, 1, 500, full - 1, full, full + 1, 20_000);
            assertThat(hosts.one.container.pings(hosts.two.address(), "-s", String.valueOf(full)))
                    .isTrue();
            assertThat(overlay.status().traffic()).containsEntry(Traffic.TOO_BIG_ANSWERED, 0L);
            hosts.one.mtu(JUMBO);
            hosts.one.container.pings(hosts.two.address(), "-s", String.valueOf(full + 1));
            assertThat(pathMtu(hosts)).contains("mtu " + hosts.mtu);
            assertThat(overlay.status().traffic().get(Traffic.TOO_BIG_ANSWERED)).isEqualTo(1);
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
        }
    }

    @ParameterizedTest
    @MethodSource("modes")
    void aPathThatSwallowsBigPacketsIsFoundAndUsedWithSmallerOnes(Mode mode, boolean encrypted) throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, mode, encrypted);
            awaitPath(hosts);
            int before = overlay.mtu();
            await().atMost(LONG).until(() -> path(overlay).answers());
            assertThat(path(overlay).mtu()).isEqualTo(before);
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.host.exec("iptables", "-I", "INPUT", "-m", "length", "--length", "1401:", "-j", "DROP");
            }
            await().atMost(LONG).until(() -> hosts.bothMtus().allMatch(mtu -> mtu < before));
            assertThat(hosts.bothMtus().boxed().toList())
                    .allMatch(mtu -> mtu >= before - 100 - 4 && mtu <= before - 100);
            assertThat(path(overlay).answers()).isTrue();
            assertThat(overlay.status().traffic().get(Traffic.BLACK_HOLES)).isEqualTo(1);
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.host.exec("ethtool", "-K", "uplink", "tx-udp-segmentation", "off", "gso", "off", "tso", "off");
            }
            Load.tcp(hosts.one, hosts.two, TCP_BYTES);
            hosts.one.container.pings(hosts.two.address(), "-s", "1400");
            assertThat(pathMtu(hosts)).contains("mtu " + path(overlay).mtu());
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.host.exec("iptables", "-F", "INPUT");
            }
            await().atMost(LONG).until(() -> hosts.bothMtus().allMatch(mtu -> mtu == before));
        }
    }

    static List<Arguments> modes() {
        return List.of(Arguments.of(Mode.GSO, false), Arguments.of(Mode.PLAIN, false), Arguments.of(Mode.GSO, true));
    }

    @Test
    void superFramesThatDoNotArriveAreNotSentUntilTheyDo() {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.assumeSuperFrames();
            Overlay overlay = connect(hosts, Mode.SUPER, false);
            awaitPath(hosts);
            await().atMost(LONG).until(() -> overlay.status().peers().getFirst().superFrames());
            hosts.two.host.exec("iptables", "-I", "INPUT", "-m", "length", "--length", "1501:", "-j", "DROP");
            await().atMost(LONG)
                    .until(() -> "super-frames do not arrive there"
                            .equals(overlay.status().peers().getFirst().obstacle()));
            assertThat(path(overlay)).isEqualTo(new OverlayStatus.Path(true, TwoHosts.MTU));
            hosts.two.host.exec("iptables", "-F", "INPUT");
            await().atMost(LONG).until(() -> overlay.status().peers().getFirst().superFrames());
        }
    }

    @Test
    void aPeerThatIsGoneIsToldAndKnownWhenItIsBack() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = connect(hosts, Mode.AUTO, false);
            awaitPath(hosts);
            hosts.two.stop();
            await().atMost(LONG).until(() -> !path(overlay).answers());
            hosts.two.start(hosts.two.probed(hosts.two.config(Mode.AUTO, false)), 1, HASTY);
            await().atMost(LONG).until(() -> path(overlay).answers());
        }
    }

    @Test
    void aKernelEndpointIsNotProbed() {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.two.kernel();
            Overlay overlay = hosts.one.drover(Mode.AUTO, true, Transport.EPOLL, 1);
            awaitPath(hosts);
            assertThat(overlay.status().peers().getFirst().path()).isNull();
            assertThat(overlay.status().traffic()).containsEntry(Traffic.PROBES, 0L);
        }
    }

    private static Overlay connect(TwoHosts hosts, Mode mode, boolean encrypted) {
        Encryption one = Encryption.generate();
        Encryption two = Encryption.generate();
        hosts.two.start(
                hosts.two.probed(
                        encrypted ? hosts.two.encrypted(mode, two, one.publicKey()) : hosts.two.config(mode, false)),
                1,
                HASTY);
        return hosts.one.start(
                hosts.one.probed(
                        encrypted ? hosts.one.encrypted(mode, one, two.publicKey()) : hosts.one.config(mode, false)),
                1,
                HASTY);
    }

    private static OverlayStatus.Path path(Overlay overlay) {
        return overlay.status().peers().getFirst().path();
    }

    private static String pathMtu(TwoHosts hosts) {
        return hosts.one.container.exec("ip", "route", "get", hosts.two.address());
    }

    private static void awaitPath(TwoHosts hosts) {
        await().atMost(LONG).until(() -> hosts.one.container.pings(hosts.two.address()));
    }
}
