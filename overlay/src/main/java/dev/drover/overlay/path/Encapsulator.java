package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ARP_FRAME_BYTES;
import static dev.drover.overlay.path.Wire.ARP_OPERATION;
import static dev.drover.overlay.path.Wire.ARP_REPLY;
import static dev.drover.overlay.path.Wire.ARP_SENDER_IP;
import static dev.drover.overlay.path.Wire.ARP_SENDER_MAC;
import static dev.drover.overlay.path.Wire.ARP_TARGET_IP;
import static dev.drover.overlay.path.Wire.ARP_TARGET_MAC;
import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_SOURCE;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.MAX_VLAN_TAGS;
import static dev.drover.overlay.path.Wire.SEALED_HEADER_BYTES;
import static dev.drover.overlay.path.Wire.SEALED_OVERHEAD_BYTES;
import static dev.drover.overlay.path.Wire.TYPE_QINQ;
import static dev.drover.overlay.path.Wire.TYPE_VLAN;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;
import static dev.drover.overlay.path.Wire.VLAN_BYTES;
import static dev.drover.overlay.path.Wire.VNET_CSUM_OFFSET;
import static dev.drover.overlay.path.Wire.VNET_CSUM_START;
import static dev.drover.overlay.path.Wire.VNET_FLAGS;
import static dev.drover.overlay.path.Wire.VNET_GSO_NONE;
import static dev.drover.overlay.path.Wire.VNET_GSO_SIZE;
import static dev.drover.overlay.path.Wire.VNET_GSO_TYPE;
import static dev.drover.overlay.path.Wire.VNET_NEEDS_CSUM;
import static dev.drover.overlay.path.Wire.VXLAN_BYTES;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.Tap;
import org.jspecify.annotations.Nullable;

/**
 * TAP to underlay, for one lane: reads frames, decides who gets them, answers ARP and neighbour solicitations, encapsulates and sends. Runs on the
 * lane's thread whenever the TAP queue is readable, for at most {@value #MAX_FRAMES} frames or {@value #MAX_BYTES} bytes.
 *
 * <pre>
 *  one frame in the buffer:   | room | vnet header 12 | Ethernet frame … |
 *  sent without a copy:              |    | VXLAN 8   | Ethernet frame … |
 *  a super-frame sent whole:  | vnet 24, outer headers | Ethernet frame … |
 *  sealed without a copy:     | header 16 | VXLAN 8   | Ethernet frame … | tag 16 |
 * </pre>
 */
public final class Encapsulator implements Runnable {
    private static final int MAX_FRAMES = 64;
    private static final int MAX_BYTES = 512 * 1024;
    /** Sent when this much is pending, while it is still in the cache. */
    private static final int FLUSH_BYTES = 64 * 1024;

    /** Announcements of addresses a lane passes on in a period: each is a packet to every peer. */
    private static final int MAX_ANNOUNCEMENTS = 256;

    /** Answers to packets that are too big, of a lane in a period. */
    private static final int MAX_TOO_BIG = 256;

    private static final long LIMIT_PERIOD_NS = 1_000_000_000L;
    private static final int ROOM = SuperFrameWriter.HEADROOM;
    private static final int MAX_FRAME_BYTES = 66 * 1024;
    /** Behind a frame, for the tag. */
    private static final int TAIL = SEALED_OVERHEAD_BYTES - SEALED_HEADER_BYTES;

    private static final int ALIGNMENT = 64;

    private final LaneContext context;
    private final int tap;
    private final Runnable onTapLost;
    private final TxBatch[] batches;
    private final Segmenter segmenter;
    private final @Nullable SuperFrameWriter superFrames;
    private final @Nullable HandshakeRing handshakes;
    private final Inner inner = new Inner();
    private final Observer observer;
    private final long vxlan;
    private final int mtu;
    private final int lane;
    private final CounterSet<Drop> drops;
    private final CounterSet<Traffic> traffic;
    private final Snapshot<Forwarding> forwarding;
    private final long buffer;
    private final long reply;

