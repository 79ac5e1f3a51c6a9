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
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_HOP_LIMIT;
import static dev.drover.overlay.path.Wire.IPV6_LENGTH;
import static dev.drover.overlay.path.Wire.IPV6_NEXT_HEADER;
import static dev.drover.overlay.path.Wire.IPV6_VERSION;
import static dev.drover.overlay.path.Wire.MAX_IP_BYTES;
import static dev.drover.overlay.path.Wire.PROTOCOL_UDP;
import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;
import static dev.drover.overlay.path.Wire.UDP_BYTES;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;
import static dev.drover.overlay.path.Wire.UDP_DESTINATION;
import static dev.drover.overlay.path.Wire.UDP_LENGTH;
import static dev.drover.overlay.path.Wire.VNET_CSUM_OFFSET;
import static dev.drover.overlay.path.Wire.VNET_CSUM_START;
import static dev.drover.overlay.path.Wire.VNET_FLAGS;
import static dev.drover.overlay.path.Wire.VNET_GSO_SIZE;
import static dev.drover.overlay.path.Wire.VNET_GSO_TUNNEL_IPV4;
import static dev.drover.overlay.path.Wire.VNET_GSO_TUNNEL_IPV6;
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
import java.net.Inet4Address;
import java.net.InetAddress;

/**
 * Sends a super-frame as one VXLAN packet of up to 64 KB: the outer headers are put in front of the frame where it is,
 * with the sums of both checksums begun, and the whole is written once to a tunnel TAP. The kernel cuts and completes it
 * as late as the underlay allows; what is on the wire are packets of RFC 7348 as any. Nothing of the payload is touched.
 *
 * <pre>
 *  | vnet header 24 | Ethernet 14 | IPv4 20 or IPv6 40 | UDP 8 | VXLAN 8 | inner frame … |
 * </pre>
 *
 * Owned by one lane.
 */
public final class SuperFrameWriter {
    private static final int OUTER_IP = ETHERNET_BYTES;
    private static final int BEHIND_IP_BYTES = UDP_BYTES + VXLAN_BYTES;

    /** Bytes in front of a frame that may be written over, and some more so that its IP header is aligned. */
    public static final int HEADROOM = Tap.TUNNEL_HEADER_BYTES + OUTER_IP + IPV6_BYTES + BEHIND_IP_BYTES + 4;

    private static final int TTL = 64;

    private final int tap;
    private final int[] sourcePorts;
    private final boolean v4;
    private final int outerUdp;
    private final int outerBytes;
    private final long template;
    private final long ipSum;
    private final long udpSum;

