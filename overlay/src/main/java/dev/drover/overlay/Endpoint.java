package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.FdWatch;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Link;
import dev.drover.dataplane.LinkAddress;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.MessageHeader;
import dev.drover.dataplane.Route;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.SysException;
import dev.drover.dataplane.Tap;
import dev.drover.dataplane.TcxRedirect;
import dev.drover.dataplane.UdpSocket;
import dev.drover.overlay.path.Decapsulator;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Encapsulator;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.HandshakeRing;
import dev.drover.overlay.path.LaneContext;
import dev.drover.overlay.path.LearnRing;
import dev.drover.overlay.path.Observer;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.ProbeRing;
import dev.drover.overlay.path.ProbeWriter;
import dev.drover.overlay.path.SuperFrameWriter;
import dev.drover.overlay.path.Traffic;
import dev.drover.overlay.path.Watch;
import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The running half of an overlay: device, sockets and lanes for one {@linkplain OverlayConfig#samePath path}. Opened,
 * checked and closed on the overlay's control thread, in the network namespace of that thread.
 */
final class Endpoint implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Endpoint.class);

    /** UDP, VXLAN and inner Ethernet headers, and an outer IP header before them. */
    private static final int OVERHEAD_BYTES = 8 + 8 + 14;

    private static final int IPV4_BYTES = 20;
    private static final int IPV6_BYTES = 40;

    /** What sealing adds: header and tag. */
    static final int SEAL_BYTES = 32;

    /** Smallest MTU that IPv4 allows an interface. */
    private static final int MIN_MTU = 576;

    /** The most a TAP takes: what is too big for the overlay is to come here and be answered, not vanish in the bridge. */
    private static final int TAP_MTU = 65_521;

    private static final int SOCKET_BUFFER_BYTES = 7 << 20;
    /** Source ports a lane: enough for the spreading of flows at the receiver, few enough for full batches. */
    private static final int TX_SOCKETS = 4;

    /** First byte of the device's MAC: locally administered and higher than that of any container's port. */
    private static final long HIGH_MAC = 0xfe_00_00_00_00_00L;

    private static final int CONTROL_BUFFER_BYTES = 1 << 20;
    private static final int EBUSY = 16;

    private static final int GSO_SLOTS = 8;
    private static final int PLAIN_SLOTS = 32;

    private final OverlayConfig config;
    private final Rtnetlink netlink;
    private final Slab slab = new Slab();
    private final List<AutoCloseable> resources = new ArrayList<>();
    private final List<FdWatch> watches = new ArrayList<>();
    private final List<LearnRing> rings = new ArrayList<>();
    private final List<Decapsulator> decapsulators = new ArrayList<>();
    private final SelfTest.Choice choice;
    /** Written by the control thread; its name may change. */
    private volatile Link underlay;

    private final int mtu;
    private final Tap tap;
    private final int tapIndex;
    private final @Nullable Tap tunnelTap;
    private final @Nullable UdpSocket handshakes;
    private final List<HandshakeRing> handshakeRings = new ArrayList<>();
    private final List<ProbeRing> probeRings = new ArrayList<>();
    private final ProbeWriter probes;
    private int tunnelIndex;
    /** Peers that get no super-frames, with the reason. */
    private volatile Map<InetAddress, String> obstacles = Map.of();

    /** Peers that super-frames could be sent to, as far as routes go. */
    private Set<InetAddress> direct = Set.of();

    private boolean closed;

    /** What an endpoint takes from the overlay it belongs to; outlives it. */
    record Shared(
            Lanes lanes,
            Snapshot<Forwarding> forwarding,
            CounterSet<Drop> drops,
            CounterSet<Traffic> traffic,
            List<Observer> observers,
            Runnable onLearned,
            Runnable onTapLost,
            Runnable onHandshake,
            Runnable onProbe) {}

    /**
     * Opens everything and starts forwarding; leaves nothing behind when it throws.
     *
     * @throws IllegalArgumentException the VTEP's address is not of this host
     * @throws IllegalStateException the port is taken, the kernel has no TUN, or the bridge's name belongs to something
     *     else
     */
    static Endpoint open(OverlayConfig config, Shared shared) {
        Rtnetlink netlink = Rtnetlink.open();
        try {
            Link underlay = underlay(netlink, config.vtep())
                    .orElseThrow(() -> new IllegalArgumentException("vtep: " + NetUtil.toAddressString(config.vtep())
                            + " (expected: an address of this host's interfaces)"));
            return new Endpoint(config, shared, netlink, underlay);
        } catch (RuntimeException e) {
            netlink.close();
            throw e;
        }
    }

    private Endpoint(OverlayConfig config, Shared shared, Rtnetlink netlink, Link underlay) {
        this.config = config;
        this.netlink = netlink;
        this.underlay = underlay;
        boolean v4 = config.vtep() instanceof Inet4Address;
        int overhead = OVERHEAD_BYTES + (v4 ? IPV4_BYTES : IPV6_BYTES) + (config.encryption() == null ? 0 : SEAL_BYTES);
        mtu = underlay.mtu() - overhead;
        if (mtu < MIN_MTU) {
            throw new IllegalArgumentException(
                    "vtep: " + NetUtil.toAddressString(config.vtep()) + " on " + underlay.name() + " with mtu "
                            + underlay.mtu() + " (expected: at least " + (MIN_MTU + overhead) + ")");
        }
        try {
            choice = SelfTest.choose(config.mode(), config.vtep(), config.vni(), config.encryption() != null);
            List<UdpSocket> receivers = receivers(shared.lanes.count(), choice.mode() != Mode.PLAIN);
            tap = keep(Tap.open("drt" + config.vni(), shared.lanes.count()));
            tapIndex = nameDevice();
            plug(netlink.links().get(tap.name()));
            handshakes = config.encryption() == null
                    ? null
                    : keep(UdpSocket.open(config.vtep(), 0, false, CONTROL_BUFFER_BYTES));
            tunnelTap = choice.mode() == Mode.SUPER ? tunnelTap(shared.lanes.count()) : null;
            probes = probes(shared);
            for (int lane = 0; lane < shared.lanes.count(); lane++) {
                start(shared, lane, receivers.get(lane).fd());
            }
            measurePorts();
        } catch (RuntimeException e) {
            release();
            throw e;
        }
    }

    /** The interface that has the address; empty while none has. */
    private static Optional<Link> underlay(Rtnetlink netlink, InetAddress vtep) {
        return netlink.addresses().list().stream()
                .filter(address -> address.address().equals(vtep))
                .map(LinkAddress::linkIndex)
                .findFirst()
                .flatMap(netlink.links()::find);
    }

    private List<UdpSocket> receivers(int lanes, boolean gro) {
        // shared sockets would silently split the traffic with another process: the first bind is exclusive
        UdpSocket.open(config.vtep(), config.port(), false, SOCKET_BUFFER_BYTES).close();
        List<UdpSocket> sockets = new ArrayList<>();
        for (int i = 0; i < lanes; i++) {
            UdpSocket socket = keep(UdpSocket.open(config.vtep(), config.port(), lanes > 1, SOCKET_BUFFER_BYTES));
            if (gro && !socket.enableGro()) {
                throw new IllegalStateException("mode: gso (expected: a kernel with UDP_GRO, Linux 5.0)");
            }
            if (config.vtep() instanceof Inet6Address) {
                socket.acceptZeroChecksums(); // a kernel endpoint with udp6zerocsumtx; who sends is checked by us
            }
            sockets.add(socket);
        }
        return sockets;
    }

    /** What is written to it leaves by the underlay's interface, addressed by the kernel's routes and neighbours. */
    private Tap tunnelTap(int queues) {
        Tap made = keep(Tap.openTunnel("dru" + config.vni(), queues));
        Link link = netlink.links().get(made.name());
        tunnelIndex = link.index();
        keep(TcxRedirect.toNeighbour(link.index(), underlay.index()));
        netlink.links().setUpWithoutIpv6(link.index());
        return made;
    }

    /** The control thread's own way to the peers, beside those of the lanes. */
    private ProbeWriter probes(Shared shared) {
        int lanes = shared.lanes.count();
        Observer observer = new Observer(lanes, new Snapshot<>(Watch.NONE));
        LaneContext context =
                new LaneContext(lanes, config.vni(), mtu, shared.forwarding, shared.drops, shared.traffic, observer);
        UdpSocket socket = keep(UdpSocket.open(config.vtep(), 0, false, CONTROL_BUFFER_BYTES));
        socket.forbidFragments();
        SuperFrameWriter superFrames = tunnelTap == null
                ? null
                : new SuperFrameWriter(context, tunnelTap.queue(0), config.vtep(), new int[] {socket.port()}, slab);
        int stream = streams(lanes) - 1;
        return new ProbeWriter(context, socket.fd(), stream, config.encryption() != null, superFrames, slab);
    }

    private void start(Shared shared, int lane, int receiver) {
        HandshakeRing handshakeRing = handshakes == null ? null : new HandshakeRing(shared.onHandshake, slab);
        if (handshakeRing != null) {
            handshakeRings.add(handshakeRing);
        }
        LaneContext context = new LaneContext(
                lane,
                config.vni(),
                mtu,
                shared.forwarding,
                shared.drops,
                shared.traffic,
                shared.observers.get(lane),
                handshakeRing);
        int[] senders = new int[TX_SOCKETS];
        int[] ports = new int[TX_SOCKETS];
        for (int i = 0; i < senders.length; i++) {
            UdpSocket sender = keep(UdpSocket.open(config.vtep(), 0, false, SOCKET_BUFFER_BYTES));
            senders[i] = sender.fd();
            ports[i] = sender.port();
        }
        SuperFrameWriter superFrames = tunnelTap == null
                ? null
                : new SuperFrameWriter(context, tunnelTap.queue(lane), config.vtep(), ports, slab);
        boolean gso = choice.mode() != Mode.PLAIN;
        LearnRing ring = new LearnRing(shared.onLearned);
        rings.add(ring);
        ProbeRing probeRing = new ProbeRing(shared.onProbe);
        probeRings.add(probeRing);
        int queue = tap.queue(lane);
        Encapsulator encapsulator = new Encapsulator(context, queue, senders, gso, superFrames, shared.onTapLost, slab);
        int slots = gso ? GSO_SLOTS : PLAIN_SLOTS;
        Decapsulator decapsulator =
                new Decapsulator(context, receiver, queue, tap.udpSegmentation(), slots, ring, probeRing, slab);
        decapsulators.add(decapsulator);
        watches.add(FdWatch.start(shared.lanes, lane, queue, encapsulator));
        watches.add(FdWatch.start(shared.lanes, lane, receiver, decapsulator));
    }

    private <T extends AutoCloseable> T keep(T resource) {
        resources.add(resource);
        return resource;
    }

    /** A bridge without a MAC of its own takes the lowest of its ports: ours is above all, so that it never changes. */
    private int nameDevice() {
        Link device = netlink.links().get(tap.name());
        long random = Mac.random().value() & 0xff_ffff_ffffL;
        netlink.links().setMac(device.index(), new Mac(HIGH_MAC | random));
        return device.index();
    }

    /** Makes the bridge what it has to be and the TAP a port of it; does nothing where that is so already. */
    private void plug(Link device) {
        Link bridge = netlink.links().ensureBridge(config.bridge(), mtu);
        OverlayConfig.Local local = config.local();
        if (local != null) {
            Inet4Address own = Cidr.toInet(local.block().address(1));
            netlink.addresses().ensure(bridge.index(), own, local.subnet().prefixLength());
        }
        if (device.mtu() != TAP_MTU) {
            netlink.links().setMtu(device.index(), TAP_MTU);
        }
        if (device.master() != bridge.index() || !device.up()) {
            netlink.links().setPort(device.index(), bridge.index());
            // a bridge whose MTU nobody has changed yet takes the smallest of its ports: now it is fixed
            netlink.links().ensureBridge(config.bridge(), mtu);
        }
    }

    /** Repairs what others changed; false when the endpoint has to be opened anew: device gone or underlay changed. */
    boolean repair() {
        if (closed) {
            return false;
        }
        Optional<Link> device = netlink.links().find(tapIndex);
        if (device.isEmpty() || underlayChanged()) {
            return false;
        }
        keepName(device.get(), tap.name());
        plug(netlink.links().find(tapIndex).orElse(device.get()));
        measurePorts();
        return plugTunnel();
    }

    /** Containers that were wired in before the underlay's MTU grew keep theirs. */
    private void measurePorts() {
        int bridge = netlink.links().get(config.bridge()).index();
        int smallest = netlink.links().list().stream()
                .filter(link -> link.master() == bridge)
                .mapToInt(Link::mtu)
                .min()
                .orElse(mtu);
        decapsulators.forEach(decapsulator -> decapsulator.localMtu(Math.min(mtu, smallest)));
    }

    /** Another interface has the VTEP's address now, or its MTU is another. While none has it nothing can be done. */
    private boolean underlayChanged() {
        Optional<Link> found = underlay(netlink, config.vtep());
        if (found.isEmpty()) {
            return false;
        }
        Link now = found.get();
        if (now.index() != underlay.index() || now.mtu() != underlay.mtu()) {
            return true;
        }
        underlay = now;
        return false;
    }

    /** Packets do not care about the name; when it is taken, the device goes on under the other one. */
    private void keepName(Link device, String name) {
        if (device.name().equals(name)) {
            return;
        }
        try {
            netlink.links().rename(device.index(), name);
        } catch (SysException e) {
            if (e.errno() == EBUSY) { // before Linux 6.4 only what is down can be renamed; plugging sets it up again
                netlink.links().setDown(device.index());
                netlink.links().rename(device.index(), name);
            } else {
                LOG.debug("overlay device keeps another name index={} name={}", device.index(), device.name(), e);
            }
        }
    }

    private boolean plugTunnel() {
        if (tunnelTap == null) {
            return true;
        }
        Optional<Link> device = netlink.links().find(tunnelIndex);
        device.ifPresent(link -> keepName(link, tunnelTap.name()));
        device.filter(link -> !link.up()).ifPresent(link -> netlink.links().setUpWithoutIpv6(link.index()));
        return device.isPresent();
    }

    /**
     * Super-frames go to the peers that the kernel reaches by the VTEP's interface and at whom they arrive; the others get
     * packets.
     */
    void judge(List<PeerPath> peers, PathProbes probed) {
        if (closed || tunnelTap == null) {
            return;
        }
        Map<InetAddress, String> found = new HashMap<>();
        Set<InetAddress> routed = new HashSet<>();
        for (PeerPath peer : peers) {
            String obstacle = routeObstacle(peer.vtep());
            if (obstacle == null) {
                routed.add(peer.vtep());
                obstacle = probed.losesSuperFrames(peer) ? "super-frames do not arrive there" : null;
            }
            peer.direct(obstacle == null);
            if (obstacle != null) {
                found.put(peer.vtep(), obstacle);
            }
        }
        obstacles = Map.copyOf(found);
        direct = Set.copyOf(routed);
    }

    private @Nullable String routeObstacle(InetAddress vtep) {
        Optional<Route> route = netlink.routes().towards(vtep);
        if (route.isEmpty()) {
            return "no route";
        }
        int index = route.get().linkIndex();
        return index == underlay.index()
                ? null
                : "route leaves by "
                        + netlink.links().find(index).map(Link::name).orElse("interface " + index) + ", not by "
                        + underlay.name();
    }

    /** Why a peer gets no super-frames whole, null when it does; any thread. */
    @Nullable
    String superFrameObstacle(PeerPath peer) {
        if (tunnelTap == null) {
            return "mode " + choice.mode().name().toLowerCase(Locale.ROOT);
        }
        return peer.direct() ? null : obstacles.getOrDefault(peer.vtep(), "not looked at yet");
    }

    boolean closed() {
        return closed;
    }

    /** Hands over what the lanes have learned; returns whether there was anything. */
    boolean drain(LearnRing.Learner learner) {
        boolean any = false;
        for (LearnRing ring : rings) {
            any |= ring.drain(learner);
        }
        return any;
    }

    /** Hands over the handshake messages that the lanes have received. */
    void drainHandshakes(HandshakeRing.Receiver receiver) {
        handshakeRings.forEach(ring -> ring.drain(receiver));
    }

    /** Hands over the probes and answers that the lanes have received. */
    void drainProbes(ProbeRing.Receiver receiver) {
        probeRings.forEach(ring -> ring.drain(receiver));
    }

    /** Sends probes, on the control thread and until closed. */
    ProbeWriter probes() {
        return probes;
    }

    /** Whether super-frames are or could be sent to a peer. */
    boolean routesSuperFrames(PeerPath peer) {
        return tunnelTap != null && direct.contains(peer.vtep());
    }

    /** Sends a handshake message; what the kernel does not take is lost like what the network loses. */
    void sendHandshake(PeerPath peer, byte[] datagram) {
        if (handshakes == null) {
            return;
        }
        try (Slab memory = new Slab()) {
            long bytes = memory.allocate(datagram.length);
            Memory.copyIn(datagram, bytes);
            long name = memory.allocate(SocketName.BYTES);
            peer.name().put(name);
            long iovec = memory.allocate(MessageHeader.IOVEC_BYTES);
            Memory.putLong(iovec, bytes);
            Memory.putLong(iovec + MessageHeader.IOVEC_LENGTH, datagram.length);
            long message = memory.allocate(MessageHeader.BYTES);
            Memory.putLong(message + MessageHeader.NAME, name);
            Memory.putInt(message + MessageHeader.NAME_LENGTH, peer.name().length());
            Memory.putLong(message + MessageHeader.IOVEC, iovec);
            Memory.putLong(message + MessageHeader.IOVEC_COUNT, 1);
            Sys.sendmsg(handshakes.fd(), message, 0);
        }
    }

    /** Streams of this end's sessions: one a sending socket, and one of the control thread. */
    static int streams(int lanes) {
        return lanes * TX_SOCKETS + 1;
    }

    OverlayConfig config() {
        return config;
    }

    SelfTest.Choice choice() {
        return choice;
    }

    Link underlay() {
        return underlay;
    }

    int mtu() {
        return mtu;
    }

    int tapIndex() {
        return tapIndex;
    }

    String tapName() {
        return tap.name();
    }

    /** Name of the device that super-frames go through, empty for none. */
    String tunnelName() {
        return tunnelTap == null ? "" : tunnelTap.name();
    }

    /** For questions to the kernel, on the control thread and until closed. */
    Rtnetlink netlink() {
        return netlink;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            release();
            netlink.close();
        }
    }

    private void release() {
        watches.forEach(FdWatch::stop);
        for (AutoCloseable resource : resources) {
            try {
                resource.close();
            } catch (Exception e) {
                throw new AssertionError(e); // devices and sockets do not throw on close
            }
        }
        slab.close();
    }
}
