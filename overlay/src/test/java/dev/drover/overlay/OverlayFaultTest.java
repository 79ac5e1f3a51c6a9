package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Transport;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What operators and other programs do to a host under a running overlay. */
@Tag("root")
@Timeout(180)
class OverlayFaultTest {
    private static final Duration REPAIRED = Duration.ofSeconds(20);
    private static final int FLAPS = 10;

    private static void awaitPath(TwoHosts hosts) {
        await().atMost(REPAIRED).until(() -> hosts.one.container.pings(hosts.two.address()));
    }

    private static Overlay start(TwoHosts hosts) {
        Overlay overlay = hosts.one.drover(Mode.AUTO);
        hosts.two.drover(Mode.AUTO);
        awaitPath(hosts);
        return overlay;
    }

    /** Super-frames where the kernel has them, so that also their way is whole again. */
    private static void awaitAllWays(TwoHosts hosts, Overlay overlay) {
        awaitPath(hosts);
        await().atMost(REPAIRED).untilAsserted(() -> {
            Traffic way = overlay.status().mode() == Mode.SUPER ? Traffic.TX_SUPER_FRAMES : Traffic.TX_SEGMENTED;
            long before = overlay.status().traffic().get(way);
            Load.tcp(hosts.one, hosts.two, 1_000_000);
            assertThat(overlay.status().traffic().get(way)).isGreaterThan(before);
        });
    }

