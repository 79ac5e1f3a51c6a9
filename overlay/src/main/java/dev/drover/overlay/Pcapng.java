package dev.drover.overlay;

import dev.drover.overlay.path.CaptureRing;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Writes a capture as pcapng (draft-ietf-opsawg-pcapng), one section with one Ethernet interface, times in nanoseconds.
 *
 * <pre>
 *  block:   | type 4 | length 4 | body, padded to 4 | length 4 |
 *  option:  | code 2 | length 2 | value, padded to 4 |   the last one: code 0, length 0
 * </pre>
 */
final class Pcapng {
    private static final int SECTION_HEADER = 0x0A0D_0D0A;
    private static final int INTERFACE_DESCRIPTION = 1;
    private static final int ENHANCED_PACKET = 6;
    private static final int INTERFACE_STATISTICS = 5;
    private static final int BYTE_ORDER_MAGIC = 0x1A2B_3C4D;
    private static final int LINK_ETHERNET = 1;

    private static final int OPTION_COMMENT = 1;
    private static final int SECTION_APPLICATION = 4;
    private static final int INTERFACE_NAME = 2;
    private static final int INTERFACE_DESCRIBED = 3;
    private static final int INTERFACE_TIME_RESOLUTION = 9;
    private static final int PACKET_FLAGS = 2;
    private static final int STATISTICS_RECEIVED = 4;
    private static final int STATISTICS_DROPPED = 5;

    private static final int INBOUND = 1;
    private static final int OUTBOUND = 2;
    private static final int NANOSECONDS = 9;
    /** Body of the longest block but for the frame. */
    private static final int ROOM = 1024;

    private final OutputStream out;
    private final String device;
    private final int snapBytes;

    Pcapng(OutputStream out, String device, int snapBytes) {
        this.out = out;
        this.device = device;
        this.snapBytes = snapBytes;
    }

    void begin() throws IOException {
        ByteBuffer section = body(0);
        section.putInt(BYTE_ORDER_MAGIC).putShort((short) 1).putShort((short) 0).putLong(-1);
        option(section, SECTION_APPLICATION, "drover");
        write(SECTION_HEADER, section);
        ByteBuffer description = body(0);
        description.putShort((short) LINK_ETHERNET).putShort((short) 0).putInt(snapBytes);
        option(description, INTERFACE_NAME, device);
        option(description, INTERFACE_DESCRIBED, "packets inside the overlay; outbound: from this host's containers");
        option(description, INTERFACE_TIME_RESOLUTION, new byte[] {NANOSECONDS});
        write(INTERFACE_DESCRIPTION, description);
    }

    /** @param timeNs since the epoch */
    void packet(CaptureRing.Seen seen, long timeNs) throws IOException {
        ByteBuffer packet = body(seen.bytes().length);
        packet.putInt(0).putInt((int) (timeNs >>> 32)).putInt((int) timeNs);
        packet.putInt(seen.bytes().length).putInt(seen.frameLength()).put(seen.bytes());
        pad(packet);
        option(packet, OPTION_COMMENT, comment(seen));
        option(
                packet,
                PACKET_FLAGS,
                value(Integer.BYTES)
                        .putInt(seen.outgoing() ? OUTBOUND : INBOUND)
                        .array());
        write(ENHANCED_PACKET, packet);
    }

    /** What the frame itself does not say. */
    static String comment(CaptureRing.Seen seen) {
        String peer = seen.peer() == null
                ? seen.outgoing() && seen.drop() == null ? "answered here or copied to several peers" : ""
                : (seen.outgoing() ? "to peer " : "from peer ")
                        + NetUtil.toAddressString(seen.peer().vtep());
        String superFrame = seen.segmentSize() == 0
                ? ""
                : "; super-frame, to be cut into segments of " + seen.segmentSize() + " bytes";
        String drop =
                seen.drop() == null ? "" : "; dropped: " + seen.drop().name().toLowerCase(Locale.ROOT);
        String all = peer + superFrame + drop;
        return all.startsWith("; ") ? all.substring(2) : all;
    }

    /** @param dropped by the capture, not by the overlay */
    void end(long received, long dropped) throws IOException {
        ByteBuffer statistics = body(0);
        statistics.putInt(0).putLong(0);
        option(
                statistics,
                STATISTICS_RECEIVED,
                value(Long.BYTES).putLong(received + dropped).array());
        option(
                statistics,
                STATISTICS_DROPPED,
                value(Long.BYTES).putLong(dropped).array());
        write(INTERFACE_STATISTICS, statistics);
    }

    private static ByteBuffer body(int more) {
        return value(ROOM + more);
    }

    private static ByteBuffer value(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void option(ByteBuffer body, int code, String value) {
        option(body, code, value.getBytes(StandardCharsets.UTF_8));
    }

    private static void option(ByteBuffer body, int code, byte[] value) {
        body.putShort((short) code).putShort((short) value.length).put(value);
        pad(body);
    }

    private static void pad(ByteBuffer body) {
        body.position(body.position() + 3 & -4);
    }

    private void write(int type, ByteBuffer body) throws IOException {
        body.putInt(0); // end of options
        int length = body.position() + 3 * Integer.BYTES;
        out.write(value(2 * Integer.BYTES).putInt(type).putInt(length).array());
        byte[] content = new byte[body.position()];
        body.flip().get(content);
        out.write(content);
        out.write(value(Integer.BYTES).putInt(length).array());
    }
}
