package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Transport;
import dev.drover.overlay.path.Drop;
import java.net.Inet4Address;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an operator is told about peers, addresses and single packets. */
@Tag("root")
@Timeout(120)
class OverlaySeeingTest {
    private static final OverlayConfig.Local LOCAL =
            new OverlayConfig.Local(Cidr.parse("10.42.0.0/16"), Cidr.parse("10.42.1.0/24"));

    private static OverlayConfig config(TwoHosts hosts, OverlayConfig.Neighbour... neighbours) {
        OverlayConfig base = hosts.one.config(Mode.AUTO, false);
        return new OverlayConfig(
                base.vni(),
                base.vtep(),
                base.port(),
                base.bridge(),
                base.mode(),
                LOCAL,
                List.of(
                        base.peers().getFirst(),
                        new OverlayConfig.Peer(
                                Inet4Address.ofLiteral("198.51.100.9"), List.of(Cidr.parse("10.42.9.0/24")))),
                List.of(neighbours));
    }

    private static Trace trace(Overlay overlay, String address) {
        return overlay.trace(Cidr.parseAddress(address), null, null);
    }

    private static String finding(Trace trace, String what) {
        return trace.steps().stream()
                .filter(step -> step.what().equals(what))
                .map(Trace.Step::finding)
                .findFirst()
                .orElse("");
    }

    private static String mac(TestNs namespace) {
        return namespace
                .exec("ip", "-o", "link", "show", "dev", "eth0")
                .replaceAll("(?s).*link/ether ([0-9a-f:]+) .*", "$1");
    }