    @Test
    void aRenamedDeviceGetsItsNameBackAndGoesOn() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            String index = index(hosts);
            hosts.one.ip("link set drt42 name mine");
            assertThat(hosts.one.container.pings(hosts.two.address())).isTrue();
            await().atMost(REPAIRED)
                    .until(() -> hosts.one.host.exec("ip", "-o", "link").contains("drt42:"));
            assertThat(index(hosts)).as("the same device").isEqualTo(index);
            awaitAllWays(hosts, overlay);
        }
    }

    private static String index(TwoHosts hosts) {
        String line = hosts.one.host.exec("ip", "-o", "link", "show", "dev", "drt42");
        return line.substring(0, line.indexOf(':'));
    }

    @Test
    void aRenamedDeviceWhoseNameIsTakenGoesOnUntilTheNameIsFree() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("link set drt42 name mine");
            hosts.one.ip("link add drt42 type bridge");
            hosts.one.ip("link set mine down");
            awaitAllWays(hosts, overlay);
            hosts.one.ip("link del drt42");
            await().atMost(REPAIRED)
                    .until(() -> hosts.one.host.exec("ip", "-o", "link").contains("drt42:"));
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void aDeviceThatIsSetDownComesUpAgain() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("link set drt42 down");
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void aDeletedBridgeIsMadeAgainWithTheDeviceInIt() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("link del br0");
            await().atMost(REPAIRED)
                    .until(() -> hosts.one.host.exec("ip", "-o", "link").contains("master br0"));
            hosts.one.ip("link set v0 master br0");
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void theAddressOfTheVtepGoesAndComesBack() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("address del 192.0.2.1/24 dev uplink");
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(overlay.apply(more(overlay.config()))).isTrue();
            hosts.one.ip("address add 192.0.2.1/24 dev uplink");
            awaitAllWays(hosts, overlay);
        }
    }

    private static OverlayConfig more(OverlayConfig c) {
        List<OverlayConfig.Peer> peers = new ArrayList<>(c.peers());
        peers.add(new OverlayConfig.Peer(Inet4Address.ofLiteral("198.51.100.9"), List.of(Cidr.parse("10.42.9.0/24"))));
        return new OverlayConfig(c.vni(), c.vtep(), c.port(), c.bridge(), c.mode(), c.local(), peers, c.neighbours());
    }

    @Test
    void theUnderlayGoesDownAndUp() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("link set uplink down");
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            hosts.one.ip("link set uplink up");
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void anUnderlayThatFlapsCostsAConnectionNothing() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            try (Talk talk = new Talk(hosts)) {
                for (int flap = 0; flap < FLAPS; flap++) {
                    talk.awaitMoreBytes(100_000);
                    hosts.one.ip("link set uplink down");
                    hosts.one.ip("link set uplink up");
                }
                talk.awaitMoreBytes(2_000_000);
                talk.finish();
            }
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void theUnderlayIsRenamedUnderAConnection() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            try (Talk talk = new Talk(hosts)) {
                talk.awaitMoreBytes(1_000_000);
                hosts.one.ip("link set uplink down");
                hosts.one.ip("link set uplink name wan0 up");
                await().atMost(REPAIRED).until(() -> overlay.status().underlay().equals("wan0"));
                talk.awaitMoreBytes(2_000_000);
                talk.finish();
            }
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void theVtepGetsAnotherAddressUnderAConnection() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay one = start(hosts);
            Overlay two = hosts.two.running();
            try (Talk talk = new Talk(hosts)) {
                talk.awaitMoreBytes(1_000_000);
                hosts.one.ip("address del 192.0.2.1/24 dev uplink");
                hosts.one.ip("address add 192.0.2.11/24 dev uplink");
                InetAddress moved = InetAddress.ofLiteral("192.0.2.11");
                assertThat(one.apply(between(one.config(), moved, InetAddress.ofLiteral(hosts.two.vtep()))))
                        .isTrue();
                assertThat(two.apply(between(two.config(), InetAddress.ofLiteral(hosts.two.vtep()), moved)))
                        .isTrue();
                talk.awaitMoreBytes(2_000_000);
                talk.finish();
            }
            awaitAllWays(hosts, one);
        }
    }

    /** The same network between other addresses of the underlay. */
    private static OverlayConfig between(OverlayConfig c, InetAddress here, InetAddress there) {
        OverlayConfig.Peer peer =
                new OverlayConfig.Peer(there, c.peers().getFirst().subnets());
        return new OverlayConfig(
                c.vni(), here, c.port(), c.bridge(), c.mode(), c.local(), List.of(peer), c.neighbours());
    }

    @Test
    void theUnderlayIsDeletedAndMadeAgain() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("link del uplink");
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(overlay.apply(more(overlay.config()))).isTrue();
            hosts.one.ip("link add uplink type veth peer name uplink netns " + hosts.two.host.name);
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.ip("address add " + side.vtep() + "/24 dev uplink");
                side.ip("link set uplink up");
            }
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void theVtepMovesToAnotherInterface() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            hosts.one.ip("link add second mtu 1400 type veth peer name second netns " + hosts.two.host.name);
            for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
                side.ip("link set second mtu 1400 up");
                side.ip("address del " + side.vtep() + "/24 dev uplink");
                side.ip("address add " + side.vtep() + "/24 dev second");
            }
            await().atMost(REPAIRED).until(() -> overlay.status().underlay().equals("second") && overlay.mtu() == 1350);
            hosts.one.container.exec("ip", "link", "set", "eth0", "mtu", "1350");
            hosts.two.container.exec("ip", "link", "set", "eth0", "mtu", "1350");
            awaitAllWays(hosts, overlay);
        }
    }

    @Test
    void theMtuOfTheUnderlayChangesBothWays() {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            for (int mtu : new int[] {1400, 1500, 9000, 1500}) {
                hosts.one.ip("link set uplink mtu " + mtu);
                hosts.two.ip("link set uplink mtu " + mtu);
                await().atMost(REPAIRED).until(() -> overlay.mtu() == mtu - 50);
                hosts.one.container.exec("ip", "link", "set", "eth0", "mtu", "" + Math.min(mtu - 50, 1450));
                hosts.two.container.exec("ip", "link", "set", "eth0", "mtu", "" + Math.min(mtu - 50, 1450));
                awaitAllWays(hosts, overlay);
            }
        }
    }

    @Test
    void aConnectionSurvivesTheRestartOfANode() throws Exception {
        try (TwoHosts hosts = new TwoHosts();
                Lanes lanes = Lanes.open(Transport.EPOLL, 1)) {
            hosts.two.drover(Mode.AUTO);
            OverlayConfig config = hosts.one.config(Mode.AUTO, false);
            Overlay first = hosts.one.host.netNs.call(() -> Overlay.start(lanes, config));
            awaitPath(hosts);
            try (Talk talk = new Talk(hosts)) {
                talk.awaitMoreBytes(2_000_000);
                first.close();
                try (Overlay second = hosts.one.host.netNs.call(() -> Overlay.start(lanes, config))) {
                    talk.awaitMoreBytes(5_000_000);
                    talk.finish();
                    assertThat(second.status().traffic().get(Traffic.RX_PACKETS))
                            .isPositive();
                }
            }
        }
    }

    @Test
    void anAddressThatTwoHostsClaimStaysWithItsOwner() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            OverlayConfig base = overlay.config();
            List<OverlayConfig.Peer> peers = new ArrayList<>(base.peers());
            peers.add(new OverlayConfig.Peer(Inet4Address.ofLiteral("192.0.2.3"), List.of(Cidr.parse("10.42.3.0/24"))));
            overlay.apply(new OverlayConfig(
                    base.vni(), base.vtep(), base.port(), base.bridge(), base.mode(), null, peers, List.of()));
            awaitPath(hosts);
            String neighbour = hosts.one.container.exec("ip", "neigh", "show", "10.42.2.2");
            hosts.two.ip("address add 192.0.2.3/24 dev uplink");
            Mac thief = Mac.parse("02:00:00:00:66:66");
            try (DatagramSocket rogue = hosts.two.host.netNs.call(
                    () -> new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral("192.0.2.3"), 4789)))) {
                byte[] claim = announcement(thief, "10.42.2.2");
                InetAddress one = InetAddress.ofLiteral("192.0.2.1");
                rogue.send(new DatagramPacket(claim, claim.length, one, 4789));
                await().atMost(REPAIRED).until(() -> overlay.status().drops().get(Drop.SPOOFED_SOURCE) == 1);
            }
            assertThat(overlay.fdb()).noneMatch(entry -> entry.mac().equals(thief));
            hosts.one.container.exec("ip", "address", "add", "10.42.2.2/32", "dev", "eth0");
            hosts.one.container.exec("busybox", "arping", "-U", "-c", "1", "-I", "eth0", "10.42.2.2");
            await().atMost(REPAIRED).until(() -> overlay.status().drops().get(Drop.SPOOFED_SOURCE) >= 2);
            hosts.one.container.exec("ip", "address", "del", "10.42.2.2/32", "dev", "eth0");
            assertThat(hosts.one.container.pings("10.42.2.2")).isTrue();
            assertThat(hosts.one.container.exec("ip", "neigh", "show", "10.42.2.2")
                            .split(" ")[4])
                    .isEqualTo(neighbour.split(" ")[4]);
        }
    }

    /** A gratuitous ARP in VXLAN. */
    private static byte[] announcement(Mac mac, String address) {
        ByteBuffer bytes = ByteBuffer.allocate(8 + 14 + 28);
        bytes.putInt(0x0800_0000).putInt(TwoHosts.VNI << 8);
        bytes.putInt(-1).putShort((short) -1).put(mac.bytes()).putShort((short) 0x0806);
        bytes.putInt(0x0001_0800).putInt(0x0604_0001);
        bytes.put(mac.bytes()).putInt(Cidr.parseAddress(address));
        bytes.putInt(0).putShort((short) 0).putInt(Cidr.parseAddress(address));
        return bytes.array();
    }

    @Test
    void tenThousandNeighboursChurnAndAStablePairLosesNothing() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = start(hosts);
            OverlayConfig base = overlay.config();
            AtomicBoolean stop = new AtomicBoolean();
            var pings = CompletableFuture.supplyAsync(() -> echo(hosts, stop));
            long before = 0;
            for (int round = 1; round <= 60; round++) {
                assertThat(overlay.apply(with(base, neighbours(round)))).isTrue();
                if (round == 20) {
                    before = usedBytes();
                }
            }
            long grown = usedBytes() - before;
            stop.set(true);
            long[] counted = pings.get(60, TimeUnit.SECONDS);
            assertThat(counted[1]).as("echoed of %d", counted[0]).isEqualTo(counted[0]);
            assertThat(counted[0]).isGreaterThan(20);
            assertThat(grown).as("heap after 40 more changes").isLessThan(20 << 20);
            assertThat(overlay.status().drops()).containsEntry(Drop.UNKNOWN_DESTINATION, 0L);
        }
    }

    private static OverlayConfig with(OverlayConfig c, List<OverlayConfig.Neighbour> neighbours) {
        return new OverlayConfig(c.vni(), c.vtep(), c.port(), c.bridge(), c.mode(), c.local(), c.peers(), neighbours);
    }

    private static List<OverlayConfig.Neighbour> neighbours(int round) {
        Inet4Address vtep = Inet4Address.ofLiteral("192.0.2.2");
        int first = Cidr.parseAddress("10.43.0.0");
        List<OverlayConfig.Neighbour> neighbours = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            neighbours.add(new OverlayConfig.Neighbour(first + i, new Mac((long) round << 20 | i), vtep, round));
        }
        return neighbours;
    }

    private static long usedBytes() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    /** Datagrams sent one after another, and how many of them came back. */
    private static long[] echo(TwoHosts hosts, AtomicBoolean stop) {
        InetAddress there = InetAddress.ofLiteral(hosts.two.address());
        InetAddress here = InetAddress.ofLiteral(hosts.one.address());
        long[] counts = new long[2];
        try (DatagramSocket near = hosts.one.container.netNs.call(() -> new DatagramSocket(0, here));
                DatagramSocket far = hosts.two.container.netNs.call(() -> new DatagramSocket(0, there))) {
            near.setSoTimeout(3_000);
            far.setSoTimeout(3_000);
            DatagramPacket in = new DatagramPacket(new byte[100], 100);
            while (!stop.get()) {
                byte[] number = ByteBuffer.allocate(8).putLong(++counts[0]).array();
                near.send(new DatagramPacket(number, 8, there, far.getLocalPort()));
                far.receive(in);
                far.send(new DatagramPacket(in.getData(), 8, here, near.getLocalPort()));
                near.receive(in);
                if (ByteBuffer.wrap(in.getData()).getLong() == counts[0]) {
                    counts[1]++;
                }
            }
            return counts;
        } catch (IOException e) {
            throw new AssertionError("lost after " + counts[1], e);
        }
    }
}
