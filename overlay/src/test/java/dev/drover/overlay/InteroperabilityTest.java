package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Drover's tunnel endpoint against the kernel's: every mode, with and without outer checksums and offloads at either end,
 * IPv4 and IPv6 inside and beneath, TCP and UDP of all sizes; what arrives is what was sent.
 */
@Tag("root")
@Timeout(180)
class InteroperabilityTest {
    private static final int TCP_BYTES = 2_000_000;
    private static final int UNDERLAY_MTU = 1500;
    private static final int IPV4_UDP_HEADERS = 28;
    private static final int IPV6_UDP_HEADERS = 48;
    /** Pairs of offloads that the sizes are spread over. */
    private static final int PAIRS = 4;

    private static final boolean[] ON_OFF = {true, false};

    /** What is between the two. */
    enum Underlay {
        IPV4,
        IPV6;

        /** How the kernel's end may sum. */
        List<String> checksums() {
            return this == IPV4
                    ? List.of("udpcsum", "noudpcsum")
                    : List.of("", "udp6zerocsumtx udp6zerocsumrx", "udp6zerocsumrx");
        }
    }

    @ParameterizedTest
    @MethodSource("rows")
    void nothingIsChangedBetweenKernelAndDrover(Underlay underlay, Mode mode) throws Exception {
        try (TwoHosts hosts = new TwoHosts(underlay == Underlay.IPV6, UNDERLAY_MTU)) {
            if (mode == Mode.SUPER) {
                hosts.assumeSuperFrames();
            }
            Overlay overlay = hosts.one.drover(mode, true, Transport.EPOLL, 1);
            for (String checksum : underlay.checksums()) {
                hosts.two.kernel(checksum);
                awaitPaths(hosts);
                everyPairOfOffloads(hosts, checksum);
                hosts.two.kernelGone();
            }
            if (mode == Mode.SUPER) {
                assertThat(overlay.status().traffic())
                        .containsEntry(Traffic.SUPER_FRAMES_REFUSED, 0L)
                        .hasEntrySatisfying(
                                Traffic.TX_SUPER_FRAMES, n -> assertThat(n).isPositive());
            }
            assertThat(overlay.status().drops())
                    .containsEntry(Drop.BAD_CHECKSUM, 0L)
                    .containsEntry(Drop.MALFORMED_SUPER_FRAME, 0L)
                    .containsEntry(Drop.MALFORMED_OFFLOAD, 0L)
                    .containsEntry(Drop.TRUNCATED, 0L)
                    .containsEntry(Drop.OVERSIZE, 0L)
                    .containsEntry(Drop.TAP_WRITE_FAILED, 0L)
                    .containsEntry(Drop.SEND_FAILED, 0L);
        }
    }

    /** Checksums left to the kernel's end, and by it to ours. */
    @ParameterizedTest
    @MethodSource("remoteChecksums")
    void checksumsAreLeftToAKernelThatTakesThem(Underlay underlay, Mode mode) throws Exception {
        try (TwoHosts hosts = new TwoHosts(underlay == Underlay.IPV6, UNDERLAY_MTU)) {
            hosts.two.kernel((underlay == Underlay.IPV4 ? "udpcsum " : "") + "remcsumtx remcsumrx");
            OverlayConfig plain = hosts.one.config(mode, true);
            OverlayConfig.Peer peer = plain.peers().getFirst();
            OverlayConfig told = new OverlayConfig(
                    plain.vni(),
                    plain.vtep(),
                    plain.port(),
                    plain.bridge(),
                    mode,
                    null,
                    List.of(new OverlayConfig.Peer(peer.vtep(), List.of(), null, false, true)),
                    List.of());
            Overlay overlay = hosts.one.start(told, 1, PathProbes.Timing.STANDARD);
            awaitPaths(hosts);
            everyPairOfOffloads(hosts, "remote checksums");
            assertThat(overlay.status().traffic())
                    .hasEntrySatisfying(
                            Traffic.REMOTE_CHECKSUMS, n -> assertThat(n).isPositive());
            assertThat(overlay.status().drops())
                    .containsEntry(Drop.BAD_CHECKSUM, 0L)
                    .containsEntry(Drop.MALFORMED_SUPER_FRAME, 0L)
                    .containsEntry(Drop.TAP_WRITE_FAILED, 0L);
        }
    }

    static List<Arguments> remoteChecksums() {
        return List.of(Arguments.of(Underlay.IPV4, Mode.GSO), Arguments.of(Underlay.IPV6, Mode.PLAIN));
    }

    static List<Arguments> rows() {
        return Arrays.stream(Underlay.values())
                .flatMap(underlay ->
                        Stream.of(Mode.SUPER, Mode.GSO, Mode.PLAIN).map(mode -> Arguments.of(underlay, mode)))
                .toList();
    }

    private static void awaitPaths(TwoHosts hosts) {
        for (String address : List.of(hosts.two.address(), hosts.two.addressV6())) {
            await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(address));
        }
    }

    private static void everyPairOfOffloads(TwoHosts hosts, String row) {
        int pair = 0;
        for (boolean here : ON_OFF) {
            hosts.one.offloads(here);
            for (boolean there : ON_OFF) {
                hosts.two.offloads(there);
                exchange(hosts, pair++, row + ", offloads here " + here + ", there " + there);
            }
        }
    }

    private static void exchange(TwoHosts hosts, int pair, String row) {
        try {
            TestNs one = hosts.one.container;
            TestNs two = hosts.two.container;
            Load.tcp(one, two, hosts.two.address(), TCP_BYTES);
            Load.tcp(two, one, hosts.one.addressV6(), TCP_BYTES);
            Load.udp(one, hosts.one.address(), two, hosts.two.address(), sizes(pair, hosts.mtu - IPV4_UDP_HEADERS));
            Load.udp(two, hosts.two.addressV6(), one, hosts.one.addressV6(), sizes(pair, hosts.mtu - IPV6_UDP_HEADERS));
            Load.udpSegmented(hosts.one, hosts.two, 1_000, 20);
            Load.udpSegmented(hosts.two, hosts.one, 1_000, 20);
        } catch (Exception | AssertionError e) {
            throw new AssertionError(row, e);
        }
    }

    /** Every size that is one packet in one of the pairs, and in each the least, the largest and fragments. */
    private static int[] sizes(int pair, int full) {
        IntStream spread = IntStream.iterate(pair, size -> size < full, size -> size + PAIRS);
        return IntStream.concat(spread, IntStream.of(0, 1, full - 1, full, full + 1, 5_000, 20_000))
                .toArray();
    }
}
