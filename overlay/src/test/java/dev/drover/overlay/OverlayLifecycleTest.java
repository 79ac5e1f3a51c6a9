package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Tap;
import dev.drover.dataplane.Transport;
import dev.drover.dataplane.UdpSocket;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Labels;
import java.net.Inet4Address;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** Starting, changing, repairing and stopping an overlay. */
@Tag("root")
@Timeout(120)
class OverlayLifecycleTest {
    private static OverlayConfig with(OverlayConfig c, List<OverlayConfig.Peer> peers, OverlayConfig.Local local) {
        return new OverlayConfig(c.vni(), c.vtep(), c.port(), c.bridge(), c.mode(), local, peers, c.neighbours());
    }

    private static OverlayConfig on(OverlayConfig c, String bridge, int port, String vtep) {
        Inet4Address address = Inet4Address.ofLiteral(vtep);
        return new OverlayConfig(c.vni(), address, port, bridge, c.mode(), c.local(), c.peers(), c.neighbours());
    }

    private static void awaitPath(TwoHosts hosts) {
        await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.address()));
    }

    @Test
    void anAbsentBridgeIsMadeAndAddressed() {
        try (TwoHosts hosts = new TwoHosts();
                Lanes lanes = Lanes.open(Transport.EPOLL, 1)) {
            OverlayConfig base = on(hosts.one.config(Mode.AUTO, false), "drv42", 4789, "192.0.2.1");
            OverlayConfig.Local local = new OverlayConfig.Local(Cidr.parse("10.42.0.0/16"), Cidr.parse("10.42.1.0/24"));
            OverlayConfig config = with(base, base.peers(), local);
            try (Overlay overlay = hosts.one.host.netNs.call(() -> Overlay.start(lanes, config))) {
                assertThat(hosts.one.host.exec("ip", "-o", "-4", "address", "show", "dev", "drv42"))
                        .contains("10.42.1.1/16");
                assertThat(hosts.one.host.exec("ip", "-o", "link", "show", "dev", "drt42"))
                        .contains("master drv42", "mtu 65521", ",UP");
                assertThat(hosts.one.host.exec("ip", "-o", "link", "show", "dev", "drv42"))
                        .contains("mtu 1450");
                assertThat(overlay.status().underlay()).isEqualTo("uplink");
            }
            assertThat(hosts.one.host.exec("ip", "-o", "link"))
                    .contains("drv42")
                    .doesNotContain("drt42");
        }
    }

    @Test
    void whatCannotStartSaysWhy() {
        try (TwoHosts hosts = new TwoHosts();
                Lanes lanes = Lanes.open(Transport.EPOLL, 1);
                UdpSocket taken = hosts.one.host.netNs.call(
                        () -> UdpSocket.open(Inet4Address.ofLiteral("192.0.2.1"), 4790, true, 65_536))) {
            OverlayConfig config = hosts.one.config(Mode.AUTO, false);
            assertThat(taken.port()).isEqualTo(4790);
            assertThatThrownBy(() -> start(hosts, lanes, on(config, "br0", 4790, "192.0.2.1")))
                    .hasMessageStartingWith("bind 192.0.2.1:4790: Address already in use");
            assertThatThrownBy(() -> start(hosts, lanes, on(config, "br0", 4789, "192.0.2.77")))
                    .hasMessage("vtep: 192.0.2.77 (expected: an address of this host's interfaces)");
            assertThatThrownBy(() -> start(hosts, lanes, on(config, "uplink", 4789, "192.0.2.1")))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("uplink");
            hosts.one.ip("link set uplink mtu 600");
            assertThatThrownBy(() -> start(hosts, lanes, config)).hasMessageContaining("mtu 600");
            assertThat(hosts.one.host.exec("ip", "-o", "link")).doesNotContain("drt42");
        }
    }

    private static void start(TwoHosts hosts, Lanes lanes, OverlayConfig config) {
        hosts.one.host.netNs.run(() -> Overlay.start(lanes, config).close());
    }

    @Test
    void changesOfTablesNeverDisturbAStream() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            var stream = CompletableFuture.runAsync(() -> {
                try {
                    Load.tcp(hosts.one, hosts.two, 60_000_000);
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
            OverlayConfig base = overlay.config();
            assertThat(overlay.apply(hosts.one.config(Mode.AUTO, false))).isFalse();
            for (int i = 1; i <= 200; i++) {
                List<OverlayConfig.Peer> peers = new ArrayList<>(base.peers());
                for (int p = 0; p < i % 50; p++) {
                    Inet4Address vtep = Inet4Address.ofLiteral("198.51.100." + (p + 1));
                    peers.add(new OverlayConfig.Peer(vtep, List.of(Cidr.parse("10.42." + (p + 100) + ".0/24"))));
                }
                assertThat(overlay.apply(with(base, peers, null))).isTrue();
            }
            stream.get(60, TimeUnit.SECONDS);
            assertThat(overlay.status().drops())
                    .containsEntry(Drop.UNKNOWN_DESTINATION, 0L)
                    .containsEntry(Drop.UNKNOWN_VTEP, 0L);
        }
    }

    @Test
    void aKnownNeighbourIsAnsweredWithoutThePeer() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            String link = hosts.two.container.exec("ip", "-o", "link", "show", "dev", "eth0");
            String mac = link.replaceAll("(?s).*link/ether ([0-9a-f:]+) .*", "$1");
            OverlayConfig c = overlay.config();
            OverlayConfig.Neighbour neighbour = new OverlayConfig.Neighbour(
                    Cidr.parseAddress(hosts.two.address()), Mac.parse(mac), Inet4Address.ofLiteral("192.0.2.2"), 1);
            overlay.apply(new OverlayConfig(
                    c.vni(), c.vtep(), c.port(), c.bridge(), c.mode(), c.local(), c.peers(), List.of(neighbour)));
            awaitPath(hosts);
            assertThat(overlay.status().traffic())
                    .containsEntry(Traffic.ARP_DIRECTED, 0L)
                    .hasEntrySatisfying(Traffic.ARP_ANSWERED, n -> assertThat(n).isPositive());
        }
    }

    @Test
    void aChangeThatFailsLeavesTheOldOneRunning() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            OverlayConfig before = overlay.config();
            assertThatThrownBy(() -> overlay.apply(on(before, "br0", 4789, "192.0.2.99")))
                    .hasMessageContaining("192.0.2.99");
            assertThat(overlay.config()).isEqualTo(before);
            awaitPath(hosts);
        }
    }

    @Test
    void modesAreSwitchedUnderAConnectionThatLivesOn() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            boolean superFrames = hosts.superFrameProblem() == null;
            hosts.one.drover(Mode.GSO);
            hosts.two.drover(Mode.GSO);
            awaitPath(hosts);
            try (Talk talk = new Talk(hosts)) {
                talk.awaitMoreBytes(1_000_000);
                for (Mode mode : superFrames
                        ? List.of(Mode.PLAIN, Mode.SUPER, Mode.GSO, Mode.SUPER, Mode.PLAIN, Mode.AUTO)
                        : List.of(Mode.PLAIN, Mode.GSO, Mode.PLAIN, Mode.AUTO)) {
                    for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                        assertThat(side.running().apply(side.config(mode, false)))
                                .isTrue();
                        if (mode != Mode.AUTO) {
                            assertThat(side.running().status().mode()).isEqualTo(mode);
                        }
                        talk.awaitMoreBytes(1_000_000);
                    }
                }
                talk.finish();
            }
        }
    }

    /** The self-test finds the names of its devices taken. */
    @Test
    void aModeThatBecomesLesserWhileRunningIsToldAndTheConnectionLivesOn() throws Exception {
        Logger logger = (Logger) LoggerFactory.getLogger(Overlay.class);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.list = new CopyOnWriteArrayList<>();
        log.start();
        logger.addAppender(log);
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.assumeSuperFrames();
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            assertThat(overlay.status().mode()).isEqualTo(Mode.SUPER);
            assertThat(log.list).noneMatch(event -> event.getLevel() == Level.WARN);
            try (Talk talk = new Talk(hosts)) {
                talk.awaitMoreBytes(1_000_000);
                hosts.one.ip("link add dri42 type bridge");
                hosts.one.ip("link delete drt42");
                await().atMost(Duration.ofSeconds(20))
                        .until(() -> overlay.status().mode() == Mode.GSO);
                talk.awaitMoreBytes(2_000_000);
                talk.finish();
            }
            assertThat(overlay.status().modeReason()).contains("not super: ").contains("dri42");
            assertThat(log.list)
                    .filteredOn(event -> event.getLevel() == Level.WARN)
                    .extracting(ILoggingEvent::getFormattedMessage)
                    .anyMatch(message -> message.startsWith("overlay mode is less than it could be vni=42 mode=GSO")
                            && message.contains("mode was super before"));
        } finally {
            logger.detachAppender(log);
        }
    }

    @Test
    void whatOthersBreakIsRepaired() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            hosts.one.ip("link del drt42");
            awaitPath(hosts);
            hosts.one.ip("link set drt42 nomaster");
            awaitPath(hosts);
            hosts.one.ip("link set drt42 down");
            awaitPath(hosts);
            hosts.one.ip("link set uplink mtu 1400");
            await().atMost(Duration.ofSeconds(20)).until(() -> overlay.mtu() == 1350);
        }
    }

    @Test
    void countersAreExposed() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            PrometheusRegistry registry = new PrometheusRegistry();
            overlay.registerMetrics(registry);
            assertThat(registry.scrape().stream().map(m -> m.getMetadata().getName()))
                    .contains(
                            "drover_overlay_drops",
                            "drover_overlay_events",
                            "drover_overlay_peer_tx_bytes",
                            "drover_overlay_mtu_bytes",
                            "drover_overlay_mode");
            Labels mode = registry.scrape().stream()
                    .filter(m -> m.getMetadata().getName().equals("drover_overlay_mode"))
                    .flatMap(m -> m.getDataPoints().stream())
                    .findFirst()
                    .orElseThrow()
                    .getLabels();
            assertThat(mode.get("mode"))
                    .isEqualTo(overlay.status().mode().name().toLowerCase(Locale.ROOT));
            assertThat(mode.get("reason")).isEqualTo(overlay.status().modeReason());
        }
    }

    @Test
    void aTapNameThatIsTakenIsTold() {
        try (TwoHosts hosts = new TwoHosts();
                Lanes lanes = Lanes.open(Transport.EPOLL, 1);
                Tap tap = hosts.one.host.netNs.call(() -> Tap.open("drt42", 1))) {
            assertThat(tap.queues()).isEqualTo(1);
            assertThatThrownBy(() -> start(hosts, lanes, hosts.one.config(Mode.AUTO, false)))
                    .hasMessageContaining("drt42");
        }
    }

    @Test
    void superFramesGoOnWhenTheirDeviceIsSetDownOrDeleted() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.assumeSuperFrames();
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            assertThat(overlay.status().mode()).isEqualTo(Mode.SUPER);
            hosts.one.ip("link set dru42 down");
            Load.tcp(hosts.one, hosts.two, 4_000_000);
            awaitSuperFrames(hosts, overlay);
            hosts.one.ip("link delete dru42");
            Load.tcp(hosts.one, hosts.two, 4_000_000);
            awaitSuperFrames(hosts, overlay);
        }
    }

    private static void awaitSuperFrames(TwoHosts hosts, Overlay overlay) {
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            long before = overlay.status().traffic().get(Traffic.TX_SUPER_FRAMES);
            Load.tcp(hosts.one, hosts.two, 1_000_000);
            assertThat(overlay.status().traffic().get(Traffic.TX_SUPER_FRAMES)).isGreaterThan(before);
        });
    }

    @Test
    void aPeerBehindAnotherInterfaceGetsPacketsNotSuperFrames() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.assumeSuperFrames();
            hosts.one.ip("link add second type veth peer name second netns " + hosts.two.host.name);
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.ip("link set second up");
            }
            hosts.one.ip("route add 192.0.2.2/32 dev second src 192.0.2.1");
            hosts.two.ip("route add 192.0.2.1/32 dev second src 192.0.2.2");
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            awaitPath(hosts);
            Load.tcp(hosts.one, hosts.two, 4_000_000);
            assertThat(overlay.status().traffic())
                    .containsEntry(Traffic.TX_SUPER_FRAMES, 0L)
                    .hasEntrySatisfying(Traffic.TX_SEGMENTED, n -> assertThat(n).isPositive());
            hosts.one.ip("route delete 192.0.2.2/32 dev second");
            awaitSuperFrames(hosts, overlay);
        }
    }
}
