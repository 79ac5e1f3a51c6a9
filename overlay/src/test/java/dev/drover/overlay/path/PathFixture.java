package dev.drover.overlay.path;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One lane without root: a pair of sequenced-packet sockets stands for the TAP, loopback for the underlay. This host is
 * 127.0.0.1 with block 10.42.1.0/24; peer 127.0.0.2 owns 10.42.2.0/24 with the neighbour 10.42.2.9; peer 127.0.0.3 has no
 * known addresses and is configured only when asked for.
 */
final class PathFixture implements AutoCloseable {
    static final int VNI = 42;
    static final int MTU = 1450;
    static final String NEIGHBOUR_V6 = "fd00::209";
    static final Mac NEIGHBOUR = Mac.parse("02:00:00:00:02:09");
    private static final byte[] KEY_OUT = Packets.payload(new java.util.Random(11), 32);
    private static final byte[] KEY_IN = Packets.payload(new java.util.Random(12), 32);
    private static final int AF_UNIX = 1;
    private static final int SOCK_SEQPACKET_NONBLOCK = 5 | 04000;
    private static final int MAX_BYTES = 70_000;
    private static final MethodHandle SOCKETPAIR = Linker.nativeLinker()
            .downcallHandle(
                    Linker.nativeLinker().defaultLookup().findOrThrow("socketpair"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG));

    final Slab slab = new Slab();
    final CounterSet<Drop> drops = new CounterSet<>(Drop.class, 1);
    final CounterSet<Traffic> traffic = new CounterSet<>(Traffic.class, 1);
    final List<String> learned = new ArrayList<>();
    final LearnRing ring = new LearnRing(() -> {});
    final ProbeRing probes = new ProbeRing(() -> {});
    final DatagramSocket owner;
    final DatagramSocket flooded;
    final UdpSocket receiver;
    final Encapsulator encapsulator;
    final Decapsulator decapsulator;
    final PeerPath ownerPath;
    final PeerPath floodedPath;
    final Snapshot<Forwarding> forwarding;
    final Snapshot<Watch> watch = new Snapshot<>(Watch.NONE);
    final Observer observer = new Observer(0, watch);
    private final UdpSocket sender;
    private final UdpSocket segmenting;
    private final int bridgeSide;
    private final int pathSide;
    private final int tunnelEnd;
    private final int tunnelSide;
    private final long buffer = slab.allocate(MAX_BYTES);
    private int tapLost;
    final HandshakeRing handshakes;
    final Session ours = new Session(7, 9, KEY_OUT, KEY_IN, 1, 2, 2);
    final Session theirs = new Session(9, 7, KEY_IN, KEY_OUT, 1, 2, 2);
    int wakes;

    PathFixture(Mode mode) throws Exception {
        owner = new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.2"));
        flooded = new DatagramSocket(owner.getLocalPort(), InetAddress.ofLiteral("127.0.0.3"));
        owner.setReceiveBufferSize(4 << 20);
        owner.setSoTimeout(2_000);
        flooded.setSoTimeout(2_000);
        ownerPath = new PeerPath(Inet4Address.ofLiteral("127.0.0.2"), owner.getLocalPort(), false, 1);
        floodedPath = new PeerPath(Inet4Address.ofLiteral("127.0.0.3"), owner.getLocalPort(), true, 1);
        forwarding = new Snapshot<>(tables(mode == Mode.WITH_FLOODING).build());
        sender = UdpSocket.open(Inet4Address.ofLiteral("127.0.0.1"), 0, false, 1 << 20);
        receiver = UdpSocket.open(Inet4Address.ofLiteral("127.0.0.1"), 0, false, 4 << 20);
        segmenting = UdpSocket.open(Inet4Address.ofLiteral("127.0.0.2"), 0, false, 1 << 20);
        if (!receiver.enableGro()) {
            throw new IllegalStateException("kernel without UDP_GRO");
        }
        int[] bridge = pair();
        bridgeSide = bridge[0];
        pathSide = bridge[1];
        int[] tunnel = pair();
        tunnelEnd = tunnel[0];
        tunnelSide = tunnel[1];
        handshakes = new HandshakeRing(() -> wakes++, slab);
        LaneContext context = new LaneContext(
                0, VNI, MTU, forwarding, drops, traffic, observer, mode == Mode.SEALED ? handshakes : null);
        ownerPath.keyring(mode == Mode.SEALED ? new Keyring(ours, null, null) : Keyring.EMPTY);
        ownerPath.direct(mode == Mode.SUPER);
        SuperFrameWriter superFrames = mode == Mode.SUPER
                ? new SuperFrameWriter(
                        context, tunnelSide, InetAddress.ofLiteral("127.0.0.1"), new int[] {sender.port()}, slab)
                : null;
        encapsulator = new Encapsulator(
                context, pathSide, new int[] {sender.fd()}, mode != Mode.PLAIN, superFrames, () -> tapLost++, slab);
        decapsulator = new Decapsulator(context, receiver.fd(), pathSide, mode != Mode.PLAIN, 8, ring, probes, slab);
    }