    private final Decision decision;
    private Forwarding table;
    private boolean segmented;
    private int gsoType;
    /** The last run found one frame; then the next one's first leaves before it is known whether there are more. */
    private boolean lone;

    private long limitPeriodStartNs = System.nanoTime();
    private int announced;
    private int answeredTooBig;

    /**
     * @param tap file descriptor of the TAP queue, non-blocking
     * @param sockets file descriptors to send from, a power of two; a flow always takes the same
     * @param segmentation use UDP_SEGMENT
     * @param superFrames sends super-frames whole to peers that are {@linkplain PeerPath#direct direct}; null to cut them
     * @param onTapLost called, possibly often, when the TAP cannot be read any more; must be cheap
     */
    public Encapsulator(
            LaneContext context,
            int tap,
            int[] sockets,
            boolean segmentation,
            @Nullable SuperFrameWriter superFrames,
            Runnable onTapLost,
            Slab slab) {
        this.context = context;
        this.superFrames = superFrames;
        this.tap = tap;
        this.onTapLost = onTapLost;
        lane = context.lane();
        drops = context.drops();
        traffic = context.traffic();
        forwarding = context.forwarding();
        table = forwarding.read();
        handshakes = context.handshakes();
        observer = context.observer();
        int maxFrameBytes = context.mtu() + ETHERNET_BYTES + MAX_VLAN_TAGS * VLAN_BYTES;
        int datagramBytes = maxFrameBytes + VXLAN_BYTES + SEALED_OVERHEAD_BYTES;
        decision = new Decision(table);
        batches = new TxBatch[sockets.length];
        for (int i = 0; i < sockets.length; i++) {
            batches[i] = handshakes == null
                    ? new TxBatch(sockets[i], segmentation, lane, drops, traffic, slab)
                    : TxBatch.sealed(sockets[i], segmentation, datagramBytes, lane, drops, traffic, slab);
        }
        vxlan = context.vxlanHeader();
        segmenter = new Segmenter(vxlan, slab);
        mtu = context.mtu();
        buffer = slab.allocate(FLUSH_BYTES + ROOM + MAX_FRAME_BYTES + TAIL + ALIGNMENT);
        reply = slab.allocate(Tap.VNET_HEADER_BYTES + TooBig.MAX_BYTES);
    }

    /** Whether a frame without offloads goes as one packet: its IP packet is within the overlay's MTU. */
    static boolean fits(long frame, int length, int mtu) {
        return length <= mtu + ETHERNET_BYTES || length <= mtu + ETHERNET_BYTES + tagBytes(frame);
    }

    /** Drains the TAP queue, within the budget. */
    @Override
    public void run() {
        table = forwarding.read();
        decision.by(table);
        observer.onBatch();
        long cursor = buffer;
        long bytes = 0;
        int frames = 0;
        for (; frames < MAX_FRAMES && bytes < MAX_BYTES; frames++) {
            long header = cursor + ROOM - Tap.VNET_HEADER_BYTES; // the frame begins behind the room
            long length = Sys.read(tap, header, Tap.VNET_HEADER_BYTES + MAX_FRAME_BYTES);
            if (length <= 0) {
                if (length != -Sys.EAGAIN && length != -Sys.EINTR) {
                    onTapLost.run();
                }
                break;
            }
            bytes += length;
            onFrame(header, (int) length - Tap.VNET_HEADER_BYTES);
            cursor = pending() ? cursor + ROOM + length + TAIL + ALIGNMENT - 1 & -ALIGNMENT : buffer;
            if (cursor - buffer >= FLUSH_BYTES || lone && frames == 0) {
                flush();
                cursor = buffer;
            }
        }
        flush();
        lone = frames == 1;
    }

    /** Whether a batch still borrows from the buffer; if not, the next frame goes where the cache is warm. */
    private boolean pending() {
        for (TxBatch batch : batches) {
            if (batch.messageCount() > 0) {
                return true;
            }
        }
        return false;
    }

    private void flush() {
        for (TxBatch batch : batches) {
            batch.flush();
        }
    }

