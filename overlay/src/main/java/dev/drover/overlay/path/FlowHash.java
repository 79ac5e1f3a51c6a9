package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT_MASK;
import static dev.drover.overlay.path.Wire.IPV4_PROTOCOL;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV4_VERSION_IHL_PLAIN;
import static dev.drover.overlay.path.Wire.IPV6_ADDRESSES;
import static dev.drover.overlay.path.Wire.IPV6_BYTES;
import static dev.drover.overlay.path.Wire.IPV6_NEXT_HEADER;
import static dev.drover.overlay.path.Wire.PROTOCOL_TCP;
import static dev.drover.overlay.path.Wire.PROTOCOL_UDP;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;
import static dev.drover.overlay.path.Wire.TYPE_IPV6;

import dev.drover.dataplane.Memory;

/** A number that is the same for all packets of a flow; picks the outer source port (RFC 7348 section 5). */
final class FlowHash {
    private static final long GOLDEN = 0x9e37_79b9_7f4a_7c15L;
    private static final int PORTS_BYTES = 4;

    private FlowHash() {}

    /** Low bits are well mixed. Fragments of a packet share a hash, because none of them counts its ports. */
    static int of(long frame, int length) {
        int type = Memory.getShortBe(frame + ETHERNET_TYPE);
        long ip = frame + ETHERNET_BYTES;
        int ipLength = length - ETHERNET_BYTES;
        long hash;
        if (type == TYPE_IPV4 && ipLength >= IPV4_BYTES + PORTS_BYTES) {
            hash = Memory.getLong(ip + IPV4_SOURCE);
            boolean whole = (Memory.getShortBe(ip + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK) == 0;
            if (whole && Memory.getByte(ip) == IPV4_VERSION_IHL_PLAIN && hasPorts(Memory.getByte(ip + IPV4_PROTOCOL))) {
                hash = hash * GOLDEN + Memory.getInt(ip + IPV4_BYTES);
            }
        } else if (type == TYPE_IPV6 && ipLength >= IPV6_BYTES + PORTS_BYTES) {
            hash = Memory.getLong(ip + IPV6_ADDRESSES)
                    + Memory.getLong(ip + IPV6_ADDRESSES + 8) * 3
                    + Memory.getLong(ip + IPV6_ADDRESSES + 16) * 5
                    + Memory.getLong(ip + IPV6_ADDRESSES + 24) * 7;
            if (hasPorts(Memory.getByte(ip + IPV6_NEXT_HEADER))) {
                hash = hash * GOLDEN + Memory.getInt(ip + IPV6_BYTES);
            }
        } else {
            hash = Memory.getMac(frame) * GOLDEN + Memory.getMac(frame + Wire.ETHERNET_SOURCE);
        }
        return (int) (hash * GOLDEN >>> Integer.SIZE);
    }

    private static boolean hasPorts(int protocol) {
        return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
    }
}