    enum Mode {
        GSO,
        /** Super-frames go whole to a stand-in for the tunnel TAP, {@link #fromTunnel}. */
        SUPER,
        PLAIN,
        /** The owner has the other end of {@link #ours}. */
        SEALED,
        WITH_FLOODING
    }

    private int[] pair() {
        long pair = slab.allocate(8);
        Sys.check("socketpair", socketpair(pair));
        int[] ends = {Memory.getInt(pair), Memory.getInt(pair + 4)};
        for (int fd : ends) {
            Sys.check("buffer", Sys.setsockopt(fd, 1, 7, 1 << 20));
        }
        return ends;
    }

    private static int socketpair(long pair) {
        try {
            return (int) SOCKETPAIR.invokeExact(AF_UNIX, SOCK_SEQPACKET_NONBLOCK, 0, pair);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    Forwarding.Builder tables(boolean withFlooding) {
        Forwarding.Builder builder = new Forwarding.Builder()
                .local(Cidr.parse("10.42.1.0/24"))
                .peer(ownerPath, List.of(Cidr.parse("10.42.2.0/24")))
                .neighbour(InetAddress.ofLiteral("10.42.2.9"), NEIGHBOUR, ownerPath)
                .neighbour(InetAddress.ofLiteral(NEIGHBOUR_V6), NEIGHBOUR, ownerPath);
        return withFlooding ? builder.peer(floodedPath, List.of()) : builder;
    }

    /** The bridge hands a frame to the TAP and the lane runs. */
    void fromBridge(byte[] vnet, byte[] frame) {
        queueFromBridge(vnet, frame);
        encapsulator.run();
    }

    void queueFromBridge(byte[] vnet, byte[] frame) {
        byte[] all = Packets.concat(vnet, frame);
        Memory.copyIn(all, buffer);
        if (Sys.write(bridgeSide, buffer, all.length) != all.length) {
            throw new IllegalStateException("tap stand-in is full");
        }
    }

    void fromBridge(byte[] frame) {
        fromBridge(new byte[12], frame);
    }

    /** A datagram from a peer arrives and the lane runs. */
    void fromPeer(DatagramSocket peer, byte[] datagram) throws IOException {
        queueFromPeer(peer, datagram);
        decapsulator.run();
    }

    void queueFromPeer(DatagramSocket peer, byte[] datagram) throws IOException {
        InetAddress here = InetAddress.ofLiteral("127.0.0.1");
        peer.send(new DatagramPacket(datagram, datagram.length, here, receiver.port()));
    }

    /** Several pieces arrive from the owner in one aggregated receive; all but the last of one size. */
    void aggregatedFromOwner(List<byte[]> datagrams) {
        TxBatch batch = new TxBatch(segmenting.fd(), true, 0, drops, traffic, slab);
        SocketName name = SocketName.of(Inet4Address.ofLiteral("127.0.0.1"), receiver.port());
        for (byte[] datagram : datagrams) {
            long copy = slab.allocate(datagram.length);
            Memory.copyIn(datagram, copy);
            batch.add(name, copy, datagram.length);
        }
        batch.flush();
        decapsulator.run();
    }

    /** Next super-frame that left whole, from its vnet header on, null when there is none. */
    byte[] fromTunnel() {
        long length = Sys.read(tunnelEnd, buffer, MAX_BYTES);
        return length <= 0 ? null : Memory.copyOut(buffer, (int) length);
    }

    /** Next frame for the bridge behind its vnet header, null when there is none. */
    byte[] toBridge() {
        long length = Sys.read(bridgeSide, buffer, MAX_BYTES);
        return length <= 0 ? null : Memory.copyOut(buffer, (int) length);
    }

    /** Next frame for the bridge without vnet header. */
    byte[] frameToBridge() {
        byte[] all = toBridge();
        return all == null ? null : Arrays.copyOfRange(all, 12, all.length);
    }

    /** Next inner frame that reaches a peer; its VXLAN header has been checked. */
    static byte[] inner(DatagramSocket peer) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[MAX_BYTES], MAX_BYTES);
        peer.receive(packet);
        byte[] datagram = Arrays.copyOf(packet.getData(), packet.getLength());
        byte[] frame = Arrays.copyOfRange(datagram, 8, datagram.length);
        if (!Arrays.equals(datagram, Packets.vxlan(VNI, frame))) {
            throw new AssertionError("vxlan header: " + Arrays.toString(Arrays.copyOf(datagram, 8)));
        }
        return frame;
    }