    private void onFrame(long vnet, int length) {
        long frame = vnet + Tap.VNET_HEADER_BYTES;
        boolean observed = observer.outgoing(vnet, frame, length);
        Drop drop = act(vnet, frame, length);
        if (drop != null) {
            drops.increment(lane, drop);
        }
        if (observed) {
            observer.outcome(decision.receiver(), drop);
        }
    }

    private @Nullable Drop act(long vnet, long frame, int length) {
        return switch (decision.on(frame, length)) {
            case DROP -> decision.drop;
            case PEER -> unicast(vnet, frame, length, decision.peer());
            case ASK_OWNER -> counted(unicast(vnet, frame, length, decision.peer()), Traffic.ARP_DIRECTED);
            case ANSWER -> answer(frame, decision.address, decision.mac);
            case ADVERTISE -> advertise(frame, decision.mac);
            case FLOOD -> counted(copies(vnet, frame, length, table.flooded()), Traffic.FLOODED);
            case ANNOUNCE -> announce(vnet, frame, length);
        };
    }

    /** Tells every peer of a new holder of an address, so that no container keeps the old one's MAC. */
    private @Nullable Drop announce(long vnet, long frame, int length) {
        startLimitPeriod();
        if (announced == MAX_ANNOUNCEMENTS) {
            return Drop.ANNOUNCEMENT_LIMIT;
        }
        announced++;
        return counted(copies(vnet, frame, length, table.peers()), Traffic.ARP_ANNOUNCED);
    }

    private void startLimitPeriod() {
        long now = System.nanoTime();
        if (now - limitPeriodStartNs > LIMIT_PERIOD_NS) {
            limitPeriodStartNs = now;
            announced = 0;
            answeredTooBig = 0;
        }
    }

    private @Nullable Drop counted(@Nullable Drop drop, Traffic event) {
        if (drop == null) {
            traffic.increment(lane, event);
        }
        return drop;
    }

    /** Answers an ARP request to the TAP, as the owner of the address would. */
    private @Nullable Drop answer(long request, int address, long mac) {
        long vnet = reply;
        long frame = vnet + Tap.VNET_HEADER_BYTES;
        Memory.copy(request, frame, ARP_FRAME_BYTES);
        long asker = Memory.getMac(request + ARP_SENDER_MAC);
        Memory.putMac(frame, Memory.getMac(request + ETHERNET_SOURCE));
        Memory.putMac(frame + ETHERNET_SOURCE, mac);
        Memory.putShortBe(frame + ARP_OPERATION, ARP_REPLY);
        Memory.putMac(frame + ARP_SENDER_MAC, mac);
        Memory.putIntBe(frame + ARP_SENDER_IP, address);
        Memory.putMac(frame + ARP_TARGET_MAC, asker);
        Memory.putIntBe(frame + ARP_TARGET_IP, Memory.getIntBe(request + ARP_SENDER_IP));
        if (Sys.write(tap, vnet, Tap.VNET_HEADER_BYTES + ARP_FRAME_BYTES) < 0) {
            return Drop.TAP_WRITE_FAILED;
        }
        traffic.increment(lane, Traffic.ARP_ANSWERED);
        return null;
    }

    /** Answers a neighbour solicitation to the TAP, as the neighbour would. */
    private @Nullable Drop advertise(long solicitation, long mac) {
        NeighbourDiscovery.advertise(solicitation, reply + Tap.VNET_HEADER_BYTES, mac);
        if (Sys.write(tap, reply, Tap.VNET_HEADER_BYTES + NeighbourDiscovery.ADVERTISEMENT_BYTES) < 0) {
            return Drop.TAP_WRITE_FAILED;
        }
        traffic.increment(lane, Traffic.ND_ANSWERED);
        return null;
    }

    private @Nullable Drop copies(long vnet, long frame, int length, PeerPath[] peers) {
        Drop drop = complete(vnet, frame, length, mtu, handshakes != null);
        if (drop != null) {
            return drop;
        }
        int socket = socket(frame, length);
        for (PeerPath peer : peers) {
            if (handshakes != null) {
                copySealed(socket, peer, frame, handshakes);
            } else {
                send(socket, peer, frame, length);
            }
        }
        return null;
    }

