package dev.drover.overlay.path;

import static dev.drover.dataplane.MessageHeader.CONTROL;
import static dev.drover.dataplane.MessageHeader.CONTROL_LENGTH;
import static dev.drover.dataplane.MessageHeader.FLAGS;
import static dev.drover.dataplane.MessageHeader.IOVEC;
import static dev.drover.dataplane.MessageHeader.IOVEC_BYTES;
import static dev.drover.dataplane.MessageHeader.IOVEC_COUNT;
import static dev.drover.dataplane.MessageHeader.IOVEC_LENGTH;
import static dev.drover.dataplane.MessageHeader.NAME;
import static dev.drover.dataplane.MessageHeader.NAME_LENGTH;
import static dev.drover.dataplane.MessageHeader.RECEIVED;
import static dev.drover.overlay.path.Wire.ARP_FRAME_BYTES;
import static dev.drover.overlay.path.Wire.ARP_SENDER_IP;
import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_SOURCE;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.LINK_LOCAL_GROUP;
import static dev.drover.overlay.path.Wire.LINK_LOCAL_GROUP_MASK;
import static dev.drover.overlay.path.Wire.MAC_GROUP_BIT;
import static dev.drover.overlay.path.Wire.MAX_VLAN_TAGS;
import static dev.drover.overlay.path.Wire.SEALED_COOKIE;
import static dev.drover.overlay.path.Wire.SEALED_DATA;
import static dev.drover.overlay.path.Wire.SEALED_HEADER_BYTES;
import static dev.drover.overlay.path.Wire.SEALED_INDEX;
import static dev.drover.overlay.path.Wire.SEALED_INITIATION;
import static dev.drover.overlay.path.Wire.SEALED_OVERHEAD_BYTES;
import static dev.drover.overlay.path.Wire.SEALED_RESPONSE;
import static dev.drover.overlay.path.Wire.TYPE_ARP;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;
import static dev.drover.overlay.path.Wire.VLAN_BYTES;
import static dev.drover.overlay.path.Wire.VXLAN_BYTES;
import static dev.drover.overlay.path.Wire.VXLAN_FLAG_VNI;
import static dev.drover.overlay.path.Wire.VXLAN_VNI_OFFSET;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.MessageHeader;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Snapshot;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import org.jspecify.annotations.Nullable;

/**
 * Underlay to TAP, for one lane: receives datagrams, aggregated or not, checks who sent them and for which network, and
 * hands the inner frames to the TAP, TCP joined. Runs on the lane's thread whenever the socket is readable, for at most
 * {@value #MAX_DATAGRAMS} receives or {@value #MAX_BYTES} bytes.
 *
 * <p>A kernel VXLAN device on the same machine (veth underlay) sends inner super-frames whole in one datagram, with a
 * partial checksum and, for UDP, the inner segment size as control message: told apart by the length that the inner
 * header claims, and passed on as the super-frame it is.
 */
public final class Decapsulator implements Runnable {
    private static final int MAX_DATAGRAMS = 64;
    private static final int MAX_BYTES = 512 * 1024;
    /** From this size on a datagram is worth a system call of its own: it is passed on while the cache still has it. */
    private static final int LARGE_BYTES = 16 * 1024;

    private static final int CONTROL_BYTES = 64;
    private static final int CONTROL_TYPE = 12;
    private static final int CONTROL_DATA = 16;
    private static final int CONTROL_INT_USED = 20;
    private static final int SLOT_BYTES = 64 * 1024;
    /** Most bytes of a datagram before the inner IP packet. */
    private static final int HEADER_BYTES = VXLAN_BYTES + ETHERNET_BYTES + MAX_VLAN_TAGS * VLAN_BYTES;

    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_TRUNC = 0x20;

    private final int socket;
    private final int slots;
    private final long messages;
    private final long names;
    private final long controls;
    private final long buffers;
    private final Coalescer coalescer;
    private final TapWriter tap;
    private final Inner inner = new Inner();
    private final Observer observer;
    private final LearnRing learned;
    private final @Nullable HandshakeRing handshakes;
    private final ProbeRing probes;
    private final int vni;
    private final int mtu;
    private final int maxDatagramBytes;
    private final int lane;
    private final CounterSet<Drop> drops;
    private final CounterSet<Traffic> traffic;
    private final Snapshot<Forwarding> forwarding;

    private volatile int localMtu;
    private Forwarding table;
    private boolean large;