    /** What the owner seals. */
    byte[] sealed(byte[] plain) {
        Memory.copyIn(plain, buffer + 16);
        return Memory.copyOut(buffer, theirs.seal(0, 0, buffer, plain.length));
    }

    /** Next inner frame that reaches the owner sealed. */
    byte[] unsealed() throws IOException {
        return unsealed(datagram(owner));
    }

    byte[] unsealed(byte[] datagram) {
        Memory.copyIn(datagram, buffer);
        Drop drop = theirs.open(0, buffer, datagram.length);
        if (drop != null) {
            throw new AssertionError(drop);
        }
        byte[] plain = Memory.copyOut(buffer + 16, datagram.length - 32);
        byte[] frame = Arrays.copyOfRange(plain, 8, plain.length);
        if (!Arrays.equals(plain, Packets.vxlan(VNI, frame))) {
            throw new AssertionError("vxlan header: " + Arrays.toString(Arrays.copyOf(plain, 8)));
        }
        return frame;
    }

    static byte[] datagram(DatagramSocket peer) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[MAX_BYTES], MAX_BYTES);
        peer.receive(packet);
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    static boolean silent(DatagramSocket peer) throws IOException {
        peer.setSoTimeout(50);
        try {
            peer.receive(new DatagramPacket(new byte[1], 1));
            return false;
        } catch (SocketTimeoutException e) {
            return true;
        } finally {
            peer.setSoTimeout(2_000);
        }
    }

    /** Whether one drop of this reason was counted and none of another. */
    boolean onlyDropped(Drop reason) {
        return onlyDroppedTimes(reason, 1);
    }

    boolean onlyDroppedTimes(Drop reason, int times) {
        return Arrays.stream(Drop.values()).allMatch(d -> drops.sum(d) == (d == reason ? times : 0));
    }

    long drops() {
        return Arrays.stream(Drop.values()).mapToLong(drops::sum).sum();
    }

    List<String> learned() {
        ring.drain(
                (mac, peer, _) -> learned.add(new Mac(mac) + "@" + peer.vtep().getHostAddress()));
        return learned;
    }

    int tapLost() {
        return tapLost;
    }

    void closeBridgeSide() {
        Sys.close(bridgeSide);
    }

    @Override
    public void close() {
        owner.close();
        flooded.close();
        sender.close();
        receiver.close();
        segmenting.close();
        Sys.close(bridgeSide);
        Sys.close(pathSide);
        Sys.close(tunnelEnd);
        Sys.close(tunnelSide);
        ours.close();
        theirs.close();
        slab.close();
    }
}
