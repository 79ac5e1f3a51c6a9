package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_CHECKSUM;
import static dev.drover.overlay.path.Wire.IPV4_ID;
import static dev.drover.overlay.path.Wire.IPV4_LENGTH;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_LENGTH;
import static dev.drover.overlay.path.Wire.MAX_VLAN_TAGS;
import static dev.drover.overlay.path.Wire.PROTOCOL_TCP;
import static dev.drover.overlay.path.Wire.PROTOCOL_UDP;
import static dev.drover.overlay.path.Wire.SEALED_HEADER_BYTES;
import static dev.drover.overlay.path.Wire.TCP_BYTES;
import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.TCP_CWR;
import static dev.drover.overlay.path.Wire.TCP_DATA_OFFSET;
import static dev.drover.overlay.path.Wire.TCP_FIN;
import static dev.drover.overlay.path.Wire.TCP_FLAGS;
import static dev.drover.overlay.path.Wire.TCP_PSH;
import static dev.drover.overlay.path.Wire.TCP_SEQUENCE;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;
import static dev.drover.overlay.path.Wire.TYPE_QINQ;
import static dev.drover.overlay.path.Wire.TYPE_VLAN;
import static dev.drover.overlay.path.Wire.UDP_BYTES;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;
import static dev.drover.overlay.path.Wire.UDP_LENGTH;
import static dev.drover.overlay.path.Wire.VLAN_BYTES;
import static dev.drover.overlay.path.Wire.VNET_GSO_ECN;
import static dev.drover.overlay.path.Wire.VNET_GSO_TCPV4;
import static dev.drover.overlay.path.Wire.VNET_GSO_TCPV6;
import static dev.drover.overlay.path.Wire.VNET_GSO_UDP_L4;
import static dev.drover.overlay.path.Wire.VXLAN_BYTES;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a super-frame of the TAP into packets: headers are stamped from a template, payload stays where it is. What the
 * segments have in common is summed once; each adds its length, sequence number, flags and payload. {@link #prepare}
 * judges the frame, {@link #emit} may then be called for several receivers, and not at all for those that are sent the
 * super-frame whole. Owned by one lane.
 */
final class Segmenter {
    private static final int MAX_HEADERS = TxBatch.HEADER_BYTES - VXLAN_BYTES;

    private final long vxlan;
    private final long template;
    private long frame;
    private boolean stamped;
    private boolean v4;
    private boolean tcp;
    private int l3;
    private int l4;
    private int headers;
    private long payload;
    private int payloadLength;
    private int chunk;
    private boolean cuts;
    private int id;
    private int sequence;
    private int flags;
    private long ipSum;
    private long l4Sum;
    private long pseudoSum;

    /** @param vxlan the VXLAN header as {@link Memory#getLong} reads it */
    Segmenter(long vxlan, Slab slab) {
        this.vxlan = vxlan;
        template = slab.allocate(TxBatch.HEADER_BYTES);
        Memory.putLong(template, vxlan);
    }

    /**
     * Takes a frame with the fields of its vnet header; the frame must stay untouched until the last {@link #emit}.
     *
     * @param mtu of the way; TCP super-frames of senders with a larger one are cut to it
     */
    @Nullable
    Drop prepare(long frame, int length, int gsoType, int gsoSize, int l4Offset, int mtu) {
        int type = gsoType & ~VNET_GSO_ECN;
        if (gsoSize == 0 || !layer3(frame, length) || l4Offset < l3 + (v4 ? IPV4_BYTES : IPV6_BYTES)) {
            return Drop.MALFORMED_OFFLOAD;
        }
        tcp = type == (v4 ? VNET_GSO_TCPV4 : VNET_GSO_TCPV6);
        if (!tcp && type != VNET_GSO_UDP_L4 || l4Offset + (tcp ? TCP_BYTES : UDP_BYTES) > length) {
            return Drop.MALFORMED_OFFLOAD;
        }
        l4 = l4Offset;
        int l4Bytes = tcp ? Memory.getByte(frame + l4 + TCP_DATA_OFFSET) >>> 4 << 2 : UDP_BYTES;
        headers = l4 + l4Bytes;
        if (tcp && l4Bytes < TCP_BYTES || headers >= length || headers > MAX_HEADERS) {
            return Drop.MALFORMED_OFFLOAD;
        }
        int room = mtu - (headers - l3);
        chunk = Math.min(gsoSize, room);
        cuts = chunk < gsoSize;
        if (chunk < 1 || !tcp && chunk < gsoSize) {
            return Drop.OVERSIZE;
        }
        payload = frame + headers;
        payloadLength = length - headers;
        this.frame = frame;
        stamped = false;
        return null;
    }

    private boolean layer3(long frame, int length) {
        int offset = ETHERNET_BYTES;
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        for (int tags = 0; tags < MAX_VLAN_TAGS && (type == TYPE_VLAN || type == TYPE_QINQ); tags++) {
            offset += VLAN_BYTES;
            if (offset + IPV4_BYTES > length) {
                return false;
            }
            type = Memory.getShortBe(frame + offset - 2);
        }
        l3 = offset;
        v4 = type == TYPE_IPV4;
        return v4 || type == TYPE_IPV6;
    }

    private void stamp() {
        stamped = true;
        copyWords(frame, template + VXLAN_BYTES, headers);
        long ip = template + VXLAN_BYTES + l3;
        long transport = template + VXLAN_BYTES + l4;
        ipSum = 0;
        l4Sum = Checksum.word(tcp ? PROTOCOL_TCP : PROTOCOL_UDP);
        if (v4) {
            id = Memory.getShortBe(ip + IPV4_ID);
            Memory.putShort(ip + IPV4_LENGTH, 0);
            Memory.putShort(ip + IPV4_ID, 0);
            Memory.putShort(ip + IPV4_CHECKSUM, 0);
            ipSum = Checksum.add(0, ip, l4 - l3);
            l4Sum = Checksum.add(l4Sum, ip + IPV4_SOURCE, IPV4_ADDRESSES_BYTES);
        } else {
            l4Sum = Checksum.add(l4Sum, ip + IPV6_ADDRESSES, IPV6_ADDRESSES_BYTES);
        }
        pseudoSum = l4Sum;
        if (tcp) {
            sequence = Memory.getIntBe(transport + TCP_SEQUENCE);
            flags = Memory.getByte(transport + TCP_FLAGS);
            Memory.putInt(transport + TCP_SEQUENCE, 0);
            Memory.putByte(transport + TCP_FLAGS, 0);
            Memory.putShort(transport + TCP_CHECKSUM, 0);
        } else {
            Memory.putShort(transport + UDP_LENGTH, 0);
            Memory.putShort(transport + UDP_CHECKSUM, 0);
        }
        l4Sum = Checksum.add(l4Sum, transport, headers - l4);
    }

    /** Whether a receiver finds unfinished checksums: it parses no more than {@link Inner} does. */
    boolean plain() {
        return l3 == ETHERNET_BYTES && l4 == l3 + (v4 ? ipv4Bytes() : IPV6_BYTES);
    }

    private int ipv4Bytes() {
        return (Memory.getByte(frame + l3) & 0xf) << 2;
    }

    /**
     * Adds the segments to {@code batch}; returns how many.
     *
     * @param remoteChecksum leave the checksums, which are {@link #plain}, to the receiver ({@link RemoteChecksum})
     */
    int emit(TxBatch batch, SocketName name, boolean remoteChecksum) {
        if (!stamped) {
            stamp();
        }
        int index = 0;
        if (remoteChecksum) {
            long flagged = RemoteChecksum.header(vxlan, l4, tcp);
            for (int offset = 0; offset < payloadLength; offset += chunk) {
                int bytes = Math.min(chunk, payloadLength - offset);
                long header = batch.header();
                stampUnfinished(header, bytes, offset, index);
                Memory.putLong(header, flagged);
                batch.add(name, header, VXLAN_BYTES + headers, payload + offset, bytes);
                index++;
            }
            return index;
        }
        for (int offset = 0; offset < payloadLength; offset += chunk) {
            int bytes = Math.min(chunk, payloadLength - offset);
            long header = batch.header();
            stampFinished(header, bytes, offset, index);
            batch.add(name, header, VXLAN_BYTES + headers, payload + offset, bytes);
            index++;
        }
        return index;
    }

    /**
     * Seals the segments and adds them to {@code batch}; returns how many. Their checksums stay unfinished where the
     * receiver finds them: the seal covers the payload, and the receiver's kernel completes them where that is needed.
     */
    int emitSealed(TxBatch batch, SocketName name, Session session, int lane, int stream) {
        if (!stamped) {
            stamp();
        }
        boolean plain = plain();
        int index = 0;
        for (int offset = 0; offset < payloadLength; offset += chunk) {
            int bytes = Math.min(chunk, payloadLength - offset);
            long datagram = batch.header();
            long header = datagram + SEALED_HEADER_BYTES;
            if (plain) {
                stampUnfinished(header, bytes, offset, index);
            } else {
                stampFinished(header, bytes, offset, index);
            }
            Memory.copy(payload + offset, header + VXLAN_BYTES + headers, bytes);
            batch.add(name, datagram, session.seal(lane, stream, datagram, VXLAN_BYTES + headers + bytes));
            index++;
        }
        return index;
    }

    /** Writes VXLAN header and headers of a segment with its checksum. */
    private void stampFinished(long header, int bytes, int offset, int index) {
        copyWords(template, header, VXLAN_BYTES + headers);
        finishIp(header + VXLAN_BYTES + l3, bytes, index);
        long sum = Checksum.add(l4Sum + Checksum.word(headers - l4 + bytes), payload + offset, bytes);
        if (tcp) {
            finishTcp(header + VXLAN_BYTES + l4, sum, offset, bytes);
        } else {
            finishUdp(header + VXLAN_BYTES + l4, sum, bytes);
        }
    }

    /** The same with the sum of the pseudo-header in place of the checksum; the payload is not looked at. */
    private void stampUnfinished(long header, int bytes, int offset, int index) {
        copyWords(template, header, VXLAN_BYTES + headers);
        finishIp(header + VXLAN_BYTES + l3, bytes, index);
        long transport = header + VXLAN_BYTES + l4;
        int partial = Checksum.fold(pseudoSum + Checksum.word(headers - l4 + bytes));
        if (tcp) {
            finishTcp(transport, 0, offset, bytes);
            Memory.putShort(transport + TCP_CHECKSUM, partial);
        } else {
            finishUdp(transport, 0, bytes);
            Memory.putShort(transport + UDP_CHECKSUM, partial);
        }
    }

    /** Packets of the frame. */
    int segments() {
        return (payloadLength + chunk - 1) / chunk;
    }

    /** Bytes of all inner frames that {@link #emit} adds. */
    long bytes() {
        return payloadLength + (long) segments() * headers;
    }

    /** Bytes of Ethernet, IP and transport headers. */
    int headers() {
        return headers;
    }

    /** Offset of the IP header in the frame. */
    int l3() {
        return l3;
    }

    /** Offset of the transport header in the frame. */
    int l4() {
        return l4;
    }

    boolean tcp() {
        return tcp;
    }

    /** Whether its packets become smaller than the sender had meant them: the MTU of the overlay is less than his. */
    boolean cuts() {
        return cuts;
    }

    /** Payload bytes of every packet but the last. */
    int chunk() {
        return chunk;
    }

    private void finishIp(long ip, int bytes, int index) {
        if (v4) {
            int total = headers - l3 + bytes;
            int segmentId = id + index & 0xffff;
            Memory.putShortBe(ip + IPV4_LENGTH, total);
            Memory.putShortBe(ip + IPV4_ID, segmentId);
            long sum = ipSum + Checksum.word(total) + Checksum.word(segmentId);
            Memory.putShort(ip + IPV4_CHECKSUM, Checksum.finish(sum));
        } else {
            Memory.putShortBe(ip + IPV6_LENGTH, headers - l3 - IPV6_BYTES + bytes);
        }
    }

    private void finishTcp(long transport, long sum, int offset, int bytes) {
        boolean last = offset + bytes == payloadLength;
        int mask = (last ? 0xff : ~(TCP_FIN | TCP_PSH)) & (offset == 0 ? 0xff : ~TCP_CWR);
        int segmentFlags = flags & mask;
        Memory.putIntBe(transport + TCP_SEQUENCE, sequence + offset);
        Memory.putByte(transport + TCP_FLAGS, segmentFlags);
        long sequenceWords = Memory.getInt(transport + TCP_SEQUENCE) & 0xffff_ffffL;
        int check = Checksum.finish(sum + sequenceWords + Checksum.word(segmentFlags));
        Memory.putShort(transport + TCP_CHECKSUM, check);
    }

    private void finishUdp(long transport, long sum, int bytes) {
        int length = UDP_BYTES + bytes;
        Memory.putShortBe(transport + UDP_LENGTH, length);
        int check = Checksum.finish(sum + Checksum.word(length));
        Memory.putShort(transport + UDP_CHECKSUM, check == 0 ? 0xffff : check);
    }

    /** Copies whole words; both ranges have room for the last one. */
    private static void copyWords(long from, long to, int length) {
        for (int i = 0; i < length; i += Long.BYTES) {
            Memory.putLong(to + i, Memory.getLong(from + i));
        }
    }
}
