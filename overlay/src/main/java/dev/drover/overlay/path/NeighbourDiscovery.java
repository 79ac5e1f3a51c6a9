package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_SOURCE;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_HOP_LIMIT;
import static dev.drover.overlay.path.Wire.IPV6_LENGTH;
import static dev.drover.overlay.path.Wire.IPV6_NEXT_HEADER;
import static dev.drover.overlay.path.Wire.IPV6_VERSION;
import static dev.drover.overlay.path.Wire.ND_ADVERTISEMENT;
import static dev.drover.overlay.path.Wire.ND_BYTES;
import static dev.drover.overlay.path.Wire.ND_HOP_LIMIT;
import static dev.drover.overlay.path.Wire.ND_SOLICITATION;
import static dev.drover.overlay.path.Wire.ND_TARGET;
import static dev.drover.overlay.path.Wire.PROTOCOL_ICMPV6;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;

/** Solicitations for neighbours, and advertisements in the name of those that are known (RFC 4861 section 7.2). */
final class NeighbourDiscovery {
    private static final int OPTION_TARGET_LINK_ADDRESS = 2;
    private static final int OPTION_BYTES = 8;
    private static final int SOLICITED_AND_OVERRIDE = 0x60;
    private static final int FLAGS = 4;
    private static final int ADDRESS_BYTES = IPV6_ADDRESSES_BYTES / 2;
    private static final int ICMP = ETHERNET_BYTES + IPV6_BYTES;

    /** Bytes of an advertisement's frame. */
    static final int ADVERTISEMENT_BYTES = ICMP + ND_BYTES + OPTION_BYTES;

    private NeighbourDiscovery() {}

    /**
     * Whether a frame with an IPv6 header asks for a neighbour and may be answered: valid by RFC 4861 section 7.1.1, and not
     * the detection of a duplicate (RFC 4862 section 5.4), which comes from the unspecified address.
     */
    static boolean isSolicitation(long frame, int length) {
        long ip = frame + ETHERNET_BYTES;
        int icmpBytes = Memory.getShortBe(ip + IPV6_LENGTH);
        if (Memory.getByte(ip + IPV6_NEXT_HEADER) != PROTOCOL_ICMPV6
                || Memory.getByte(ip + IPV6_HOP_LIMIT) != ND_HOP_LIMIT
                || icmpBytes < ND_BYTES
                || ICMP + icmpBytes > length
                || Memory.getShortBe(frame + ICMP) != ND_SOLICITATION << 8) {
            return false;
        }
        boolean unspecified = (Memory.getLong(ip + IPV6_ADDRESSES) | Memory.getLong(ip + IPV6_ADDRESSES + 8)) == 0;
        return !unspecified && Checksum.fold(sum(frame, icmpBytes)) == 0xffff;
    }

    /** Upper half of the address that a solicitation asks for. */
    static long targetHigh(long frame) {
        return Memory.getLongBe(frame + ICMP + ND_TARGET);
    }

    static long targetLow(long frame) {
        return Memory.getLongBe(frame + ICMP + ND_TARGET + Long.BYTES);
    }

    /** Writes {@link #ADVERTISEMENT_BYTES} to {@code reply}: what the target itself would answer, with this MAC address. */
    static void advertise(long solicitation, long reply, long mac) {
        Memory.putMac(reply, Memory.getMac(solicitation + ETHERNET_SOURCE));
        Memory.putMac(reply + ETHERNET_SOURCE, mac);
        Memory.putShortBe(reply + ETHERNET_TYPE, TYPE_IPV6);
        long ip = reply + ETHERNET_BYTES;
        Memory.clear(ip, IPV6_BYTES + ND_BYTES + OPTION_BYTES);
        Memory.putByte(ip, IPV6_VERSION);
        Memory.putShortBe(ip + IPV6_LENGTH, ND_BYTES + OPTION_BYTES);
        Memory.putByte(ip + IPV6_NEXT_HEADER, PROTOCOL_ICMPV6);
        Memory.putByte(ip + IPV6_HOP_LIMIT, ND_HOP_LIMIT);
        long asked = solicitation + ICMP + ND_TARGET;
        long asker = solicitation + ETHERNET_BYTES + IPV6_ADDRESSES;
        Memory.copy(asked, ip + IPV6_ADDRESSES, ADDRESS_BYTES);
        Memory.copy(asker, ip + IPV6_ADDRESSES + ADDRESS_BYTES, ADDRESS_BYTES);
        long icmp = reply + ICMP;
        Memory.putByte(icmp, ND_ADVERTISEMENT);
        Memory.putByte(icmp + FLAGS, SOLICITED_AND_OVERRIDE);
        Memory.copy(asked, icmp + ND_TARGET, ADDRESS_BYTES);
        Memory.putByte(icmp + ND_BYTES, OPTION_TARGET_LINK_ADDRESS);
        Memory.putByte(icmp + ND_BYTES + 1, 1);
        Memory.putMac(icmp + ND_BYTES + 2, mac);
        Memory.putShort(icmp + 2, Checksum.finish(sum(reply, ND_BYTES + OPTION_BYTES)));
    }

    private static long sum(long frame, int icmpBytes) {
        long pseudo = Checksum.add(
                (long) Checksum.word(PROTOCOL_ICMPV6) + Checksum.word(icmpBytes),
                frame + ETHERNET_BYTES + IPV6_ADDRESSES,
                IPV6_ADDRESSES_BYTES);
        return Checksum.add(pseudo, frame + ICMP, icmpBytes);
    }
}
