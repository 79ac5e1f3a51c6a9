package dev.drover.overlay;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads a pcapng file of one little-endian section and one interface, and refuses whatever is not as the draft says. */
final class PcapngReader {
    private static final int BLOCK_BYTES = 12;
    final List<Packet> packets = new ArrayList<>();
    long received = -1;
    long dropped = -1;
    String device = "";

    @SuppressWarnings("ArrayRecordComponent") // never compared as records
    record Packet(long timeNs, byte[] bytes, int length, boolean outbound, String comment) {}

    PcapngReader(byte[] file) {
        ByteBuffer all = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        List<Integer> types = new ArrayList<>();
        while (all.hasRemaining()) {
            int start = all.position();
            int type = all.getInt();
            int length = all.getInt();
            check(length % 4 == 0 && length >= BLOCK_BYTES, "length " + length);
            ByteBuffer body = all.slice(all.position(), length - BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            check(all.getInt(start + length - 4) == length, "lengths of a block differ");
            all.position(start + length);
            types.add(type);
            block(type, body);
        }
        check(types.getFirst() == 0x0A0D0D0A && types.get(1) == 1, "beginning " + types);
    }

    private void block(int type, ByteBuffer body) {
        switch (type) {
            case 0x0A0D0D0A -> check(body.getInt() == 0x1A2B3C4D && body.getShort() == 1, "magic");
            case 1 -> {
                check(body.getShort() == 1, "link type");
                body.position(8);
                Map<Integer, ByteBuffer> options = options(body);
                device = text(options.get(2));
                check(options.get(9).get(0) == 9, "resolution");
            }
            case 6 -> packet(body);
            case 5 -> {
                body.position(12);
                Map<Integer, ByteBuffer> options = options(body);
                received = options.get(4).getLong(0);
                dropped = options.get(5).getLong(0);
            }
            default -> check(false, "block " + type);
        }
    }

    private void packet(ByteBuffer body) {
        check(body.getInt() == 0, "interface");
        long time = (long) body.getInt() << 32 | body.getInt() & 0xffff_ffffL;
        byte[] bytes = new byte[body.getInt()];
        int length = body.getInt();
        body.get(bytes);
        body.position(body.position() + 3 & -4);
        Map<Integer, ByteBuffer> options = options(body);
        int direction = options.get(2).getInt(0) & 3;
        check(direction == 1 || direction == 2, "direction " + direction);
        packets.add(new Packet(time, bytes, length, direction == 2, text(options.get(1))));
    }

    private static Map<Integer, ByteBuffer> options(ByteBuffer body) {
        Map<Integer, ByteBuffer> options = new HashMap<>();
        while (true) {
            int code = body.getShort();
            int length = body.getShort();
            if (code == 0) {
                check(length == 0 && !body.hasRemaining(), "end of options");
                return options;
            }
            options.put(code, body.slice(body.position(), length).order(ByteOrder.LITTLE_ENDIAN));
            body.position(body.position() + length + 3 & -4);
        }
    }

    private static String text(ByteBuffer bytes) {
        return StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("pcapng: " + what);
        }
    }
}
