package dev.drover.overlay;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Two hosts on one cable, 192.0.2.1 and .2 or 2001:db8::1 and ::2, a bridge {@code br0} and a container on each: 10.42.1.2
 * and 10.42.2.2. Their overlay ends, Drover's or the kernel's, are added by the test.
 */
final class TwoHosts implements AutoCloseable {
    static final int VNI = 42;
    static final int MTU = 1450;
    private static final int UNDERLAY_MTU = 1500;
    private static final int IPV6_MIN_MTU = 1280;

    /** One side: 1 or 2. */
    final class Side {
        final int number;
        final TestNs host = keep(new TestNs());
        final TestNs container = keep(new TestNs());
        private Overlay running;

        private Side(int number) {
            this.number = number;
        }

        private Side other() {
            return this == one ? two : one;
        }

        String address() {
            return "10.42." + number + ".2";
        }

        String addressV6() {
            return "fd00::" + number;
        }

        String vtep() {
            return (v6 ? "2001:db8::" : "192.0.2.") + number;
        }

        private void wire() {
            host.exec("ip", "link", "add", "br0", "type", "bridge");
            host.exec("ip", "link", "set", "br0", "up");
            ip("link add eth0 netns " + container.name + " mtu " + mtu + " type veth peer name v0");
            ip("link set v0 mtu " + mtu + " master br0 up");
            container.exec("ip", "link", "set", "eth0", "up");
            container.exec("ip", "address", "add", address() + "/16", "dev", "eth0");
            if (mtu >= IPV6_MIN_MTU) {
                container.exec("ip", "address", "add", addressV6() + "/64", "dev", "eth0", "nodad");
            }
        }

        void ip(String arguments) {
            host.exec(("ip " + arguments).split(" "));
        }

        void kernel() {
            kernel("udpcsum");
        }

        /** The kernel's VXLAN device, with options of {@code ip link}; {@link #kernelGone} removes it. */
        void kernel(String options) {
            ip("link add vx0 type vxlan id 42 dstport 4789 local " + vtep() + " remote " + other().vtep()
                    + " dev uplink " + options);
            ip("link set vx0 mtu " + mtu + " master br0 up");
        }

        void kernelGone() {
            ip("link del vx0");
        }

        /** Checksums, segmentation and aggregation by the devices of the way that this side has, or none of it. */
        void offloads(boolean on) {
            container.exec(ethtool("eth0", on));
            for (String device : List.of("v0", "uplink")) {
                host.exec(ethtool(device, on));
            }
        }

        private static String[] ethtool(String device, boolean on) {
            String value = on ? "on" : "off";
            return new String[] {"ethtool", "-K", device, "tx", value, "tso", value, "gso", value, "gro", value};
        }

        OverlayConfig config(Mode mode, boolean flooding) {
            List<Cidr> subnets = flooding ? List.of() : List.of(Cidr.parse("10.42." + other().number + ".0/24"));
            OverlayConfig.Peer peer = new OverlayConfig.Peer(InetAddress.ofLiteral(other().vtep()), subnets);
            return new OverlayConfig(
                    VNI, InetAddress.ofLiteral(vtep()), 4789, "br0", mode, null, List.of(peer), List.of());
        }

        OverlayConfig encrypted(Mode mode, Encryption own, PeerKey theirs) {
            OverlayConfig plain = config(mode, false);
            OverlayConfig.Peer peer = plain.peers().getFirst();
            return new OverlayConfig(
                    VNI,
                    plain.vtep(),
                    plain.port(),
                    plain.bridge(),
                    mode,
                    null,
                    List.of(new OverlayConfig.Peer(peer.vtep(), peer.subnets(), theirs)),
                    List.of(),
                    own);
        }

        /** The same with peers that answer probes. */
        OverlayConfig probed(OverlayConfig c) {
            List<OverlayConfig.Peer> peers = c.peers().stream()
                    .map(peer -> new OverlayConfig.Peer(peer.vtep(), peer.subnets(), peer.key(), true))
                    .toList();
            return new OverlayConfig(
                    c.vni(),
                    c.vtep(),
                    c.port(),
                    c.bridge(),
                    c.mode(),
                    c.local(),
                    peers,
                    c.neighbours(),
                    c.encryption());
        }

        Overlay start(OverlayConfig config, int count, KeyExchange.Timing timing) {
            return start(config, count, timing, PathProbes.Timing.STANDARD);
        }

        Overlay start(OverlayConfig config, int count, PathProbes.Timing timing) {
            return start(config, count, KeyExchange.Timing.STANDARD, timing);
        }

        private Overlay start(OverlayConfig config, int count, KeyExchange.Timing keys, PathProbes.Timing probes) {
            Lanes lanes = keep(Lanes.open(Transport.EPOLL, count));
            running = keep(host.netNs.call(() -> Overlay.start(lanes, config, keys, probes)));
            return running;
        }

        Overlay running() {
            return running;
        }

        /** Ends what {@link #start} or {@link #drover} began. */
        void stop() {
            running.close();
        }

        /** Sets the MTU of the container and its port. */
        void mtu(int mtu) {
            ip("link set v0 mtu " + mtu);
            container.exec("ip", "link", "set", "eth0", "mtu", String.valueOf(mtu));
        }

        Overlay drover(Mode mode) {
            return drover(mode, false, Transport.EPOLL, 1);
        }

        Overlay drover(Mode mode, boolean flooding, Transport transport, int count) {
            Lanes lanes = keep(Lanes.open(transport, count));
            running = keep(host.netNs.call(() -> Overlay.start(lanes, config(mode, flooding))));
            return running;
        }
    }

    private final Deque<AutoCloseable> resources = new ArrayDeque<>();
    final Side one = new Side(1);
    final Side two = new Side(2);
    private final boolean v6;
    /** Of the containers. */
    final int mtu;

    TwoHosts() {
        this(false, UNDERLAY_MTU);
    }

    /** @param v6 the underlay speaks IPv6 */
    TwoHosts(boolean v6, int underlayMtu) {
        this.v6 = v6;
        mtu = underlayMtu - (v6 ? 70 : 50);
        try {
            one.ip("link add uplink mtu " + underlayMtu + " type veth peer name uplink mtu " + underlayMtu + " netns "
                    + two.host.name);
            for (Side side : List.of(one, two)) {
                side.ip("address add " + side.vtep() + (v6 ? "/64 dev uplink nodad" : "/24 dev uplink"));
                side.ip("link set uplink up");
                side.wire();
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Skips a test of super-frames on a kernel that has none. */
    void assumeSuperFrames() {
        String problem = superFrameProblem();
        assumeTrue(problem == null, () -> "super-frames: " + problem);
    }

    /** Null when this kernel carries super-frames. */
    @Nullable
    String superFrameProblem() {
        return one.host.netNs.call(() -> SuperFrameProbe.problem(VNI, !v6));
    }

    /** What the overlays that were started last think of the way to each other. */
    IntStream bothMtus() {
        return Stream.of(one, two)
                .mapToInt(
                        side -> side.running.status().peers().getFirst().path().mtu());
    }

    private <T extends AutoCloseable> T keep(T resource) {
        resources.push(resource);
        return resource;
    }

    @Override
    public void close() {
        while (!resources.isEmpty()) {
            try {
                resources.pop().close();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }
}
