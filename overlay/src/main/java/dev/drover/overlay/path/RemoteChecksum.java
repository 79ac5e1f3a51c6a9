package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.UDP_CHECKSUM;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;

/**
 * Remote checksum offload of VXLAN (draft-herbert-vxlan-rco-00; Linux {@code include/net/vxlan.h}): a flag says that the
 * checksum inside holds the sum of the pseudo-header alone, for the receiver to finish where it is needed at all. On the
 * way the outer UDP checksum, which covers the packet inside as well, takes its place.
 *
 * <pre>
 *  |R|R|R|R|I|R|R|R|R|R|C|              reserved                 |
 *  |         VXLAN network identifier (VNI)        |O| csum start |  C: there is one; start / 2 from the inner frame;
 *                                                                    O: of UDP, else of TCP
 * </pre>
 */
final class RemoteChecksum {
    /** Of {@link #of}: the packet is complete. */
    static final int NONE = 0;

    private static final int FLAGS = 1;
    private static final int FLAG = 0x20;
    private static final int FIELD = 7;
    private static final int UDP = 0x80;
    private static final int START = 0x7f;
    private static final int PRESENT = 0x100;

    private RemoteChecksum() {}

    /**
     * A VXLAN header for a packet that is left unfinished.
     *
     * @param vxlan header without the flag, as {@link Memory#getLong} reads it
     * @param start of the transport header in the frame: even, at most 254
     */
    static long header(long vxlan, int start, boolean tcp) {
        int field = start >>> 1 | (tcp ? 0 : UDP);
        return vxlan | (long) FLAG << FLAGS * Byte.SIZE | (long) field << FIELD * Byte.SIZE;
    }

    /** What a datagram of at least a VXLAN header says is unfinished: for {@link #finish}, or {@link #NONE}. */
    static int of(long datagram) {
        return (Memory.getByte(datagram + FLAGS) & FLAG) == 0 ? NONE : PRESENT | Memory.getByte(datagram + FIELD);
    }

    /** Finishes the checksum of a frame where it says to; leaves one alone that has no such place. */
    static void finish(long frame, int length, int unfinished) {
        int start = (unfinished & START) << 1;
        boolean udp = (unfinished & UDP) != 0;
        int place = start + (udp ? UDP_CHECKSUM : TCP_CHECKSUM);
        if (place + Short.BYTES <= length) {
            int check = Checksum.finish(Checksum.add(0, frame + start, length - start));
            Memory.putShort(frame + place, check == 0 && udp ? 0xffff : check);
        }
    }
}
