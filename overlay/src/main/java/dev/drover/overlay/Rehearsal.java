package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.Tap;
import dev.drover.dataplane.UdpSocket;
import dev.drover.overlay.RehearsalFrames.Frame;
import dev.drover.overlay.path.Decapsulator;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Encapsulator;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.HandshakeRing;
import dev.drover.overlay.path.Keyring;
import dev.drover.overlay.path.LaneContext;
import dev.drover.overlay.path.LearnRing;
import dev.drover.overlay.path.Observer;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.ProbeRing;
import dev.drover.overlay.path.Session;
import dev.drover.overlay.path.SuperFrameWriter;
import dev.drover.overlay.path.Traffic;
import dev.drover.overlay.path.Watch;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends packets through a lane of its own until the JIT has compiled the path, so that the first packets of containers
 * meet no interpreter: without it a node's first seconds of traffic cost many times the CPU in user space (perf/results).
 * Held once in the life of a process, in the time that its work leaves, on a thread that ends after {@value #LIMIT_MS} ms at the latest.
 *
 * <pre>
 *  frames ─► pair of sockets ─► Encapsulator ─┬─► loopback ───────────────────────┬─► Decapsulator ─► the same pair
 *                                             └─► pair for super-frames ─► replay ─┘
 * </pre>
 *
 * <p>Nothing of it is seen elsewhere: counters, tables and keys are its own, its sockets have free ports of loopback.
 */
final class Rehearsal implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);
    private static final AtomicBoolean HELD = new AtomicBoolean();

    /** What is called once a round is compiled by then, by the thresholds of HotSpot. */
    private static final int ROUNDS = 16_000;

    private static final int RARE_EVERY = 16;
    private static final int ROUNDS_A_LOOK = 64;
    private static final long LIMIT_MS = 3_000;

    private static final int LEAST_PRIORITY = 19;

    private static final InetAddress HERE = InetAddress.ofLiteral("127.0.0.1");
    private static final int VNI = 1;
    private static final int MTU = 1450;
    private static final int SLOTS = 8;
    private static final int FLOW_SAMPLING = 64;
    private static final int BUFFER_BYTES = 256 * 1024;
    private static final int ROOM_BYTES = 66 * 1024;
    private static final int KEY_BYTES = 32;
    private static final int STREAMS = 1;
    /** In front of the VXLAN header of what is written to a tunnel TAP: its own, Ethernet, IPv4 and UDP. */
    private static final int OUTER_BYTES = Tap.TUNNEL_HEADER_BYTES + 14 + 20 + 8;

    private static final int AF_UNIX = 1;
    private static final int SOCK_SEQPACKET_NONBLOCK_CLOEXEC = 5 | 04000 | 02000000;

    private final List<AutoCloseable> resources = new ArrayList<>();
    private final Slab slab = new Slab();
    private final CounterSet<Drop> drops = new CounterSet<>(Drop.class, 1);
    private final CounterSet<Traffic> traffic = new CounterSet<>(Traffic.class, 1);
    private final PeerPath peer;
    private final Encapsulator encapsulator;
    private final Decapsulator decapsulator;
    private final boolean superFrames;
    private final int bridge;
    private final int tunnel;
    private final int replay;
    private final long room;

    /** @throws RuntimeException there is no loopback, or no room for a dozen descriptors */
    Rehearsal(Mode mode, boolean encrypted) {
        try {
            resources.add(slab);
            room = slab.allocate(ROOM_BYTES);
            UdpSocket sender = keep(UdpSocket.open(HERE, 0, false, BUFFER_BYTES));
            UdpSocket receiver = keep(UdpSocket.open(HERE, 0, false, BUFFER_BYTES));
            replay = keep(UdpSocket.open(HERE, 0, false, BUFFER_BYTES)).fd();
            SocketName name = SocketName.of(HERE, receiver.port());
            name.put(room);
            Sys.check("connect", Sys.connect(replay, room, name.length()));
            boolean gso = mode != Mode.PLAIN && receiver.enableGro();
            peer = new PeerPath(HERE, receiver.port(), false, 1);
            HandshakeRing handshakes = encrypted ? new HandshakeRing(() -> {}, slab) : null;
            if (encrypted) {
                peer.keyring(keyring());
            }
            LaneContext context = context(handshakes);
            int[] tapEnds = pair();
            bridge = tapEnds[0];
            int[] tunnelEnds = pair();
            tunnel = tunnelEnds[0];
            superFrames = mode == Mode.SUPER;
            SuperFrameWriter writer = superFrames
                    ? new SuperFrameWriter(context, tunnelEnds[1], HERE, new int[] {sender.port()}, slab)
                    : null;
            encapsulator = new Encapsulator(context, tapEnds[1], new int[] {sender.fd()}, gso, writer, () -> {}, slab);
            decapsulator = new Decapsulator(
                    context,
                    receiver.fd(),
                    tapEnds[1],
                    true,
                    SLOTS,
                    new LearnRing(() -> {}),
                    new ProbeRing(() -> {}),
                    slab);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Begins on a thread of its own, in the namespace of the calling one; does nothing the second time. */
    static void begin(Mode mode, boolean encrypted) {
        if (HELD.compareAndSet(false, true)) {
            Thread.ofPlatform().daemon().name("overlay-rehearsal").start(() -> hold(mode, encrypted));
        }
    }

    private static void hold(Mode mode, boolean encrypted) {
        Sys.nice(LEAST_PRIORITY); // a node that starts has better things to do, and refused it is as well
        try (Rehearsal rehearsal = new Rehearsal(mode, encrypted)) {
            int rounds = rehearsal.run(ROUNDS);
            LOG.debug("overlay rehearsed mode={} rounds={}", mode, rounds);
        } catch (RuntimeException e) {
            LOG.debug("overlay not rehearsed, the first packets will be slow", e);
        }
    }

    /** Rounds held, all or those that there was time for. */
    int run(int wanted) {
        Frame[] usual = {
            RehearsalFrames.superFrame(slab), RehearsalFrames.acknowledgement(slab), RehearsalFrames.datagram(slab)
        };
        // what the JIT has never seen it compiles as impossible, and throws all away when it comes
        Frame[] rare = {
            RehearsalFrames.opening(slab),
            RehearsalFrames.multicast(slab),
            RehearsalFrames.question(slab, RehearsalFrames.RECEIVER),
            RehearsalFrames.question(slab, Cidr.toInet(RehearsalFrames.SUBNET.address(1)))
        };
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LIMIT_MS);
        int round = 0;
        for (; round < wanted; round++) {
            if (round % ROUNDS_A_LOOK == 0 && System.nanoTime() - end > 0) {
                break;
            }
            // peers whose way takes super-frames, and those that are sent packets, with and without checksums
            peer.direct(superFrames && round % 2 == 0);
            peer.takesRemoteChecksum(round % 3 == 0);
            offer(usual);
            if (round % RARE_EVERY == 0) {
                offer(rare);
            }
            encapsulator.run();
            arrive();
            decapsulator.run();
            while (Sys.read(bridge, room, ROOM_BYTES) > 0) {
                // for no container
            }
        }
        return round;
    }

    private void offer(Frame[] frames) {
        for (Frame frame : frames) {
            Sys.write(bridge, frame.address(), frame.length());
        }
    }

    /** A super-frame that left whole arrives whole, as over a virtual underlay. */
    private void arrive() {
        long length = Sys.read(tunnel, room, ROOM_BYTES);
        if (length > OUTER_BYTES) {
            Sys.write(replay, room + OUTER_BYTES, length - OUTER_BYTES);
        }
    }

    CounterSet<Drop> drops() {
        return drops;
    }

    CounterSet<Traffic> traffic() {
        return traffic;
    }

    private LaneContext context(@Nullable HandshakeRing handshakes) {
        Forwarding tables = new Forwarding.Builder()
                .peer(peer, List.of(RehearsalFrames.SUBNET))
                .neighbour(RehearsalFrames.RECEIVER, RehearsalFrames.RECEIVER_MAC, peer)
                .build();
        Observer observer = new Observer(0, new Snapshot<>(new Watch(FLOW_SAMPLING, List.of())));
        return new LaneContext(0, VNI, MTU, new Snapshot<>(tables), drops, traffic, observer, handshakes);
    }

    /** Both ends of one session, under keys that protect nothing. */
    private Keyring keyring() {
        byte[] there = new byte[KEY_BYTES];
        byte[] back = new byte[KEY_BYTES];
        back[0] = 1;
        Session ours = keep(new Session(1, 2, there, back, 1, STREAMS, STREAMS));
        Session theirs = keep(new Session(2, 1, back, there, 1, STREAMS, STREAMS));
        return new Keyring(ours, theirs, null);
    }

    private int[] pair() {
        long ends = slab.allocate(2L * Integer.BYTES);
        Sys.check("socketpair", Sys.socketpair(AF_UNIX, SOCK_SEQPACKET_NONBLOCK_CLOEXEC, 0, ends));
        int[] pair = {Memory.getInt(ends), Memory.getInt(ends + Integer.BYTES)};
        for (int end : pair) {
            resources.add(() -> Sys.close(end));
        }
        return pair;
    }

    private <T extends AutoCloseable> T keep(T resource) {
        resources.add(resource);
        return resource;
    }

    @Override
    public void close() {
        for (AutoCloseable resource : resources.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                LOG.debug("rehearsal: not closed", e);
            }
        }
        resources.clear();
    }
}
