package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Mac;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** IPv6 between containers of hosts that flood nothing. */
@Tag("root")
@Timeout(60)
class Ipv6WithoutFloodingTest {
    private static final int TCP_BYTES = 2_000_000;

    @Test
    void knownNeighboursFindEachOtherWithoutFlooding() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay one = start(hosts.one, hosts.two);
            start(hosts.two, hosts.one);
            await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.addressV6()));
            Load.tcp(hosts.one.container, hosts.two.container, hosts.two.addressV6(), TCP_BYTES);
            assertThat(one.status().traffic())
                    .containsEntry(Traffic.FLOODED, 0L)
                    .hasEntrySatisfying(Traffic.ND_ANSWERED, n -> assertThat(n).isPositive());
            assertThat(hosts.one.container.exec("ip", "-6", "neigh", "show", hosts.two.addressV6()))
                    .contains(mac(hosts.two).toString());
        }
    }

    @Test
    void nobodySpeaksForANeighbourOfAnotherHost() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay one = start(hosts.one, hosts.two);
            start(hosts.two, hosts.one);
            await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(hosts.two.addressV6()));
            hosts.one.container.exec("ip", "address", "add", hosts.two.addressV6() + "/128", "dev", "lo", "nodad");
            hosts.one.container.exec(
                    "ip",
                    "-6",
                    "neigh",
                    "add",
                    "fd00::77",
                    "lladdr",
                    mac(hosts.two).toString(),
                    "dev",
                    "eth0");
            long before = one.status().drops().get(Drop.SPOOFED_SOURCE);
            hosts.one.container.pings("fd00::77", "-I", hosts.two.addressV6());
            assertThat(one.status().drops().get(Drop.SPOOFED_SOURCE)).isGreaterThan(before);
        }
    }

    private static Overlay start(TwoHosts.Side here, TwoHosts.Side there) {
        OverlayConfig c = here.config(Mode.AUTO, false);
        OverlayConfig.Neighbour neighbour = new OverlayConfig.Neighbour(
                InetAddress.ofLiteral(there.addressV6()),
                mac(there),
                c.peers().getFirst().vtep(),
                1);
        return here.start(
                new OverlayConfig(
                        c.vni(), c.vtep(), c.port(), c.bridge(), c.mode(), null, c.peers(), List.of(neighbour)),
                1,
                PathProbes.Timing.STANDARD);
    }

    private static Mac mac(TwoHosts.Side side) {
        String link = side.container.exec("ip", "-o", "link", "show", "dev", "eth0");
        String after = link.substring(link.indexOf("link/ether ") + "link/ether ".length());
        return Mac.parse(after.substring(0, after.indexOf(' ')));
    }
}
