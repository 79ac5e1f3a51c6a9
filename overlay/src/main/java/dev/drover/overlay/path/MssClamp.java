package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT_MASK;
import static dev.drover.overlay.path.Wire.IPV4_PROTOCOL;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_NEXT_HEADER;
import static dev.drover.overlay.path.Wire.PROTOCOL_TCP;
import static dev.drover.overlay.path.Wire.TCP_BYTES;
import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.TCP_DATA_OFFSET;
import static dev.drover.overlay.path.Wire.TCP_FLAGS;
import static dev.drover.overlay.path.Wire.TCP_SYN;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;

/**
 * Lowers the maximum segment size that a TCP connection is opened with (RFC 9293 section 3.7.1) to what the overlay
 * carries, for ends whose own interface has a larger MTU. Stateless.
 */
final class MssClamp {
    private static final int OPTION_END = 0;
    private static final int OPTION_NOTHING = 1;
    private static final int OPTION_MSS = 2;
    private static final int OPTION_MSS_BYTES = 4;

    private MssClamp() {}

    /** Offset of the segment size in a frame that opens a connection with more than the overlay carries; else -1. */
    static int find(long frame, int length, int mtu) {
        int tcp = tcpOffset(frame, length);
        if (tcp < 0 || (Memory.getByte(frame + tcp + TCP_FLAGS) & TCP_SYN) == 0) {
            return -1;
        }
        int end = tcp + (Memory.getByte(frame + tcp + TCP_DATA_OFFSET) >>> 4 << 2);
        int option = mssOption(frame, tcp + TCP_BYTES, Math.min(end, length));
        return option >= 0 && Memory.getShortBe(frame + option + 2) > most(tcp, mtu) ? option + 2 : -1;
    }

    /**
     * Lowers what {@link #find} has found.
     *
     * @param mtu largest IP packet of the overlay
     * @param partial the checksum field holds the sum of the pseudo-header alone, which has no part in the option
     */
    static void lower(long frame, int length, int field, int mtu, boolean partial) {
        int tcp = tcpOffset(frame, length);
        // RFC 1624, equation 3, on the words that change; the field may lie across two of them
        int first = field & ~1;
        int bytes = field == first ? Short.BYTES : Integer.BYTES;
        int before = Checksum.fold(Checksum.add(0, frame + first, bytes));
        Memory.putShortBe(frame + field, most(tcp, mtu));
        if (!partial) {
            long after = Checksum.add(0, frame + first, bytes);
            int old = Memory.getShort(frame + tcp + TCP_CHECKSUM);
            Memory.putShort(frame + tcp + TCP_CHECKSUM, Checksum.finish((~old & 0xffff) + (~before & 0xffff) + after));
        }
    }

    private static int most(int tcp, int mtu) {
        return mtu - (tcp - ETHERNET_BYTES) - TCP_BYTES;
    }

    /** Offset of the header of a TCP segment that is no fragment and directly in IP; -1 for other frames. */
    private static int tcpOffset(long frame, int length) {
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        long ip = frame + ETHERNET_BYTES;
        int tcp = -1;
        if (type == TYPE_IPV4 && length >= ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES) {
            boolean whole = (Memory.getShortBe(ip + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) == 0;
            if (whole && Memory.getByte(ip + IPV4_PROTOCOL) == PROTOCOL_TCP) {
                tcp = ETHERNET_BYTES + ((Memory.getByte(ip) & 0xf) << 2);
            }
        } else if (type == TYPE_IPV6
                && length >= ETHERNET_BYTES + IPV6_BYTES + TCP_BYTES
                && Memory.getByte(ip + IPV6_NEXT_HEADER) == PROTOCOL_TCP) {
            tcp = ETHERNET_BYTES + IPV6_BYTES;
        }
        return tcp + TCP_BYTES <= length ? tcp : -1;
    }

    private static int mssOption(long frame, int from, int end) {
        int at = from;
        while (at + OPTION_MSS_BYTES <= end) {
            int kind = Memory.getByte(frame + at);
            if (kind == OPTION_END) {
                return -1;
            }
            int bytes = kind == OPTION_NOTHING ? 1 : Memory.getByte(frame + at + 1);
            if (kind == OPTION_MSS) {
                return bytes == OPTION_MSS_BYTES ? at : -1;
            }
            if (bytes == 0) {
                return -1;
            }
            at += bytes;
        }
        return -1;
    }
}