    /** An announcement, without what may pad it: nothing else is copied in an encrypted overlay. */
    private void copySealed(int socket, PeerPath peer, long frame, HandshakeRing handshakes) {
        Session session = session(peer, socket);
        if (session == null) {
            peer.want(handshakes);
            drops.increment(lane, Drop.NO_SESSION);
            return;
        }
        long datagram = batches[socket].header();
        int bytes = VXLAN_BYTES + ARP_FRAME_BYTES;
        Memory.copy(frame - VXLAN_BYTES, datagram + SEALED_HEADER_BYTES, bytes);
        batches[socket].add(peer.name(), datagram, session.seal(lane, stream(socket), datagram, bytes));
        sent(peer, 1, ARP_FRAME_BYTES);
    }

    private @Nullable Session session(PeerPath peer, int socket) {
        Session session = peer.keyring().sending();
        return session == null || session.spent(stream(socket)) ? null : session;
    }

    /** Which counter of a session: a socket has its own. */
    private int stream(int socket) {
        return lane * batches.length + socket;
    }

    private @Nullable Drop unicast(long vnet, long frame, int length, PeerPath peer) {
        boolean mayStayPartial = handshakes != null || peer.remoteChecksum();
        Drop drop = complete(vnet, frame, length, Math.min(mtu, peer.mtu()), mayStayPartial);
        if (drop != null) {
            return drop;
        }
        if (handshakes != null) {
            return sendSealed(peer, frame, length, handshakes);
        }
        send(socket(frame, length), peer, frame, length);
        return null;
    }

    private @Nullable Drop sendSealed(PeerPath peer, long frame, int length, HandshakeRing handshakes) {
        int socket = socket(frame, length);
        Session session = session(peer, socket);
        if (session == null) {
            peer.want(handshakes);
            return Drop.NO_SESSION;
        }
        TxBatch batch = batches[socket];
        if (segmented) {
            int packets = segmenter.emitSealed(batch, peer.name(), session, lane, stream(socket));
            traffic.increment(lane, Traffic.TX_SEGMENTED);
            sent(peer, packets, segmenter.bytes());
        } else {
            long datagram = frame - VXLAN_BYTES - SEALED_HEADER_BYTES;
            int bytes = session.seal(lane, stream(socket), datagram, VXLAN_BYTES + length);
            batch.add(peer.name(), datagram, bytes);
            sent(peer, 1, length);
        }
        return null;
    }

    private void sent(PeerPath peer, int packets, long bytes) {
        peer.sent(lane, packets, bytes);
        traffic.add(lane, Traffic.TX_PACKETS, packets);
        traffic.add(lane, Traffic.TX_BYTES, bytes);
    }

    /** Index of the socket and batch of a flow. */
    private int socket(long frame, int length) {
        return batches.length == 1 ? 0 : FlowHash.of(frame, length) & batches.length - 1;
    }

    /**
     * Does what the kernel left to the device: the checksum, or the preparation for segmentation.
     *
     * @param limit largest IP packet on the way to who gets the frame
     * @param mayStayPartial who gets it takes unfinished checksums where he finds them
     */
    private @Nullable Drop complete(long vnet, long frame, int length, int limit, boolean mayStayPartial) {
        int flags = Memory.getByte(vnet + VNET_FLAGS);
        gsoType = Memory.getByte(vnet + VNET_GSO_TYPE);
        int start = Memory.getShort(vnet + VNET_CSUM_START);
        int offset = Memory.getShort(vnet + VNET_CSUM_OFFSET);
        segmented = gsoType != VNET_GSO_NONE;
        if (segmented) {
            Drop drop = segmenter.prepare(frame, length, gsoType, Memory.getShort(vnet + VNET_GSO_SIZE), start, limit);
            return drop == Drop.OVERSIZE ? oversize(frame, length, limit) : drop;
        }
        if (!fits(frame, length, limit)) {
            return oversize(frame, length, limit);
        }
        boolean partial = (flags & VNET_NEEDS_CSUM) != 0;
        int segmentSize = MssClamp.find(frame, length, limit);
        if (segmentSize >= 0) {
            MssClamp.lower(frame, length, segmentSize, limit, partial);
            traffic.increment(lane, Traffic.MSS_CLAMPED);
        }
        boolean left = partial && mayStayPartial && isPartial(frame, length, start, offset);
        if (partial && !left) {
            if (start + offset + Short.BYTES > length) {
                return Drop.MALFORMED_OFFLOAD;
            }
            int check = Checksum.finish(Checksum.add(0, frame + start, length - start));
            Memory.putShort(frame + start + offset, check == 0 && offset == UDP_CHECKSUM ? 0xffff : check);
        }
        boolean flagged = left && handshakes == null;
        if (flagged) {
            traffic.increment(lane, Traffic.REMOTE_CHECKSUMS);
        }
        Memory.putLong(frame - VXLAN_BYTES, flagged ? RemoteChecksum.header(vxlan, start, inner.tcp) : vxlan);
        return null;
    }

