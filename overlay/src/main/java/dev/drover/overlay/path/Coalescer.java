package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_CHECKSUM;
import static dev.drover.overlay.path.Wire.IPV4_DONT_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_ID;
import static dev.drover.overlay.path.Wire.IPV4_LENGTH;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_LENGTH;
import static dev.drover.overlay.path.Wire.MAX_IP_BYTES;
import static dev.drover.overlay.path.Wire.MAX_SEGMENTS;
import static dev.drover.overlay.path.Wire.TCP_ACK;
import static dev.drover.overlay.path.Wire.TCP_BYTES;
import static dev.drover.overlay.path.Wire.TCP_FLAGS;
import static dev.drover.overlay.path.Wire.TCP_PSH;
import static dev.drover.overlay.path.Wire.TCP_SEQUENCE;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;
import static dev.drover.overlay.path.Wire.UDP_LENGTH;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;

/**
 * Joins consecutive TCP packets or UDP datagrams of one flow into one super-frame for the TAP, payloads where they are.
 * They are joined only when cutting the result again gives the same packets: same headers but for lengths, sequence and
 * checksums, every one full but the last, PSH on the last only; identifications of packets that may not be fragmented have
 * no meaning (RFC 6864). Joined packets get their checksum completed by whoever needs it, so each has been verified before; a
 * packet that is passed alone keeps its own, or stays unfinished as it came. Anything else passes verbatim, in order.
 *
 * <p>Owned by one lane; frames are borrowed, and their headers changed, until {@link #flush}.
 */
final class Coalescer {
    private final TapWriter tap;
    private final boolean joinsDatagrams;
    private final int lane;
    private final CounterSet<Traffic> traffic;
    private Inner head = new Inner();
    private Inner next = new Inner();
    private int count;
    private int segmentSize;
    private int payloadLength;
    private int nextSequence;
    private int nextId;
    private boolean headVerified;
    private boolean sealed;

    /** @param joinsDatagrams the TAP takes super-frames of UDP (Linux 6.2) */
    Coalescer(TapWriter tap, boolean joinsDatagrams, int lane, CounterSet<Traffic> traffic) {
        this.tap = tap;
        this.joinsDatagrams = joinsDatagrams;
        this.lane = lane;
        this.traffic = traffic;
    }

    /**
     * Takes a frame of at least an Ethernet header.
     *
     * @param unfinished checksum, as {@link RemoteChecksum#of} tells it; where the headers say the same it is left to the
     *     container's kernel
     */
    void add(long frame, int length, int unfinished) {
        if (!next.parse(frame, length)) {
            flush();
            if (unfinished != RemoteChecksum.NONE) {
                RemoteChecksum.finish(frame, length, unfinished);
            }
            tap.piece(frame, length);
            tap.write();
        } else if (!joinable(next)) {
            flush();
            single(next);
        } else if (count > 0 && extendsChain()) {
            append();
        } else {
            flush();
            begin();
        }
    }

    /** Writes what is pending. */
    void flush() {
        if (count == 1) {
            single(head);
        } else if (count > 1) {
            superFrame();
        }
        count = 0;
    }

    private boolean joinable(Inner inner) {
        return (inner.tcp ? acknowledges(inner) : joinsDatagrams && isPlain(inner))
                && inner.claimedLength == inner.length
                && inner.length > inner.headers
                && (!inner.v4 || inner.l4 == ETHERNET_BYTES + IPV4_BYTES);
    }

    private static boolean acknowledges(Inner inner) {
        int flags = Memory.getByte(inner.frame + inner.l4 + TCP_FLAGS);
        return (flags & ~TCP_PSH) == TCP_ACK;
    }

    /** With a checksum, since a super-frame cannot say that there is none, and as long as its packet. */
    private static boolean isPlain(Inner datagram) {
        long udp = datagram.frame + datagram.l4;
        return Memory.getShort(udp + UDP_CHECKSUM) != 0
                && Memory.getShortBe(udp + UDP_LENGTH) == datagram.claimedLength - datagram.l4;
    }

    private void begin() {
        Inner swap = head;
        head = next;
        next = swap;
        count = 1;
        segmentSize = head.length - head.headers;
        payloadLength = segmentSize;
        nextSequence = head.tcp ? sequence(head) + segmentSize : 0;
        nextId = Memory.getShortBe(head.frame + ETHERNET_BYTES + IPV4_ID) + 1;
        headVerified = false;
        sealed = pushed(head);
        tap.piece(head.frame, head.length);
    }

    private static int sequence(Inner inner) {
        return Memory.getIntBe(inner.frame + inner.l4 + TCP_SEQUENCE);
    }

    private static boolean pushed(Inner inner) {
        return inner.tcp && (Memory.getByte(inner.frame + inner.l4 + TCP_FLAGS) & TCP_PSH) != 0;
    }

