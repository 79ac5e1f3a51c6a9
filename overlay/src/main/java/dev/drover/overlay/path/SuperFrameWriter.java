package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_CHECKSUM;
import static dev.drover.overlay.path.Wire.IPV4_DESTINATION;
import static dev.drover.overlay.path.Wire.IPV4_DONT_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_LENGTH;
import static dev.drover.overlay.path.Wire.IPV4_PROTOCOL;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV4_TTL;
import static dev.drover.overlay.path.Wire.IPV4_VERSION_IHL_PLAIN;
import static dev.drover.overlay.path.Wire.MAX_IP_BYTES;
import static dev.drover.overlay.path.Wire.PROTOCOL_UDP;
import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.UDP_BYTES;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;
import static dev.drover.overlay.path.Wire.UDP_DESTINATION;
import static dev.drover.overlay.path.Wire.UDP_LENGTH;
import static dev.drover.overlay.path.Wire.VNET_CSUM_OFFSET;
import static dev.drover.overlay.path.Wire.VNET_CSUM_START;
import static dev.drover.overlay.path.Wire.VNET_FLAGS;
import static dev.drover.overlay.path.Wire.VNET_GSO_SIZE;
import static dev.drover.overlay.path.Wire.VNET_GSO_TUNNEL_IPV4;
import static dev.drover.overlay.path.Wire.VNET_GSO_TYPE;
import static dev.drover.overlay.path.Wire.VNET_HEADERS;
import static dev.drover.overlay.path.Wire.VNET_INNER_L3;
import static dev.drover.overlay.path.Wire.VNET_NEEDS_CSUM;
import static dev.drover.overlay.path.Wire.VNET_OUTER_L4;
import static dev.drover.overlay.path.Wire.VNET_TUNNEL_CSUM;
import static dev.drover.overlay.path.Wire.VXLAN_BYTES;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.Tap;

/**
 * Sends a super-frame as one VXLAN packet of up to 64 KB: the outer headers are put in front of the frame where it is,
 * with the sums of both checksums begun, and the whole is written once to a tunnel TAP. The kernel cuts and completes it
 * as late as the underlay allows; what is on the wire are packets of RFC 7348 as any. Nothing of the payload is touched.
 *
 * <pre>
 *  | vnet header 24 | Ethernet 14 | IPv4 20 | UDP 8 | VXLAN 8 | inner frame … |
 * </pre>
 *
 * Owned by one lane.
 */
public final class SuperFrameWriter {
    private static final int OUTER_IP = ETHERNET_BYTES;
    private static final int OUTER_UDP = OUTER_IP + IPV4_BYTES;
    private static final int OUTER_VXLAN = OUTER_UDP + UDP_BYTES;

    /** Bytes of outer headers. */
    public static final int OUTER_BYTES = OUTER_VXLAN + VXLAN_BYTES;

    /** Bytes in front of a frame that are written over. */
    public static final int HEADROOM = Tap.TUNNEL_HEADER_BYTES + OUTER_BYTES;

    private static final int TTL = 64;

    private final int tap;
    private final int[] sourcePorts;
    private final long template;
    private final long ipSum;
    private final long udpSum;

    /**
     * @param tap file descriptor of the tunnel TAP's queue, non-blocking
     * @param source underlay address of this host, host order
     * @param sourcePorts those of the lane's sockets, so that all packets of a flow have the same
     */
    public SuperFrameWriter(LaneContext context, int tap, int source, int[] sourcePorts, Slab slab) {
        this.tap = tap;
        this.sourcePorts = sourcePorts.clone();
        template = slab.allocate(HEADROOM);
        long ip = template + OUTER_IP;
        Memory.putShortBe(template + ETHERNET_TYPE, TYPE_IPV4);
        Memory.putByte(ip, IPV4_VERSION_IHL_PLAIN);
        Memory.putShortBe(ip + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT);
        Memory.putByte(ip + IPV4_TTL, TTL);
        Memory.putByte(ip + IPV4_PROTOCOL, PROTOCOL_UDP);
        Memory.putIntBe(ip + IPV4_SOURCE, source);
        Memory.putLong(template + OUTER_VXLAN, context.vxlanHeader());
        ipSum = Checksum.add(0, ip, IPV4_BYTES);
        udpSum = Checksum.add(Checksum.word(PROTOCOL_UDP), ip + IPV4_SOURCE, IPV4_ADDRESSES_BYTES);
    }

    /**
     * Sends the frame that {@code shape} has judged.
     *
     * @param frame with {@link #HEADROOM} bytes before it
     * @param gsoType of its vnet header
     * @param socket index of the one that sends the flow's other packets
     * @return whether the kernel took it; if not, the frame is as it was
     */
    boolean write(PeerPath peer, int socket, long frame, int length, int gsoType, Segmenter shape) {
        int udpLength = UDP_BYTES + VXLAN_BYTES + length;
        int ipLength = IPV4_BYTES + udpLength;
        if (ipLength > MAX_IP_BYTES) {
            return false;
        }
        long outer = frame - OUTER_BYTES;
        Memory.copy(template, outer, OUTER_BYTES);
        long ip = outer + OUTER_IP;
        long udp = outer + OUTER_UDP;
        int destination = Integer.reverseBytes(peer.address());
        long destinationSum = Integer.toUnsignedLong(destination);
        Memory.putInt(ip + IPV4_DESTINATION, destination);
        Memory.putShortBe(ip + IPV4_LENGTH, ipLength);
        Memory.putShort(ip + IPV4_CHECKSUM, Checksum.finish(ipSum + destinationSum + Checksum.word(ipLength)));
        Memory.putShortBe(udp, sourcePorts[socket]);
        Memory.putShortBe(udp + UDP_DESTINATION, peer.port());
        Memory.putShortBe(udp + UDP_LENGTH, udpLength);
        Memory.putShort(udp + UDP_CHECKSUM, Checksum.fold(udpSum + destinationSum + Checksum.word(udpLength)));
        long vnet = outer - Tap.TUNNEL_HEADER_BYTES;
        vnet(vnet, gsoType, shape);
        return Sys.write(tap, vnet, HEADROOM + length) >= 0;
    }

    private static void vnet(long vnet, int gsoType, Segmenter shape) {
        Memory.putLong(vnet, 0);
        Memory.putLong(vnet + 8, 0);
        Memory.putLong(vnet + 16, 0);
        Memory.putByte(vnet + VNET_FLAGS, VNET_NEEDS_CSUM | VNET_TUNNEL_CSUM);
        Memory.putByte(vnet + VNET_GSO_TYPE, gsoType | VNET_GSO_TUNNEL_IPV4);
        Memory.putShort(vnet + VNET_HEADERS, OUTER_BYTES + shape.headers());
        Memory.putShort(vnet + VNET_GSO_SIZE, shape.chunk());
        Memory.putShort(vnet + VNET_CSUM_START, OUTER_BYTES + shape.l4());
        Memory.putShort(vnet + VNET_CSUM_OFFSET, shape.tcp() ? TCP_CHECKSUM : UDP_CHECKSUM);
        Memory.putShort(vnet + VNET_OUTER_L4, OUTER_UDP);
        Memory.putShort(vnet + VNET_INNER_L3, OUTER_BYTES + shape.l3());
    }
}