    /**
     * @param tap file descriptor of the tunnel TAP's queue, non-blocking
     * @param source underlay address of this host; that of a peer has the same family
     * @param sourcePorts those of the lane's sockets, so that all packets of a flow have the same
     */
    public SuperFrameWriter(LaneContext context, int tap, InetAddress source, int[] sourcePorts, Slab slab) {
        this.tap = tap;
        this.sourcePorts = sourcePorts.clone();
        v4 = source instanceof Inet4Address;
        outerUdp = OUTER_IP + (v4 ? IPV4_BYTES : IPV6_BYTES);
        outerBytes = outerUdp + BEHIND_IP_BYTES;
        template = slab.allocate(outerBytes);
        long ip = template + OUTER_IP;
        Memory.putShortBe(template + ETHERNET_TYPE, v4 ? TYPE_IPV4 : TYPE_IPV6);
        Memory.copyIn(source.getAddress(), ip + (v4 ? IPV4_SOURCE : IPV6_ADDRESSES));
        if (v4) {
            Memory.putByte(ip, IPV4_VERSION_IHL_PLAIN);
            Memory.putShortBe(ip + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT);
            Memory.putByte(ip + IPV4_TTL, TTL);
            Memory.putByte(ip + IPV4_PROTOCOL, PROTOCOL_UDP);
        } else {
            Memory.putByte(ip, IPV6_VERSION);
            Memory.putByte(ip + IPV6_NEXT_HEADER, PROTOCOL_UDP);
            Memory.putByte(ip + IPV6_HOP_LIMIT, TTL);
        }
        Memory.putLong(template + outerUdp + UDP_BYTES, context.vxlanHeader());
        ipSum = v4 ? Checksum.add(0, ip, IPV4_BYTES) : 0;
        udpSum = v4
                ? Checksum.add(Checksum.word(PROTOCOL_UDP), ip + IPV4_SOURCE, IPV4_ADDRESSES_BYTES)
                : Checksum.add(Checksum.word(PROTOCOL_UDP), ip + IPV6_ADDRESSES, IPV6_ADDRESSES_BYTES);
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
        int udpLength = BEHIND_IP_BYTES + length;
        if (udpLength + (v4 ? IPV4_BYTES : 0) > MAX_IP_BYTES) {
            return false;
        }
        long outer = frame - outerBytes;
        Memory.copy(template, outer, outerBytes);
        long ip = outer + OUTER_IP;
        long udp = outer + outerUdp;
        long destinationSum = v4 ? addressV4(ip, peer, udpLength) : addressV6(ip, peer, udpLength);
        Memory.putShortBe(udp, sourcePorts[socket]);
        Memory.putShortBe(udp + UDP_DESTINATION, peer.port());
        Memory.putShortBe(udp + UDP_LENGTH, udpLength);
        Memory.putShort(udp + UDP_CHECKSUM, Checksum.fold(udpSum + destinationSum + Checksum.word(udpLength)));
        long vnet = outer - Tap.TUNNEL_HEADER_BYTES;
        vnet(vnet, gsoType, shape);
        return Sys.write(tap, vnet, Tap.TUNNEL_HEADER_BYTES + outerBytes + length) >= 0;
    }

    /** Completes the IP header; returns the sum of the destination address. */
    private long addressV4(long ip, PeerPath peer, int udpLength) {
        int ipLength = IPV4_BYTES + udpLength;
        Memory.putIntBe(ip + IPV4_DESTINATION, (int) peer.low());
        Memory.putShortBe(ip + IPV4_LENGTH, ipLength);
        long sum = Checksum.add(0, ip + IPV4_DESTINATION, Integer.BYTES);
        Memory.putShort(ip + IPV4_CHECKSUM, Checksum.finish(ipSum + sum + Checksum.word(ipLength)));
        return sum;
    }

    private static long addressV6(long ip, PeerPath peer, int udpLength) {
        long destination = ip + IPV6_ADDRESSES + IPV6_ADDRESSES_BYTES / 2;
        Memory.putLong(destination, Long.reverseBytes(peer.high()));
        Memory.putLong(destination + Long.BYTES, Long.reverseBytes(peer.low()));
        Memory.putShortBe(ip + IPV6_LENGTH, udpLength);
        return Checksum.add(0, destination, 2 * Long.BYTES);
    }

    private void vnet(long vnet, int gsoType, Segmenter shape) {
        Memory.putLong(vnet, 0);
        Memory.putLong(vnet + 8, 0);
        Memory.putLong(vnet + 16, 0);
        Memory.putByte(vnet + VNET_FLAGS, VNET_NEEDS_CSUM | VNET_TUNNEL_CSUM);
        Memory.putByte(vnet + VNET_GSO_TYPE, gsoType | (v4 ? VNET_GSO_TUNNEL_IPV4 : VNET_GSO_TUNNEL_IPV6));
        Memory.putShort(vnet + VNET_HEADERS, outerBytes + shape.headers());
        Memory.putShort(vnet + VNET_GSO_SIZE, shape.chunk());
        Memory.putShort(vnet + VNET_CSUM_START, outerBytes + shape.l4());
        Memory.putShort(vnet + VNET_CSUM_OFFSET, shape.tcp() ? TCP_CHECKSUM : UDP_CHECKSUM);
        Memory.putShort(vnet + VNET_OUTER_L4, outerUdp);
        Memory.putShort(vnet + VNET_INNER_L3, outerBytes + shape.l3());
    }
}