    private boolean extendsChain() {
        int payload = next.length - next.headers;
        if (sealed
                || count == MAX_SEGMENTS
                || payload > segmentSize
                || head.headers - ETHERNET_BYTES + payloadLength + payload > MAX_IP_BYTES
                || head.tcp != next.tcp
                || head.v4 != next.v4
                || head.headers != next.headers
                || !(head.v4 ? sameIpv4() : sameIpv6())
                || !(head.tcp ? followsTcp() : samePorts())) {
            return false;
        }
        if (!headVerified) {
            headVerified = verified(head);
            sealed = !headVerified;
        }
        return headVerified && verified(next);
    }

    private static boolean verified(Inner inner) {
        boolean ip = !inner.v4 || Checksum.fold(Checksum.add(0, inner.frame + ETHERNET_BYTES, IPV4_BYTES)) == 0xffff;
        return ip && inner.goodChecksum();
    }

    /** Ethernet and IPv4 headers, without length, identification and checksum. */
    private boolean sameIpv4() {
        long a = head.frame;
        long b = next.frame;
        long upper = ETHERNET_BYTES + IPV4_FRAGMENT;
        boolean same = Memory.getLong(a) == Memory.getLong(b)
                && Memory.getLong(a + 8) == Memory.getLong(b + 8)
                && Memory.getInt(a + upper) == Memory.getInt(b + upper)
                && Memory.getLong(a + 26) == Memory.getLong(b + 26);
        int fragment = Memory.getShortBe(b + upper);
        int id = Memory.getShortBe(b + ETHERNET_BYTES + IPV4_ID);
        return same && ((fragment & IPV4_DONT_FRAGMENT) != 0 || id == (nextId & 0xffff));
    }

    /** Ethernet and IPv6 headers, without the length. */
    private boolean sameIpv6() {
        long a = head.frame;
        long b = next.frame;
        return Memory.getLong(a) == Memory.getLong(b)
                && Memory.getLong(a + 8) == Memory.getLong(b + 8)
                && Memory.getShort(a + 16) == Memory.getShort(b + 16)
                && Memory.getShort(a + 20) == Memory.getShort(b + 20)
                && Memory.getLong(a + 22) == Memory.getLong(b + 22)
                && Memory.getLong(a + 30) == Memory.getLong(b + 30)
                && Memory.getLong(a + 38) == Memory.getLong(b + 38)
                && Memory.getLong(a + 46) == Memory.getLong(b + 46);
    }

    private boolean followsTcp() {
        return sequence(next) == nextSequence
                && sameTcp(head.frame + head.l4, next.frame + next.l4, head.headers - head.l4);
    }

    private boolean samePorts() {
        return Memory.getInt(head.frame + head.l4) == Memory.getInt(next.frame + next.l4);
    }

    /** TCP headers with options, without sequence number, flags (looked at before) and checksum. */
    private static boolean sameTcp(long a, long b, int length) {
        if (Memory.getInt(a) != Memory.getInt(b)
                || Memory.getInt(a + 8) != Memory.getInt(b + 8)
                || Memory.getByte(a + 12) != Memory.getByte(b + 12)
                || Memory.getShort(a + 14) != Memory.getShort(b + 14)
                || Memory.getShort(a + 18) != Memory.getShort(b + 18)) {
            return false;
        }
        for (int i = TCP_BYTES; i < length; i += Integer.BYTES) {
            if (Memory.getInt(a + i) != Memory.getInt(b + i)) {
                return false;
            }
        }
        return true;
    }

    private void append() {
        int payload = next.length - next.headers;
        tap.piece(next.frame + next.headers, payload);
        count++;
        payloadLength += payload;
        nextSequence += payload;
        nextId++;
        boolean push = pushed(next);
        sealed = push || payload < segmentSize;
        if (push) {
            long flags = head.frame + head.l4 + TCP_FLAGS;
            Memory.putByte(flags, Memory.getByte(flags) | TCP_PSH);
        }
    }

    private void superFrame() {
        long ip = head.frame + ETHERNET_BYTES;
        int ipBytes = head.headers - ETHERNET_BYTES + payloadLength;
        if (head.v4) {
            Memory.putShortBe(ip + IPV4_LENGTH, ipBytes);
            Memory.putShort(ip + IPV4_CHECKSUM, 0);
            Memory.putShort(ip + IPV4_CHECKSUM, Checksum.finish(Checksum.add(0, ip, IPV4_BYTES)));
        } else {
            Memory.putShortBe(ip + IPV6_LENGTH, ipBytes - IPV6_BYTES);
        }
        int transportBytes = head.headers - head.l4 + payloadLength;
        if (!head.tcp) {
            Memory.putShortBe(head.frame + head.l4 + UDP_LENGTH, transportBytes);
        }
        long pseudo = Inner.pseudoSum(head.frame, head.v4, head.tcp, transportBytes);
        Memory.putShort(head.frame + head.l4 + head.checksumOffset(), Checksum.fold(pseudo));
        tap.writeSuperFrame(head, segmentSize);
        traffic.increment(lane, Traffic.RX_COALESCED);
    }

    /** The head has its piece already. */
    private void single(Inner inner) {
        if (inner == next) {
            tap.piece(inner.frame, inner.length);
        }
        if (inner.partialChecksum()) {
            tap.writePartial(inner);
        } else {
            tap.write();
        }
    }
}
