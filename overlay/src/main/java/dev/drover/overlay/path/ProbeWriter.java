package dev.drover.overlay.path;

import static dev.drover.dataplane.MessageHeader.IOVEC;
import static dev.drover.dataplane.MessageHeader.IOVEC_BYTES;
import static dev.drover.dataplane.MessageHeader.IOVEC_COUNT;
import static dev.drover.dataplane.MessageHeader.IOVEC_LENGTH;
import static dev.drover.dataplane.MessageHeader.NAME;
import static dev.drover.dataplane.MessageHeader.NAME_LENGTH;
import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.SEALED_HEADER_BYTES;
import static dev.drover.overlay.path.Wire.SEALED_OVERHEAD_BYTES;
import static dev.drover.overlay.path.Wire.VNET_GSO_TCPV4;
import static dev.drover.overlay.path.Wire.VXLAN_BYTES;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.MessageHeader;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import org.jspecify.annotations.Nullable;

/**
 * Sends path probes and answers, the way that the containers' packets go: as VXLAN packets, sealed in an encrypted overlay,
 * and as super-frames where such are sent. Owned by the control thread.
 */
public final class ProbeWriter {
    /** Smallest IP packet of a probe. */
    public static final int MIN_BYTES = Probe.IP_AND_TCP_BYTES + Probe.HEADER_BYTES;

    private static final int SUPER_FRAME_SEGMENTS = 2;

    private final int socket;
    private final int lane;
    private final int stream;
    private final boolean sealed;
    private final @Nullable SuperFrameWriter superFrames;
    private final Segmenter shape;
    private final long vxlan;
    private final long frame;
    private final long message;
    private final long name;
    private final long iovec;

    /**
     * @param context whose lane is the control thread's
     * @param socket file descriptor of one that forbids fragmentation
     * @param stream of the control thread in sessions
     * @param sealed the overlay is encrypted
     * @param superFrames of the control thread, null where none are sent
     */
    public ProbeWriter(
            LaneContext context,
            int socket,
            int stream,
            boolean sealed,
            @Nullable SuperFrameWriter superFrames,
            Slab slab) {
        this.socket = socket;
        this.stream = stream;
        this.sealed = sealed;
        this.superFrames = superFrames;
        lane = context.lane();
        vxlan = context.vxlanHeader();
        shape = new Segmenter(vxlan, slab);
        frame = SuperFrameWriter.HEADROOM
                + slab.allocate(SuperFrameWriter.HEADROOM
                        + ETHERNET_BYTES
                        + (long) SUPER_FRAME_SEGMENTS * context.mtu()
                        + SEALED_OVERHEAD_BYTES);
        message = slab.allocate(MessageHeader.BYTES);
        name = slab.allocate(SocketName.BYTES);
        iovec = slab.allocate(IOVEC_BYTES);
        Memory.putLong(message + NAME, name);
        Memory.putLong(message + IOVEC, iovec);
        Memory.putLong(message + IOVEC_COUNT, 1);
    }

    /** TCP payload of a probe whose IP packet has so many bytes. */
    public static int payload(int ipBytes) {
        return ipBytes - Probe.IP_AND_TCP_BYTES;
    }

    /** Sends a packet of {@code ipBytes} inside; false when there is no session to seal it with. */
    public boolean probe(PeerPath peer, int ipBytes, long nonce) {
        int length = Probe.compose(frame, ipBytes, payload(ipBytes), Probe.KIND_PROBE, nonce, 0);
        return send(peer, length);
    }

    /** Tells what came of a probe. */
    public void answer(PeerPath peer, long nonce, int bytes) {
        int length = Probe.compose(frame, MIN_BYTES, Probe.HEADER_BYTES, Probe.KIND_ANSWER, nonce, bytes);
        send(peer, length);
    }

    /**
     * Sends a super-frame of packets of {@code ipBytes}.
     *
     * @return its TCP payload, 0 when none was sent
     */
    public int superFrame(PeerPath peer, int ipBytes, long nonce) {
        SuperFrameWriter writer = superFrames;
        if (writer == null) {
            return 0;
        }
        int segment = payload(ipBytes);
        int total = SUPER_FRAME_SEGMENTS * segment;
        int length = Probe.compose(frame, Probe.IP_AND_TCP_BYTES + total, segment, Probe.KIND_PROBE, nonce, 0);
        Drop drop = shape.prepare(frame, length, VNET_GSO_TCPV4, segment, Probe.L4, ipBytes);
        return drop == null && writer.write(peer, 0, frame, length, VNET_GSO_TCPV4, shape) ? total : 0;
    }

    private boolean send(PeerPath peer, int length) {
        long datagram = frame - VXLAN_BYTES;
        int bytes = VXLAN_BYTES + length;
        Memory.putLong(datagram, vxlan);
        if (sealed) {
            Session session = peer.keyring().sending();
            if (session == null || session.spent(stream)) {
                return false;
            }
            datagram -= SEALED_HEADER_BYTES;
            bytes = session.seal(lane, stream, datagram, bytes);
        }
        peer.name().put(name);
        Memory.putInt(message + NAME_LENGTH, peer.name().length());
        Memory.putLong(iovec, datagram);
        Memory.putLong(iovec + IOVEC_LENGTH, bytes);
        Sys.sendmsg(socket, message, 0); // what the kernel refuses is lost, which is what a probe finds out
        return true;
    }
}
