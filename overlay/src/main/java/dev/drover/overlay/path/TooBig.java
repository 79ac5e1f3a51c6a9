package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_SOURCE;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
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
import static dev.drover.overlay.path.Wire.MAC_GROUP_BIT;
import static dev.drover.overlay.path.Wire.PROTOCOL_ICMPV6;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;

/**
 * Builds the answer to a packet that is larger than the overlay's MTU and may not be cut: fragmentation needed
 * (RFC 792, RFC 1191 section 4) or packet too big (RFC 4443 section 3.2), in the name of the packet's destination, since
 * a tunnel has no address that the sender would know.
 */
final class TooBig {
    /** Most bytes of an answer. */
    static final int MAX_BYTES = ETHERNET_BYTES + IPV6_BYTES + 8 + IPV6_BYTES + 8;

    private static final int ICMP_BYTES = 8;
    /** Of the transport header, which name the ports: enough for every stack to find the connection. */
    private static final int QUOTED_BYTES = 8;

    private static final int PROTOCOL_ICMP = 1;
    private static final int ICMP_ECHO_REPLY = 0;
    private static final int ICMP_ECHO = 8;
    private static final int ICMPV6_INFORMATIONAL = 128;
    private static final int FRAGMENTATION_NEEDED = 0x0304;
    private static final int PACKET_TOO_BIG = 0x0200;
    private static final int FRAGMENT_OFFSET_MASK = 0x1fff;
    private static final int TTL = 64;

    private TooBig() {}

    /**
     * Writes the answer for {@code frame}, which is longer than {@link #MAX_BYTES}, to {@code reply}.
     *
     * @param mtu that the sender is to keep to
     * @return its length; 0 when there is none: the packet may be cut, or is one that is not to be answered
     *     (RFC 1122 section 3.2.2)
     */
    static int answer(long frame, long reply, int mtu) {
        boolean group = ((Memory.getMac(frame) | Memory.getMac(frame + ETHERNET_SOURCE)) & MAC_GROUP_BIT) != 0;
        if (group) {
            return 0;
        }
        return switch (Memory.getShortBe(frame + ETHERNET_TYPE)) {
            case TYPE_IPV4 -> v4(frame, reply, mtu);
            case TYPE_IPV6 -> v6(frame, reply, mtu);
            default -> 0;
        };
    }

    private static int v4(long frame, long reply, int mtu) {
        long packet = frame + ETHERNET_BYTES;
        int fragment = Memory.getShortBe(packet + IPV4_FRAGMENT);
        if (Memory.getByte(packet) != IPV4_VERSION_IHL_PLAIN
                || (fragment & IPV4_DONT_FRAGMENT) == 0
                || (fragment & FRAGMENT_OFFSET_MASK) != 0
                || Memory.getByte(packet + IPV4_PROTOCOL) == PROTOCOL_ICMP
                        && !isEcho(Memory.getByte(packet + IPV4_BYTES))) {
            return 0;
        }
        ethernet(frame, reply, TYPE_IPV4);
        long ip = reply + ETHERNET_BYTES;
        long icmp = ip + IPV4_BYTES;
        int quoted = IPV4_BYTES + QUOTED_BYTES;
        Memory.clear(ip, IPV4_BYTES + ICMP_BYTES);
        Memory.putByte(ip, IPV4_VERSION_IHL_PLAIN);
        Memory.putShortBe(ip + IPV4_LENGTH, IPV4_BYTES + ICMP_BYTES + quoted);
        Memory.putByte(ip + IPV4_TTL, TTL);
        Memory.putByte(ip + IPV4_PROTOCOL, PROTOCOL_ICMP);
        Memory.putInt(ip + IPV4_SOURCE, Memory.getInt(packet + IPV4_DESTINATION));
        Memory.putInt(ip + IPV4_DESTINATION, Memory.getInt(packet + IPV4_SOURCE));
        Memory.putShort(ip + IPV4_CHECKSUM, Checksum.finish(Checksum.add(0, ip, IPV4_BYTES)));
        Memory.putShortBe(icmp, FRAGMENTATION_NEEDED);
        Memory.putShortBe(icmp + 6, mtu);
        Memory.copy(packet, icmp + ICMP_BYTES, quoted);
        Memory.putShort(icmp + 2, Checksum.finish(Checksum.add(0, icmp, ICMP_BYTES + quoted)));
        return ETHERNET_BYTES + IPV4_BYTES + ICMP_BYTES + quoted;
    }

    private static int v6(long frame, long reply, int mtu) {
        long packet = frame + ETHERNET_BYTES;
        if (Memory.getByte(packet + IPV6_NEXT_HEADER) == PROTOCOL_ICMPV6
                && Memory.getByte(packet + IPV6_BYTES) < ICMPV6_INFORMATIONAL) {
            return 0;
        }
        ethernet(frame, reply, TYPE_IPV6);
        long ip = reply + ETHERNET_BYTES;
        long icmp = ip + IPV6_BYTES;
        int quoted = IPV6_BYTES + QUOTED_BYTES;
        Memory.clear(ip, IPV6_BYTES + ICMP_BYTES);
        Memory.putByte(ip, IPV6_VERSION);
        Memory.putShortBe(ip + IPV6_LENGTH, ICMP_BYTES + quoted);
        Memory.putByte(ip + IPV6_NEXT_HEADER, PROTOCOL_ICMPV6);
        Memory.putByte(ip + IPV6_HOP_LIMIT, TTL);
        int half = IPV6_ADDRESSES_BYTES / 2;
        Memory.copy(packet + IPV6_ADDRESSES + half, ip + IPV6_ADDRESSES, half);
        Memory.copy(packet + IPV6_ADDRESSES, ip + IPV6_ADDRESSES + half, half);
        Memory.putShortBe(icmp, PACKET_TOO_BIG);
        Memory.putIntBe(icmp + 4, mtu);
        Memory.copy(packet, icmp + ICMP_BYTES, quoted);
        long pseudo = Checksum.add(
                (long) Checksum.word(PROTOCOL_ICMPV6) + Checksum.word(ICMP_BYTES + quoted),
                ip + IPV6_ADDRESSES,
                IPV6_ADDRESSES_BYTES);
        Memory.putShort(icmp + 2, Checksum.finish(Checksum.add(pseudo, icmp, ICMP_BYTES + quoted)));
        return ETHERNET_BYTES + IPV6_BYTES + ICMP_BYTES + quoted;
    }

    private static boolean isEcho(int type) {
        return type == ICMP_ECHO || type == ICMP_ECHO_REPLY;
    }

    private static void ethernet(long frame, long reply, int type) {
        Memory.putMac(reply, Memory.getMac(frame + ETHERNET_SOURCE));
        Memory.putMac(reply + ETHERNET_SOURCE, Memory.getMac(frame));
        Memory.putShortBe(reply + ETHERNET_TYPE, type);
    }
}
