package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT_MASK;
import static dev.drover.overlay.path.Wire.IPV4_LENGTH;
import static dev.drover.overlay.path.Wire.IPV4_PROTOCOL;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_LENGTH;
import static dev.drover.overlay.path.Wire.IPV6_NEXT_HEADER;
import static dev.drover.overlay.path.Wire.PROTOCOL_TCP;
import static dev.drover.overlay.path.Wire.PROTOCOL_UDP;
import static dev.drover.overlay.path.Wire.TCP_BYTES;
import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.TCP_DATA_OFFSET;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;
import static dev.drover.overlay.path.Wire.UDP_BYTES;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;

/**
 * What the headers of one received frame say, all lengths checked against the frame: TCP or UDP, whole (no fragment),
 * directly in IPv4 or IPv6, without VLAN tags. Reused for every frame of a lane.
 */
final class Inner {
    long frame;
    int length;
    boolean v4;
    boolean tcp;
    /** Offsets from the frame: transport header and payload. */
    int l4;

    int headers;
    /** Bytes of IP packet and Ethernet header; a shorter frame was cut, a longer one padded. */
    int claimedLength;

    /** Parses; false when the frame is anything else, then only {@link #claimedLength} is set (0: not IP). */
    boolean parse(long frame, int length) {
        this.frame = frame;
        this.length = length;
        claimedLength = 0;
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        long ip = frame + ETHERNET_BYTES;
        int protocol;
        if (type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES) {
            v4 = true;
            int version = Memory.getByte(ip);
            int headerBytes = (version & 0xf) << 2;
            claimedLength = ETHERNET_BYTES + Memory.getShortBe(ip + IPV4_LENGTH);
            boolean fragment = (Memory.getShortBe(ip + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) != 0;
            if (version >>> 4 != 4 || headerBytes < IPV4_BYTES || fragment) {
                return false;
            }
            l4 = ETHERNET_BYTES + headerBytes;
            protocol = Memory.getByte(ip + IPV4_PROTOCOL);
        } else if (type == TYPE_IPV6 && length >= ETHERNET_BYTES + IPV6_BYTES) {
            v4 = false;
            claimedLength = ETHERNET_BYTES + IPV6_BYTES + Memory.getShortBe(ip + IPV6_LENGTH);
            l4 = ETHERNET_BYTES + IPV6_BYTES;
            protocol = Memory.getByte(ip + IPV6_NEXT_HEADER);
        } else {
            return false;
        }
        return claimedLength <= length && parseTransport(protocol);
    }

    private boolean parseTransport(int protocol) {
        tcp = protocol == PROTOCOL_TCP;
        if (tcp && l4 + TCP_BYTES <= claimedLength) {
            int bytes = Memory.getByte(frame + l4 + TCP_DATA_OFFSET) >>> 4 << 2;
            headers = l4 + bytes;
            return bytes >= TCP_BYTES && headers <= claimedLength;
        }
        headers = l4 + UDP_BYTES;
        return protocol == PROTOCOL_UDP && headers <= claimedLength;
    }

    int checksumOffset() {
        return tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
    }

    /** Sum of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1) for a transport length. */
    static long pseudoSum(long frame, boolean v4, boolean tcp, int l4Length) {
        long ip = frame + ETHERNET_BYTES;
        long sum = (long) Checksum.word(tcp ? PROTOCOL_TCP : PROTOCOL_UDP) + Checksum.word(l4Length);
        return v4
                ? Checksum.add(sum, ip + IPV4_SOURCE, IPV4_ADDRESSES_BYTES)
                : Checksum.add(sum, ip + IPV6_ADDRESSES, IPV6_ADDRESSES_BYTES);
    }

    /**
     * Whether the checksum field holds the sum of the pseudo-header alone: a sender on the same machine has left the rest
     * to a device that this packet never met (CHECKSUM_PARTIAL of Linux).
     */
    boolean partialChecksum() {
        long sum = pseudoSum(frame, v4, tcp, claimedLength - l4);
        return Memory.getShort(frame + l4 + checksumOffset()) == Checksum.fold(sum);
    }

    /** Whether the transport checksum is right or still partial. */
    boolean goodChecksum() {
        long sum = pseudoSum(frame, v4, tcp, claimedLength - l4);
        return Memory.getShort(frame + l4 + checksumOffset()) == Checksum.fold(sum)
                || Checksum.fold(Checksum.add(sum, frame + l4, claimedLength - l4)) == 0xffff;
    }
}