    @Test
    void peersAddressesAndPacketsAreExplained() {
        try (TwoHosts hosts = new TwoHosts();
                Lanes lanes = Lanes.open(Transport.EPOLL, 1)) {
            hosts.two.drover(Mode.AUTO);
            String local = mac(hosts.one.container);
            String remote = mac(hosts.two.container);
            OverlayConfig.Neighbour neighbour = new OverlayConfig.Neighbour(
                    Cidr.parseAddress("10.42.2.2"), Mac.parse(remote), Inet4Address.ofLiteral("192.0.2.2"), 7);
            try (Overlay overlay = hosts.one.host.netNs.call(() -> Overlay.start(lanes, config(hosts)))) {
                assertThat(overlay.status().peers().getFirst().silentMs()).isNull();
                await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings("10.42.2.2"));
                await().atMost(Duration.ofSeconds(5)).until(() -> hosts.one.host.pings("10.42.1.2"));
                assertThat(overlay.fdb())
                        .anySatisfy(entry -> {
                            assertThat(entry.mac()).hasToString(remote);
                            assertThat(entry.known()).isEqualTo(FdbEntry.Known.LEARNED);
                            assertThat(entry.vtep()).hasToString("/192.0.2.2");
                            assertThat(entry.address()).hasToString("/10.42.2.2");
                            assertThat(entry.ageMs()).isBetween(0L, 60_000L);
                        })
                        .anySatisfy(entry -> {
                            assertThat(entry.mac()).hasToString(local);
                            assertThat(entry.known()).isEqualTo(FdbEntry.Known.LOCAL);
                            assertThat(entry.port()).isEqualTo("v0");
                            assertThat(entry.address()).hasToString("/10.42.1.2");
                        });
                Trace learned = trace(overlay, "10.42.2.2");
                assertThat(learned.mac()).hasToString(remote);
                assertThat(finding(learned, "packet")).isEqualTo("to peer 192.0.2.2, which the MAC is behind");
                assertThat(finding(learned, "sender")).isEqualTo("10.42.1.1, this host");
                overlay.apply(config(hosts, neighbour));
                assertThat(overlay.fdb()).anySatisfy(entry -> {
                    assertThat(entry.known()).isEqualTo(FdbEntry.Known.CONFIGURED);
                    assertThat(entry.revision()).isEqualTo(7);
                    assertThat(entry.address()).hasToString("/10.42.2.2");
                });
                peersAreTold(overlay);
                packetsAreTold(hosts, overlay, local, remote);
            }
        }
    }

    private static void peersAreTold(Overlay overlay) {
        OverlayStatus status = overlay.status();
        OverlayStatus.PeerStatus near = status.peers().getFirst();
        assertThat(near.subnets()).containsExactly(Cidr.parse("10.42.2.0/24"));
        assertThat(near.silentMs()).isBetween(0L, 60_000L);
        OverlayStatus.PeerStatus far = status.peers().getLast();
        assertThat(far.silentMs()).isNull();
        assertThat(far.superFrames()).isFalse();
        if (status.mode() == Mode.SUPER) {
            assertThat(near.superFrames()).isTrue();
            assertThat(near.obstacle()).isNull();
            assertThat(far.obstacle()).isEqualTo("no route");
        } else {
            assertThat(near.obstacle()).isEqualTo("mode " + status.mode().name().toLowerCase(Locale.ROOT));
        }
    }

    private static void packetsAreTold(TwoHosts hosts, Overlay overlay, String local, String remote) {
        Trace sent = trace(overlay, "10.42.2.2");
        assertThat(sent.verdict()).as("%s", sent).isEqualTo(Trace.Verdict.SENT);
        assertThat(sent.mac()).hasToString(remote);
        assertThat(sent.from()).hasToString("/10.42.1.1");
        assertThat(finding(sent, "block")).isEqualTo("10.42.2.0/24 of peer 192.0.2.2");
        assertThat(finding(sent, "arp")).startsWith("answered here with " + remote);
        assertThat(finding(sent, "heard")).matches("\\d+ s ago, \\d+ packets in all");
        assertThat(finding(sent, "underlay")).startsWith("uplink, next hop 192.0.2.2 on the link at ");

        assertThat(finding(sent, "mtu")).isEqualTo("IP packets up to 1450 bytes");
        hosts.one.ip("link set v0 mtu 1500");
        assertThat(finding(trace(overlay, "10.42.2.2"), "mtu")).endsWith("from ports that have more: v0 (1500)");
        hosts.one.ip("link set v0 mtu 1450");

        Trace asked = trace(overlay, "10.42.2.77");
        assertThat(finding(asked, "arp")).isEqualTo("asked of the owner of the block alone, peer 192.0.2.2");
        assertThat(asked.verdict()).isEqualTo(Trace.Verdict.SENT);

        Trace here = trace(overlay, "10.42.1.2");
        assertThat(here.verdict()).as("%s", here).isEqualTo(Trace.Verdict.LOCAL);
        assertThat(finding(here, "bridge")).isEqualTo("br0, port v0, mac " + local + ": delivered without the tunnel");
        assertThat(trace(overlay, "10.42.1.1").verdict()).isEqualTo(Trace.Verdict.LOCAL);
        assertThat(trace(overlay, "10.42.1.99").drop()).isEqualTo(Drop.LOCAL_DESTINATION);
        FdbEntry attached = FdbEntry.local(Mac.parse(local), null, "drv0123456789ab");
        assertThat(finding(overlay.trace(Cidr.parseAddress("10.42.1.99"), null, attached), "bridge"))
                .contains("drv0123456789ab");

        Trace unknown = trace(overlay, "10.42.77.1");
        assertThat(unknown.drop()).isEqualTo(Drop.ARP_UNKNOWN);
        assertThat(finding(unknown, "advice")).isEqualTo(Drop.ARP_UNKNOWN.advice());
        assertThat(trace(overlay, "10.42.9.1").drop()).isEqualTo(Drop.SEND_FAILED);
        assertThat(finding(trace(overlay, "10.42.9.1"), "underlay")).isEqualTo("no route to 198.51.100.9");
        assertThat(overlay.trace(Cidr.parseAddress("10.42.2.2"), Cidr.parseAddress("10.42.9.3"), null)
                        .drop())
                .isEqualTo(Drop.SPOOFED_SOURCE);
        assertThat(trace(overlay, "224.0.0.9").drop()).isEqualTo(Drop.GROUP_DESTINATION);

        Trace outside = trace(overlay, "203.0.113.5");
        assertThat(outside.verdict()).isEqualTo(Trace.Verdict.ROUTED);
        assertThat(finding(outside, "route")).isEqualTo("no route to 203.0.113.5");
        hosts.one.ip("route add 203.0.113.0/24 via 192.0.2.2");
        assertThat(finding(trace(overlay, "203.0.113.5"), "route")).startsWith("uplink, next hop 192.0.2.2");
    }

    @Test
    void aForbiddenRouteIsNoFailureOfAChange() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            for (String kind : List.of("blackhole", "prohibit", "unreachable")) {
                hosts.one.ip("route add " + kind + " 192.0.2.2/32");
                OverlayConfig base = hosts.one.config(Mode.AUTO, false);
                assertThat(overlay.apply(config(hosts))).isTrue();
                assertThat(trace(overlay, "10.42.2.2").drop()).isEqualTo(Drop.SEND_FAILED);
                assertThat(overlay.apply(base)).isTrue();
                hosts.one.ip("route del " + kind + " 192.0.2.2/32");
            }
        }
    }
}
