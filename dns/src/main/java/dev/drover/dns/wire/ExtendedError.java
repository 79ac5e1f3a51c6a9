package dev.drover.dns.wire;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Why an answer is not what was hoped for, for the eyes of an operator: the option 15 of EDNS (RFC 8914), encoded once.
 *
 * <pre>
 *  | 15 (16) | length (16) | INFO-CODE (16) | EXTRA-TEXT, UTF-8 … |
 * </pre>
 */
public enum ExtendedError {
    STALE_ANSWER(3, "upstreams do not answer"),
    CACHED_ERROR(13, "failed a moment ago"),
    STALE_NXDOMAIN(19, "upstreams do not answer"),
    NOT_AUTHORITATIVE(20, "recursion was not desired"),
    NO_REACHABLE_AUTHORITY(22, "no upstream answered in time"),
    NETWORK_ERROR(23, "no upstream could be reached"),
    UPSTREAMS_REFUSED(22, "every upstream failed or refused"),
    TOO_MANY_IN_FLIGHT(0, "too many queries in flight"),
    LOOP(0, "forwarding loop");

    private static final int CODE = 15;

    @SuppressWarnings("ImmutableEnumChecker") // nobody writes to it
    private final byte[] option;

    ExtendedError(int infoCode, String text) {
        byte[] extra = text.getBytes(StandardCharsets.UTF_8);
        option = ByteBuffer.allocate(3 * Short.BYTES + extra.length)
                .putShort((short) CODE)
                .putShort((short) (Short.BYTES + extra.length))
                .putShort((short) infoCode)
                .put(extra)
                .array();
    }

    /** Length of the option with its code and length, in bytes. */
    public int bytes() {
        return option.length;
    }

    public void writeTo(ByteBuf out) {
        out.writeBytes(option);
    }
}
