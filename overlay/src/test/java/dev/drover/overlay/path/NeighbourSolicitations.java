package dev.drover.overlay.path;

import java.net.InetAddress;
import java.nio.ByteBuffer;

/** Neighbour solicitations as a container's kernel sends them (RFC 4861 section 4.3). */
final class NeighbourSolicitations {
    private static final int HEADERS = 14 + 40;
    private static final int ICMPV6 = 58;
    private static final long SOLICITED_NODE_MAC = 0x3333_ff00_0009L;

    private NeighbourSolicitations() {}

    static byte[] solicitation(String source, String target) {
        byte[] from = InetAddress.ofLiteral(source).getAddress();
        byte[] asked = InetAddress.ofLiteral(target).getAddress();
        ByteBuffer body = ByteBuffer.allocate(40 + 32);
        body.putInt(0x6000_0000).putShort((short) 32).put((byte) ICMPV6).put((byte) 255);
        byte[] group = InetAddress.ofLiteral("ff02::1:ff00:0").getAddress();
        System.arraycopy(asked, 13, group, 13, 3);
        body.put(from).put(group);
        body.put((byte) 135).put((byte) 0).putShort((short) 0).putInt(0).put(asked);
        body.put((byte) 1)
                .put((byte) 1)
                .putShort((short) (Packets.MAC_A >>> 32))
                .putInt((int) Packets.MAC_A);
        byte[] frame = Packets.ethernet(SOLICITED_NODE_MAC, Packets.MAC_A, 0x86dd, body.array());
        return checked(frame);
    }

    /** With the right checksum. */
    static byte[] checked(byte[] frame) {
        ByteBuffer packet = ByteBuffer.wrap(frame);
        packet.putShort(HEADERS + 2, (short) 0);
        packet.putShort(HEADERS + 2, (short) ~fold(frame));
        return frame;
    }

    /** Sum of pseudo-header and ICMPv6, 0xffff when the checksum is right. */
    static int fold(byte[] frame) {
        ByteBuffer packet = ByteBuffer.wrap(frame);
        long sum = (long) ICMPV6 + (frame.length - HEADERS);
        for (int i = 14 + 8; i < frame.length; i += 2) {
            sum += packet.getShort(i) & 0xffff;
        }
        while (sum >>> 16 != 0) {
            sum = (sum & 0xffff) + (sum >>> 16);
        }
        return (int) sum;
    }
}