    /**
     * @param socket file descriptor to receive from
     * @param tap file descriptor of the TAP queue
     * @param joinsDatagrams the TAP takes super-frames of UDP
     * @param slots datagrams a system call, 64 KB of buffer each
     */
    public Decapsulator(
            LaneContext context,
            int socket,
            int tap,
            boolean joinsDatagrams,
            int slots,
            LearnRing learned,
            ProbeRing probes,
            Slab slab) {
        this.socket = socket;
        this.slots = slots;
        this.learned = learned;
        this.probes = probes;
        handshakes = context.handshakes();
        observer = context.observer();
        vni = context.vni();
        mtu = context.mtu();
        localMtu = mtu;
        maxDatagramBytes = HEADER_BYTES + mtu;
        lane = context.lane();
        drops = context.drops();
        traffic = context.traffic();
        forwarding = context.forwarding();
        table = forwarding.read();
        this.tap = new TapWriter(tap, lane, drops, slab);
        coalescer = new Coalescer(this.tap, joinsDatagrams, lane, traffic);
        messages = slab.allocate(slots * (long) MessageHeader.BYTES);
        names = slab.allocate(slots * (long) SocketName.BYTES);
        controls = slab.allocate(slots * (long) CONTROL_BYTES);
        buffers = slab.allocate(slots * (long) SLOT_BYTES);
        long iovecs = slab.allocate(slots * (long) IOVEC_BYTES);
        for (int i = 0; i < slots; i++) {
            long iovec = iovecs + i * (long) IOVEC_BYTES;
            Memory.putLong(iovec, buffers + i * (long) SLOT_BYTES);
            Memory.putLong(iovec + IOVEC_LENGTH, SLOT_BYTES);
            long message = messages + i * (long) MessageHeader.BYTES;
            Memory.putLong(message + NAME, names + i * (long) SocketName.BYTES);
            Memory.putLong(message + IOVEC, iovec);
            Memory.putLong(message + IOVEC_COUNT, 1);
            Memory.putLong(message + CONTROL, controls + i * (long) CONTROL_BYTES);
            reset(message);
        }
    }

    private static void reset(long message) {
        Memory.putInt(message + NAME_LENGTH, SocketName.BYTES);
        Memory.putLong(message + CONTROL_LENGTH, CONTROL_BYTES);
        Memory.putInt(message + FLAGS, 0);
    }

    /**
     * Says what every container of this host takes. A TCP super-frame that came whole does not tell how its sender had cut
     * it, and a bridge drops what would be cut too large for a port. Any thread.
     */
    public void localMtu(int mtu) {
        localMtu = mtu;
    }

    /** Drains the socket, within the budget. */
    @Override
    public void run() {
        table = forwarding.read();
        observer.onBatch();
        long bytes = 0;
        int datagrams = 0;
        while (datagrams < MAX_DATAGRAMS && bytes < MAX_BYTES) {
            int wanted = large ? 1 : slots;
            int received = Sys.recvmmsg(socket, messages, wanted, MSG_DONTWAIT);
            for (int i = 0; i < received; i++) {
                int length = onMessage(i);
                large = length >= LARGE_BYTES;
                bytes += length;
            }
            coalescer.flush();
            datagrams += received;
            if (received < wanted) {
                return;
            }
        }
    }

    private int onMessage(int slot) {
        long message = messages + slot * (long) MessageHeader.BYTES;
        int length = Memory.getInt(message + RECEIVED);
        boolean truncated = (Memory.getInt(message + FLAGS) & MSG_TRUNC) != 0;
        int segment = segmentSize(slot, message, length);
        reset(message);
        long name = names + slot * (long) SocketName.BYTES;
        PeerPath peer = table.peer(SocketName.high(name), SocketName.low(name));
        if (peer == null || truncated) {
            drops.increment(lane, truncated ? Drop.TRUNCATED : Drop.UNKNOWN_VTEP);
            return length;
        }
        long datagram = buffers + slot * (long) SLOT_BYTES;
        if (handshakes != null) {
            int port = SocketName.port(name);
            for (int offset = 0; offset < length; offset += segment) {
                onSealed(peer, port, datagram + offset, Math.min(segment, length - offset), handshakes);
            }
            return length;
        }
        boolean aggregate = segment < length || length > maxDatagramBytes;
        if ((aggregate || length > HEADER_BYTES + localMtu) && isSuperFrame(datagram, length, aggregate)) {
            onDatagram(peer, datagram, length, segment);
            return length;
        }
        int packets = 0;
        for (int offset = 0; offset < length; offset += segment) {
            onDatagram(peer, datagram + offset, Math.min(segment, length - offset), 0);
            packets++;
        }
        peer.received(lane, packets, length - packets * (long) VXLAN_BYTES);
        traffic.add(lane, Traffic.RX_PACKETS, packets);
        traffic.add(lane, Traffic.RX_BYTES, length - packets * (long) VXLAN_BYTES);
        return length;
    }

