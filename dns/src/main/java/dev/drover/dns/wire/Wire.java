package dev.drover.dns.wire;

import io.netty.buffer.ByteBuf;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Offsets and constants of a DNS message (RFC 1035 section 4.1, RFC 6891 section 6.1), and the walk over its names.
 *
 * <pre>
 *                                  1  1  1  1  1  1
 *    0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
 *  +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 *  |                      ID                       |
 *  |QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
 *  |  QDCOUNT  |  ANCOUNT  |  NSCOUNT  |  ARCOUNT  |   (16 bits each)
 *  +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 *  record: NAME TYPE(16) CLASS(16) TTL(32) RDLENGTH(16) RDATA
 *  OPT:    NAME=0 TYPE=41 CLASS=UDP size  TTL=ext. rcode(8) version(8) DO(1) Z(15)
 * </pre>
 */
public final class Wire {
    /** From here on an object for the copy costs less than doing without. */
    private static final int COPIED_AT_ONCE = 512;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    public static final int ID = 0;
    public static final int FLAGS = 2;
    public static final int QDCOUNT = 4;
    public static final int ANCOUNT = 6;
    public static final int NSCOUNT = 8;
    public static final int ARCOUNT = 10;
    public static final int HEADER = 12;

    public static final int QR = 0x8000;
    public static final int OPCODE = 0x7800;
    public static final int AA = 0x0400;
    public static final int TC = 0x0200;
    public static final int RD = 0x0100;
    public static final int RA = 0x0080;
    public static final int AD = 0x0020;
    public static final int CD = 0x0010;
    public static final int RCODE = 0x000f;
    /** Bits of an rcode in the header; more are in OPT. */
    public static final int RCODE_BITS = 4;

    /** Offset of fields behind the owner name of a record. */
    public static final int RECORD_CLASS = 2;

    public static final int RECORD_TTL = 4;
    public static final int RECORD_RDLENGTH = 8;
    public static final int RECORD_FIXED = 10;

    /** Code and length in front of the data of an option of OPT (RFC 6891 section 6.1.2). */
    public static final int OPTION_HEADER = 4;

    public static final int OPTION_COOKIE = 10;
    public static final int OPTION_KEEPALIVE = 11;

    /** An OPT record without options. */
    public static final int OPT_LENGTH = 11;

    /** {@code DO} within the low 16 bits of the TTL field of OPT. */
    public static final int OPT_DO = 0x8000;

    /** Largest UDP message we send and ask for: crosses any path unfragmented (DNS flag day 2020). */
    public static final int EDNS_PAYLOAD = 1232;
    /** Largest UDP message without EDNS (RFC 1035 section 4.2.1). */
    public static final int PLAIN_PAYLOAD = 512;

    public static final int MAX_NAME = 255;
    /** Longest message over TCP (RFC 1035 section 4.2.2). */
    public static final int MAX_MESSAGE = 65_535;

    private static final int LABEL_KIND = 0xc0;
    private static final int POINTER = 0xc0;
    private static final int MAX_POINTERS = 126;

    private Wire() {}

    /** Walks a name without compression pointers, as the first one of a message must be; returns as {@link #skipName}. */
    public static int skipPlainName(ByteBuf message, int position, int end) {
        return skipName(message, position, end, 0);
    }

    /**
     * Walks the name at {@code position}, following compression pointers, which must point backwards.
     *
     * @return the position behind the name, or -1 if it is malformed or longer than 255 bytes
     */
    public static int skipName(ByteBuf message, int position, int end) {
        return skipName(message, position, end, MAX_POINTERS);
    }

    private static int skipName(ByteBuf message, int position, int end, int maxPointers) {
        int after = -1;
        int length = 0;
        int pointers = 0;
        int at = position;
        while (at < end) {
            int label = message.getUnsignedByte(at);
            switch (label & LABEL_KIND) {
                case 0 -> {
                    length += label + 1;
                    if (length > MAX_NAME) {
                        return -1;
                    }
                    at += label + 1;
                    if (label == 0) {
                        return after < 0 ? at : after;
                    }
                }
                case POINTER -> {
                    if (at + 2 > end || ++pointers > maxPointers) {
                        return -1;
                    }
                    int target = message.getUnsignedShort(at) & 0x3fff;
                    if (target >= at || target < HEADER) {
                        return -1;
                    }
                    after = after < 0 ? at + 2 : after;
                    at = target;
                }
                default -> {
                    return -1;
                }
            }
        }
        return -1;
    }

    /** Position behind the record whose owner name ends at {@code nameEnd}, or -1 if the message ends before it. */
    public static int skipRecordBody(ByteBuf message, int nameEnd, int end) {
        if (nameEnd < 0 || nameEnd + RECORD_FIXED > end) {
            return -1;
        }
        int after = nameEnd + RECORD_FIXED + message.getUnsignedShort(nameEnd + RECORD_RDLENGTH);
        return after > end ? -1 : after;
    }

    /** Whether the options of an OPT record fill its data exactly (RFC 6891 section 6.1.2). */
    public static boolean optionsAreWhole(ByteBuf message, int start, int end) {
        int at = start;
        while (at + 4 <= end) {
            at += 4 + message.getUnsignedShort(at + 2);
        }
        return at == end;
    }

    /** Writes an OPT record without options that advertises {@link #EDNS_PAYLOAD}. */
    public static void writeOpt(ByteBuf out, boolean dnssecOk) {
        writeOpt(out, 0, dnssecOk, 0);
    }

    /**
     * Writes an OPT record but for its options, which are to follow.
     *
     * @param extendedRcode upper eight bits of the rcode
     * @param optionBytes length of what follows
     */
    public static void writeOpt(ByteBuf out, int extendedRcode, boolean dnssecOk, int optionBytes) {
        out.writeByte(0)
                .writeShort(QueryType.OPT)
                .writeShort(EDNS_PAYLOAD)
                .writeInt(extendedRcode << 24 | (dnssecOk ? OPT_DO : 0))
                .writeShort(optionBytes);
    }

    /**
     * Appends bytes of another buffer. {@link ByteBuf#writeBytes} makes an object for each buffer that it has not copied to
     * before; this does not, and is meant for what is as short as a question.
     */
    public static void append(ByteBuf out, ByteBuf from, int index, int length) {
        int at = index;
        int end = index + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            out.writeLong(from.getLong(at));
        }
        for (; at < end; at++) {
            out.writeByte(from.getByte(at));
        }
    }

    /** As {@link #append(ByteBuf, ByteBuf, int, int)}, the first {@code length} bytes of an array. */
    public static void append(ByteBuf out, byte[] from, int length) {
        append(out, from, 0, length);
    }

    /** As {@link #append(ByteBuf, ByteBuf, int, int)}, of an array; what is long it copies at once. */
    public static void append(ByteBuf out, byte[] from, int index, int length) {
        if (length > COPIED_AT_ONCE) {
            out.writeBytes(from, index, length);
            return;
        }
        int at = index;
        int end = index + length;
        for (; at <= end - Long.BYTES; at += Long.BYTES) {
            out.writeLong((long) LONG.get(from, at));
        }
        for (; at < end; at++) {
            out.writeByte(from[at]);
        }
    }
}
