package dev.drover.dataplane;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Builds one netlink message: header, fixed body, attributes; in the byte order of the machine.
 *
 * <pre>
 * | u32 length | u16 type | u16 flags | u32 sequence | u32 port 0 | body … | attributes … |
 * attribute:  | u16 length | u16 type | value | padding to 4 |
 * </pre>
 */
final class NlMessage {
    private static final int FLAGS_OFFSET = 6;
    private static final int SEQUENCE_OFFSET = 8;

    private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());

    /** @param flags added to NLM_F_REQUEST, e.g. NLM_F_CREATE */
    NlMessage(int type, int flags) {
        u32(0).u16(type).u16(Nl.F_REQUEST | flags).u32(0).u32(0);
    }

    /** {@code struct ifinfomsg}: {@code change} tells which bits of {@code flags} count. */
    NlMessage ifInfo(int family, int index, int flags, int change) {
        return u8(family).u8(0).u16(0).u32(index).u32(flags).u32(change);
    }

    NlMessage u8(int value) {
        room(1).put((byte) value);
        return this;
    }

    NlMessage u16(int value) {
        room(2).putShort((short) value);
        return this;
    }

    NlMessage u32(int value) {
        room(4).putInt(value);
        return this;
    }

    NlMessage attribute(int type, byte[] value) {
        u16(4 + value.length).u16(type);
        room(Nl.align(value.length)).put(value);
        return pad();
    }

    NlMessage attributeU8(int type, int value) {
        u16(5).u16(type).u8(value);
        return pad();
    }

    NlMessage attributeU32(int type, int value) {
        return u16(8).u16(type).u32(value);
    }

    /** A string with its terminating zero. */
    NlMessage attributeString(int type, String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        return attribute(type, Arrays.copyOf(bytes, bytes.length + 1));
    }

    /** An attribute whose value is what {@code content} adds: attributes, or a fixed body and attributes. */
    NlMessage nest(int type, Consumer<NlMessage> content) {
        int start = buffer.position();
        u16(0).u16(type);
        content.accept(this);
        buffer.putShort(start, (short) (buffer.position() - start));
        return this;
    }

    /** The message, ready to be sent. */
    byte[] encode(int sequence, int moreFlags) {
        buffer.putInt(0, buffer.position());
        buffer.putShort(FLAGS_OFFSET, (short) (buffer.getShort(FLAGS_OFFSET) | moreFlags));
        buffer.putInt(SEQUENCE_OFFSET, sequence);
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    private NlMessage pad() {
        while (buffer.position() != Nl.align(buffer.position())) {
            u8(0);
        }
        return this;
    }

    private ByteBuffer room(int bytes) {
        if (buffer.remaining() < bytes) {
            buffer = ByteBuffer.allocate(Math.max(2 * buffer.capacity(), buffer.position() + bytes))
                    .order(ByteOrder.nativeOrder())
                    .put(buffer.flip());
        }
        return buffer;
    }
}