    /** One datagram in an encrypted overlay; what is not sealed goes no further. */
    private void onSealed(PeerPath peer, int port, long datagram, int length, HandshakeRing handshakes) {
        int type = length == 0 ? 0 : Memory.getByte(datagram);
        Drop drop;
        if (type == SEALED_DATA) {
            drop = onSealedData(peer, datagram, length, handshakes);
        } else if (type == SEALED_INITIATION || type == SEALED_RESPONSE || type == SEALED_COOKIE) {
            drop = length > HandshakeRing.MAX_BYTES
                    ? Drop.BAD_HANDSHAKE
                    : handshakes.offer(peer, port, datagram, length) ? null : Drop.HANDSHAKE_LIMIT;
        } else {
            peer.refusedPlaintext(lane);
            drop = Drop.PLAINTEXT;
        }
        if (drop != null) {
            drops.increment(lane, drop);
        }
    }

    private @Nullable Drop onSealedData(PeerPath peer, long datagram, int length, HandshakeRing handshakes) {
        if (length < SEALED_OVERHEAD_BYTES) {
            return Drop.RUNT;
        }
        if (Memory.getInt(datagram) != SEALED_DATA) {
            return Drop
                    .BAD_TAG; // the reserved bytes, the only ones that neither seal nor nonce nor choice of a key cover
        }
        Session session = peer.keyring().find(Memory.getIntBe(datagram + SEALED_INDEX));
        if (session == null) {
            peer.want(handshakes);
            return Drop.NO_SESSION;
        }
        Drop drop = session.open(lane, datagram, length);
        if (drop != null) {
            return drop;
        }
        if (!session.heard()) {
            session.onHeard();
            handshakes.wake();
        }
        int plainLength = length - SEALED_OVERHEAD_BYTES;
        if (plainLength == 0) {
            return null; // only shows that the peer has the keys
        }
        long plain = datagram + SEALED_HEADER_BYTES;
        drop = admit(peer, plain, plainLength);
        if (drop == Drop.LINK_LOCAL_GROUP && isProbe(peer, plain + VXLAN_BYTES, plainLength - VXLAN_BYTES)) {
            return null;
        }
        observer.incoming(peer, plain + VXLAN_BYTES, plainLength - VXLAN_BYTES, 0, 0, drop);
        if (drop == null) {
            clamp(peer, plain + VXLAN_BYTES, plainLength - VXLAN_BYTES);
            coalescer.add(plain + VXLAN_BYTES, plainLength - VXLAN_BYTES, RemoteChecksum.NONE);
            peer.received(lane, 1, plainLength - VXLAN_BYTES);
            traffic.increment(lane, Traffic.RX_PACKETS);
            traffic.add(lane, Traffic.RX_BYTES, plainLength - VXLAN_BYTES);
        }
        return drop;
    }

    private int segmentSize(int slot, long message, int length) {
        long control = controls + slot * (long) CONTROL_BYTES;
        if (Memory.getLong(message + CONTROL_LENGTH) >= CONTROL_INT_USED
                && Memory.getInt(control + CONTROL_TYPE) == UdpSocket.UDP_GRO) {
            int size = Memory.getInt(control + CONTROL_DATA);
            return size > 0 && size < length ? size : Math.max(length, 1);
        }
        return Math.max(length, 1);
    }

    /** @param aggregate it is no single packet; if not, only an unfinished checksum tells that it is a super-frame */
    private boolean isSuperFrame(long datagram, int length, boolean aggregate) {
        int frameLength = length - VXLAN_BYTES;
        return frameLength >= ETHERNET_BYTES
                && inner.parse(datagram + VXLAN_BYTES, frameLength)
                && inner.claimedLength == frameLength
                && (aggregate || inner.tcp && inner.partialChecksum());
    }

