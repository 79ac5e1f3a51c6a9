package dev.drover.dataplane;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The attributes after the fixed body of a netlink message, by type; of a repeated type the last one counts. */
final class NlAttributes {
    private static final NlAttributes NONE = new NlAttributes(Map.of());
    private static final int TYPE_MASK = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

    private final Map<Integer, byte[]> values;

    private NlAttributes(Map<Integer, byte[]> values) {
        this.values = values;
    }

    /** @throws IllegalArgumentException if a length leaves the message */
    static NlAttributes parse(ByteBuffer message, int offset) {
        ByteBuffer buffer = message.duplicate().order(ByteOrder.nativeOrder()).position(offset);
        Map<Integer, byte[]> values = new HashMap<>();
        while (buffer.remaining() >= 4) {
            int start = buffer.position();
            int length = buffer.getShort(start) & 0xffff;
            if (length < 4 || length > buffer.remaining()) {
                throw new IllegalArgumentException(
                        "netlink attribute length: " + length + " (expected: 4 to " + buffer.remaining() + ")");
            }
            byte[] value = new byte[length - 4];
            buffer.get(start + 4, value);
            values.put(buffer.getShort(start + 2) & TYPE_MASK, value);
            buffer.position(Math.min(buffer.limit(), start + Nl.align(length)));
        }
        return new NlAttributes(values);
    }

    boolean has(int type) {
        return values.containsKey(type);
    }

    byte @Nullable [] bytes(int type) {
        return values.get(type);
    }

    int u32(int type, int absent) {
        byte[] value = values.get(type);
        return value == null || value.length < 4
                ? absent
                : ByteBuffer.wrap(value).order(ByteOrder.nativeOrder()).getInt();
    }

    @Nullable
    String string(int type) {
        byte[] value = values.get(type);
        if (value == null) {
            return null;
        }
        int length = value.length;
        while (length > 0 && value[length - 1] == 0) {
            length--;
        }
        return new String(value, 0, length, StandardCharsets.UTF_8);
    }

    NlAttributes nested(int type) {
        byte[] value = values.get(type);
        return value == null ? NONE : parse(ByteBuffer.wrap(value), 0);
    }

    /** An Ethernet address; null when absent or of another length, as tunnels have. */
    @Nullable
    Mac mac(int type) {
        byte[] value = values.get(type);
        return value == null || value.length != 6 ? null : Mac.of(value);
    }

    /** An IPv4 or IPv6 address; null when absent or of another length. */
    @Nullable
    InetAddress address(int type) {
        byte[] value = values.get(type);
        if (value == null || (value.length != 4 && value.length != 16)) {
            return null;
        }
        try {
            return InetAddress.getByAddress(value);
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // the length was checked
        }
    }
}
