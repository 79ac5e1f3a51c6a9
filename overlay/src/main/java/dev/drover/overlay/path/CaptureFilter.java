package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ARP_FRAME_BYTES;
import static dev.drover.overlay.path.Wire.ARP_SENDER_IP;
import static dev.drover.overlay.path.Wire.ARP_TARGET_IP;
import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_DESTINATION;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.TYPE_ARP;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.SocketName;
import java.net.Inet4Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** Which frames a capture is about. Immutable; asked by lanes for each frame while it lasts. */
public final class CaptureFilter {
    private final @Nullable InetAddress peer;
    private final boolean any;
    private final boolean v4;
    private final int address;
    private final long high;
    private final long low;

    /**
     * @param peer tunnel endpoint that a frame comes from or goes to; null for any, and for what goes to none
     * @param container address inside the overlay that sends, receives, or is asked for by ARP; null for any. Frames with
     *     VLAN tags are of no address
     */
    public CaptureFilter(@Nullable InetAddress peer, @Nullable InetAddress container) {
        this.peer = peer;
        any = container == null;
        v4 = container instanceof Inet4Address;
        high = container == null || v4 ? 0 : SocketName.high(container);
        low = container == null || v4 ? 0 : SocketName.low(container);
        address = container instanceof Inet4Address inet ? Cidr.toInt(inet) : 0;
    }

    boolean isOf(@Nullable PeerPath other) {
        return peer == null || other != null && other.vtep().equals(peer);
    }

    /** @param frame of at least an Ethernet header */
    boolean isOf(long frame, int length) {
        if (any) {
            return true;
        }
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        long ip = frame + ETHERNET_BYTES;
        if (type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES) {
            return v4
                    && (Memory.getIntBe(ip + IPV4_SOURCE) == address
                            || Memory.getIntBe(ip + IPV4_DESTINATION) == address);
        }
        if (type == TYPE_ARP && length >= ARP_FRAME_BYTES) {
            return v4
                    && (Memory.getIntBe(frame + ARP_SENDER_IP) == address
                            || Memory.getIntBe(frame + ARP_TARGET_IP) == address);
        }
        return type == TYPE_IPV6
                && length >= ETHERNET_BYTES + IPV6_BYTES
                && !v4
                && (isV6(ip + IPV6_ADDRESSES) || isV6(ip + IPV6_ADDRESSES + 2 * Long.BYTES));
    }

    private boolean isV6(long at) {
        return Memory.getLongBe(at) == high && Memory.getLongBe(at + Long.BYTES) == low;
    }
}