    /** @param superFrame 0, or the datagram is a super-frame and this the aggregated size that came with it */
    private void onDatagram(PeerPath peer, long datagram, int length, int superFrame) {
        Drop drop = admit(peer, datagram, length);
        long frame = datagram + VXLAN_BYTES;
        int frameLength = length - VXLAN_BYTES;
        if (drop != null) {
            if (drop != Drop.LINK_LOCAL_GROUP || !isProbe(peer, frame, frameLength)) {
                drops.increment(lane, drop);
                observer.incoming(peer, frame, frameLength, 0, 0, drop);
            }
            return;
        }
        if (superFrame == 0) {
            observer.incoming(peer, frame, frameLength, 0, 0, null);
            clamp(peer, frame, frameLength);
            coalescer.add(frame, frameLength, RemoteChecksum.of(datagram));
            return;
        }
        coalescer.flush();
        int segment = superFrame < length ? superFrame : inner.tcp ? localMtu - (inner.headers - ETHERNET_BYTES) : 0;
        drop = segment <= 0 ? Drop.MALFORMED_SUPER_FRAME : inner.partialChecksum() ? null : Drop.BAD_CHECKSUM;
        observer.incoming(peer, frame, frameLength, segment, inner.headers, drop);
        if (drop != null) {
            drops.increment(lane, drop);
        } else {
            tap.piece(frame, frameLength);
            tap.writeSuperFrame(inner, segment);
            peer.received(lane, 1, frameLength);
            traffic.increment(lane, Traffic.RX_PACKETS);
            traffic.add(lane, Traffic.RX_BYTES, frameLength);
            traffic.increment(lane, Traffic.RX_SUPER_FRAMES);
        }
    }

    /** A foreign peer may be open to more than the overlay carries, and any to more than the way to it does. */
    private void clamp(PeerPath peer, long frame, int length) {
        int limit = Math.min(mtu, peer.mtu());
        int segmentSize = MssClamp.find(frame, length, limit);
        if (segmentSize >= 0) {
            boolean partial = inner.parse(frame, length) && inner.partialChecksum();
            MssClamp.lower(frame, length, segmentSize, limit, partial);
            traffic.increment(lane, Traffic.MSS_CLAMPED);
        }
    }

    /** Takes a probe or an answer to one, which is for no bridge. */
    private boolean isProbe(PeerPath peer, long frame, int length) {
        if (Memory.getMac(frame) != Probe.MAC || !inner.parse(frame, length) || !Probe.is(inner)) {
            return false;
        }
        probes.offer(
                peer,
                Probe.kind(inner) == Probe.KIND_ANSWER,
                Probe.nonce(inner),
                Probe.bytes(inner),
                Probe.takesRemoteChecksum(inner));
        return true;
    }

    private @Nullable Drop admit(PeerPath peer, long datagram, int length) {
        if (length < VXLAN_BYTES + ETHERNET_BYTES) {
            return Drop.RUNT;
        }
        if ((Memory.getByte(datagram) & VXLAN_FLAG_VNI) == 0) {
            int type = Memory.getByte(datagram);
            boolean sealed = type >= SEALED_INITIATION && type <= SEALED_DATA;
            return sealed ? Drop.ENCRYPTED : Drop.NO_VNI;
        }
        if (Memory.getIntBe(datagram + VXLAN_VNI_OFFSET) >>> 8 != vni) {
            return Drop.WRONG_VNI;
        }
        long frame = datagram + VXLAN_BYTES;
        long source = Memory.getMac(frame + ETHERNET_SOURCE);
        if ((source & MAC_GROUP_BIT) != 0) {
            return Drop.GROUP_SOURCE;
        }
        if ((Memory.getMac(frame) & LINK_LOCAL_GROUP_MASK) == LINK_LOCAL_GROUP) {
            return Drop.LINK_LOCAL_GROUP;
        }
        return admitSource(peer, frame, length - VXLAN_BYTES, source);
    }

    /** Nobody speaks for an address of somebody else; what a peer may speak for is learned. */
    private @Nullable Drop admitSource(PeerPath peer, long frame, int length, long source) {
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        boolean arp = type == TYPE_ARP && length >= ARP_FRAME_BYTES && Decision.isArp(frame);
        int subnet = -1;
        if (arp) {
            subnet = table.subnet(Memory.getIntBe(frame + ARP_SENDER_IP));
        } else if (type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES) {
            subnet = table.subnet(Memory.getIntBe(frame + ETHERNET_BYTES + IPV4_SOURCE));
        }
        if (subnet >= 0 && table.owner(subnet) != peer) {
            return Drop.SPOOFED_SOURCE;
        }
        if (type == TYPE_IPV6 && length >= ETHERNET_BYTES + IPV6_BYTES) {
            long address = frame + ETHERNET_BYTES + IPV6_ADDRESSES;
            Forwarding.NeighbourV6 owner =
                    table.neighbourV6(Memory.getLongBe(address), Memory.getLongBe(address + Long.BYTES));
            if (owner != null && owner.peer() != peer) {
                return Drop.SPOOFED_SOURCE;
            }
        }
        if (peer.floods() || arp && subnet >= 0) {
            PeerPath known = table.behind(source);
            if (known != peer) {
                learned.offer(source, peer, arp ? Memory.getIntBe(frame + ARP_SENDER_IP) : 0);
            }
        }
        return null;
    }
}