    /** Whether the peer's end sees that the checksum is for the container's kernel to do. */
    private boolean isPartial(long frame, int length, int start, int offset) {
        return inner.parse(frame, length)
                && inner.l4 == start
                && inner.checksumOffset() == offset
                && inner.partialChecksum();
    }

    private static int tagBytes(long frame) {
        int tags = 0;
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        while (tags < MAX_VLAN_TAGS && (type == TYPE_VLAN || type == TYPE_QINQ)) {
            tags++;
            type = Memory.getShortBe(frame + ETHERNET_TYPE + tags * (long) VLAN_BYTES);
        }
        return tags * VLAN_BYTES;
    }

    /** Tells the sender the MTU, unless he has been told often enough. */
    private Drop oversize(long frame, int length, int limit) {
        startLimitPeriod();
        if (length >= TooBig.MAX_BYTES && answeredTooBig < MAX_TOO_BIG) {
            int answer = TooBig.answer(frame, reply + Tap.VNET_HEADER_BYTES, limit);
            if (answer > 0 && Sys.write(tap, reply, Tap.VNET_HEADER_BYTES + answer) > 0) {
                answeredTooBig++;
                traffic.increment(lane, Traffic.TOO_BIG_ANSWERED);
            }
        }
        return Drop.OVERSIZE;
    }

    private void send(int socket, PeerPath peer, long frame, int length) {
        int packets = 1;
        long bytes = length;
        if (!segmented) {
            batches[socket].add(peer.name(), frame - VXLAN_BYTES, VXLAN_BYTES + length);
        } else if (sendWhole(socket, peer, frame, length)) {
            packets = segmenter.segments();
            bytes = segmenter.bytes();
        } else {
            boolean remoteChecksum = peer.remoteChecksum() && segmenter.plain();
            packets = segmenter.emit(batches[socket], peer.name(), remoteChecksum);
            bytes = segmenter.bytes();
            traffic.increment(lane, Traffic.TX_SEGMENTED);
            if (remoteChecksum) {
                traffic.add(lane, Traffic.REMOTE_CHECKSUMS, packets);
            }
        }
        sent(peer, packets, bytes);
    }

    /** Behind the flow's packets that are still pending, so that they stay in order. */
    private boolean sendWhole(int socket, PeerPath peer, long frame, int length) {
        SuperFrameWriter writer = superFrames;
        if (writer == null || !peer.direct() || segmenter.cuts()) {
            return false;
        }
        batches[socket].flush();
        boolean taken = writer.write(peer, socket, frame, length, gsoType, segmenter);
        traffic.increment(lane, taken ? Traffic.TX_SUPER_FRAMES : Traffic.SUPER_FRAMES_REFUSED);
        return taken;
    }

    /** Whether the kernel segments for every socket of this lane. */
    public boolean segmentation() {
        for (TxBatch batch : batches) {
            if (!batch.segmentation()) {
                return false;
            }
        }
        return true;
    }

    /** The lane this belongs to. */
    public int lane() {
        return context.lane();
    }
}
