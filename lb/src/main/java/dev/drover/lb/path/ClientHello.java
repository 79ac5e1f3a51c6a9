package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;

/**
 * Finds the server name in the first message of a TLS client without taking part in TLS. Reads nothing else, trusts no
 * length, and looks at no more than {@link #MAX_BYTES} in {@link #MAX_RECORDS} records.
 *
 * <pre>
 * record (RFC 8446 section 5.1)       handshake message (section 4), in one record or over several
 * +------+---------+--------+------   +------+--------+---------+--------+----------+------------+------------+-----
 * | 0x16 | version | length | data    | 0x01 | length | version | random | session  | cipher     | compression| ext.
 * |  1   |    2    |   2    |  ...    |  1   |   3    |    2    |   32   | 1 + 0-32 | suites 2+n | 1 + n      | 2+n
 * +------+---------+--------+------   +------+--------+---------+--------+----------+------------+------------+-----
 * </pre>
 */
final class ClientHello {
    /** Enough for hybrid key shares and long tickets; records hold 16 KiB. */
    static final int MAX_BYTES = 16 * 1024;

    static final int MAX_RECORDS = 64;
    private static final int RECORD_HEADER = 5;
    private static final int RECORD_HANDSHAKE = 22;
    private static final int MESSAGE_HEADER = 4;
    private static final int CLIENT_HELLO = 1;
    private static final int VERSION_AND_RANDOM = 2 + 32;
    /** Extension server_name and its only type of name (RFC 6066 section 3). */
    private static final int SERVER_NAME = 0;

    private static final int HOST_NAME = 0;
    private static final int MAX_NAME = 255;

    /** What the bytes are. */
    enum Verdict {
        MORE,
        MALFORMED,
        DONE
    }

    private final byte[] message = new byte[MAX_BYTES];
    private int length;
    private int at;
    private int nameStart;
    private int nameEnd;

    /** Looks at the bytes from the reader index on, and moves nothing. */
    Verdict parse(ByteBuf in) {
        length = 0;
        nameStart = 0;
        nameEnd = 0;
        int from = in.readerIndex();
        int end = in.writerIndex();
        for (int record = 0; record < MAX_RECORDS; record++) {
            if (from < end && in.getByte(from) != RECORD_HANDSHAKE || from + 1 < end && in.getByte(from + 1) != 3) {
                return Verdict.MALFORMED;
            }
            if (end - from < RECORD_HEADER) {
                return Verdict.MORE;
            }
            int size = in.getUnsignedShort(from + 3);
            if (size == 0 || length + size > MAX_BYTES) {
                return Verdict.MALFORMED;
            }
            from += RECORD_HEADER;
            int present = Math.min(size, end - from);
            in.getBytes(from, message, length, present);
            length += present;
            if (length > 0 && message[0] != CLIENT_HELLO) {
                return Verdict.MALFORMED;
            }
            if (length >= MESSAGE_HEADER) {
                int whole = MESSAGE_HEADER + number(1, 3);
                if (whole > MAX_BYTES) {
                    return Verdict.MALFORMED;
                }
                if (length >= whole) {
                    length = whole;
                    return body() ? Verdict.DONE : Verdict.MALFORMED;
                }
            }
            if (present < size) {
                return Verdict.MORE;
            }
            from += size;
        }
        return Verdict.MALFORMED;
    }

    /** Reads the whole message; false when it is none. */
    private boolean body() {
        at = MESSAGE_HEADER + VERSION_AND_RANDOM;
        if (!skip(1) || !skip(2) || !skip(1)) {
            return false;
        }
        if (at == length) {
            return true; // before TLS 1.3 there need be no extensions
        }
        int extensions = vector(2);
        if (extensions < 0 || at + extensions != length) {
            return false;
        }
        boolean named = false;
        while (at < length) {
            if (length - at < 4) {
                return false;
            }
            int type = number(at, 2);
            at += 2;
            int size = vector(2);
            if (size < 0) {
                return false;
            }
            int next = at + size;
            if (type == SERVER_NAME) {
                if (named || !serverName(next)) {
                    return false;
                }
                named = true;
            }
            at = next;
        }
        return true;
    }

    /** A list of one host name: letters, digits, hyphens, underscores and dots. */
    private boolean serverName(int end) {
        int list = vector(2);
        if (list < 3 || at + list != end || message[at] != HOST_NAME) {
            return false;
        }
        at++;
        int size = vector(2);
        if (size < 1 || size > MAX_NAME || at + size != end) {
            return false;
        }
        for (int i = at; i < end; i++) {
            byte b = message[i];
            boolean letter = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z';
            if (!letter && !Ascii.digit(b) && b != '-' && b != '.' && b != '_') {
                return false;
            }
        }
        nameStart = at;
        nameEnd = message[end - 1] == '.' ? end - 1 : end;
        return true;
    }

    private boolean skip(int lengthBytes) {
        int size = vector(lengthBytes);
        at += Math.max(0, size);
        return size >= 0;
    }

    /** Reads a length; -1 when so much is not there. */
    private int vector(int lengthBytes) {
        if (at + lengthBytes > length) {
            return -1;
        }
        int size = number(at, lengthBytes);
        at += lengthBytes;
        return at + size > length ? -1 : size;
    }

    private int number(int from, int bytes) {
        int number = 0;
        for (int i = 0; i < bytes; i++) {
            number = number << 8 | message[from + i] & 0xff;
        }
        return number;
    }

    /** Where the name is, valid until the next call of {@link #parse}. */
    byte[] bytes() {
        return message;
    }

    int nameStart() {
        return nameStart;
    }

    /** Equal to {@link #nameStart} when the client names none. */
    int nameEnd() {
        return nameEnd;
    }
}
