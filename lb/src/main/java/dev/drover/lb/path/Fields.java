package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The field lines of one message head (RFC 9112 section 5), as offsets into a byte array that someone else owns.
 * Reused from message to message by one thread; strict: what two parsers could read in two ways is refused.
 */
final class Fields {
    static final int MAX_COUNT = 128;
    private static final int MAX_OPTIONS = 16;

    private static final byte[] LAST_CHUNK = Ascii.bytes("0\r\n");
    private static final byte[] CLOSE = Ascii.bytes("close");
    private static final byte[] KEEP_ALIVE = Ascii.bytes("keep-alive");
    private static final byte[] UPGRADE = Ascii.bytes("upgrade");

    /** Result of {@link #parse}. */
    enum Result {
        OK,
        MALFORMED,
        TOO_MANY
    }

    private byte[] bytes = new byte[0];
    private int count;
    private final int[] lineStart = new int[MAX_COUNT];
    private final int[] nameEnd = new int[MAX_COUNT];
    private final int[] valueStart = new int[MAX_COUNT];
    private final int[] valueEnd = new int[MAX_COUNT];
    private final int[] lineEnd = new int[MAX_COUNT];
    private final Field[] field = new Field[MAX_COUNT];

    private int options;
    private final int[] optionStart = new int[MAX_OPTIONS];
    private final int[] optionEnd = new int[MAX_OPTIONS];
    private boolean close;
    private boolean keepAlive;
    private boolean upgrade;

    /** Parses lines from {@code from} up to the empty line that ends at {@code to}. */
    Result parse(byte[] source, int from, int to) {
        bytes = source;
        count = 0;
        options = 0;
        close = false;
        keepAlive = false;
        upgrade = false;
        int at = from;
        int last = to - 2;
        while (at < last) {
            if (count == MAX_COUNT) {
                return Result.TOO_MANY;
            }
            at = line(at, last);
            if (at < 0) {
                return Result.MALFORMED;
            }
        }
        if (at != last || bytes[last] != '\r' || bytes[last + 1] != '\n') {
            return Result.MALFORMED;
        }
        return connection();
    }

    /** One line; returns the start of the next, or -1. A leading blank (obsolete folding) is no token and fails. */
    private int line(int from, int last) {
        int at = from;
        while (at < last && Ascii.token(bytes[at])) {
            at++;
        }
        if (at == from || at == last || bytes[at] != ':') {
            return -1;
        }
        int colon = at++;
        while (at < last && Ascii.blank(bytes[at])) {
            at++;
        }
        int start = at;
        while (at < last && Ascii.value(bytes[at])) {
            at++;
        }
        if (at + 2 > last || bytes[at] != '\r' || bytes[at + 1] != '\n') {
            return -1;
        }
        int end = at;
        while (end > start && Ascii.blank(bytes[end - 1])) {
            end--;
        }
        lineStart[count] = from;
        nameEnd[count] = colon;
        valueStart[count] = start;
        valueEnd[count] = end;
        lineEnd[count] = at + 2;
        field[count] = Field.of(bytes, from, colon);
        count++;
        return at + 2;
    }

    /** Collects the connection options (RFC 9110 section 7.6.1). */
    private Result connection() {
        for (int i = 0; i < count; i++) {
            if (field[i] != Field.CONNECTION) {
                continue;
            }
            int at = valueStart[i];
            while (at < valueEnd[i]) {
                int comma = at;
                while (comma < valueEnd[i] && bytes[comma] != ',') {
                    comma++;
                }
                if (!option(at, comma)) {
                    return Result.MALFORMED;
                }
                at = comma + 1;
            }
        }
        return Result.OK;
    }

    private boolean option(int from, int to) {
        int start = from;
        int end = to;
        while (start < end && Ascii.blank(bytes[start])) {
            start++;
        }
        while (end > start && Ascii.blank(bytes[end - 1])) {
            end--;
        }
        for (int i = start; i < end; i++) {
            if (!Ascii.token(bytes[i])) {
                return false;
            }
        }
        if (start == end) {
            return true;
        }
        if (Ascii.equal(bytes, start, end, CLOSE)) {
            close = true;
        } else if (Ascii.equal(bytes, start, end, KEEP_ALIVE)) {
            keepAlive = true;
        } else if (Ascii.equal(bytes, start, end, UPGRADE)) {
            upgrade = true;
        } else {
            // Having these removed would change where the message ends or whom it is for.
            Field named = Field.of(bytes, start, end);
            if (named == Field.HOST || named == Field.CONTENT_LENGTH || named == Field.TRANSFER_ENCODING) {
                return false;
            }
            if (options == MAX_OPTIONS) {
                return false;
            }
            optionStart[options] = start;
            optionEnd[options++] = end;
        }
        return true;
    }

    int count() {
        return count;
    }

    Field field(int i) {
        return field[i];
    }

    int lineStart(int i) {
        return lineStart[i];
    }

    int lineEnd(int i) {
        return lineEnd[i];
    }

    int nameEnd(int i) {
        return nameEnd[i];
    }

    byte[] bytes() {
        return bytes;
    }

    int valueStart(int i) {
        return valueStart[i];
    }

    int valueEnd(int i) {
        return valueEnd[i];
    }

    boolean close() {
        return close;
    }

    boolean keepAlive() {
        return keepAlive;
    }

    boolean upgrade() {
        return upgrade;
    }

    /** Whether Connection names this field, so that it ends here. */
    boolean listed(int i) {
        for (int option = 0; option < options; option++) {
            if (Ascii.equal(bytes, lineStart[i], nameEnd[i], bytes, optionStart[option], optionEnd[option])) {
                return true;
            }
        }
        return false;
    }

    boolean valueIs(int i, byte[] lowerCase) {
        return Ascii.equal(bytes, valueStart[i], valueEnd[i], lowerCase);
    }

    /** Whether the comma-separated list of field {@code i} has {@code lowerCase}, parameters aside. */
    boolean listHas(int i, byte[] lowerCase) {
        int at = valueStart[i];
        while (at < valueEnd[i]) {
            int comma = at;
            while (comma < valueEnd[i] && bytes[comma] != ',') {
                comma++;
            }
            int start = at;
            while (start < comma && Ascii.blank(bytes[start])) {
                start++;
            }
            int end = start;
            while (end < comma && !Ascii.blank(bytes[end]) && bytes[end] != ';') {
                end++;
            }
            if (Ascii.equal(bytes, start, end, lowerCase)) {
                return true;
            }
            at = comma + 1;
        }
        return false;
    }

    /** Whether field {@code i} may pass in a trailer section (RFC 9110 section 6.5.1). */
    boolean passesInTrailers(int i) {
        return !field[i].barredFromTrailer() && !listed(i);
    }

    /** The last chunk with these fields as its trailer section (RFC 9112 section 7.1.2); the caller owns it. */
    ByteBuf lastChunk() {
        ByteBuf out = Unpooled.buffer(LAST_CHUNK.length + (count == 0 ? 0 : lineEnd[count - 1] - lineStart[0]) + 2);
        out.writeBytes(LAST_CHUNK);
        for (int i = 0; i < count; i++) {
            if (passesInTrailers(i)) {
                out.writeBytes(bytes, lineStart[i], lineEnd[i] - lineStart[i]);
            }
        }
        return out.writeByte('\r').writeByte('\n');
    }

    /**
     * Whether a field of this name is there.
     *
     * @param name lower case
     * @param value what it must be, byte for byte; null for anything
     */
    boolean has(byte[] name, byte @Nullable [] value) {
        for (int i = 0; i < count; i++) {
            if (Ascii.equal(bytes, lineStart[i], nameEnd[i], name)
                    && (value == null || Arrays.equals(bytes, valueStart[i], valueEnd[i], value, 0, value.length))) {
                return true;
            }
        }
        return false;
    }

    /** Value of field {@code i} as Content-Length (RFC 9110 section 8.6): digits alone; -1 when it is none. */
    long length(int i) {
        int digits = valueEnd[i] - valueStart[i];
        if (digits < 1 || digits > 18) {
            return -1;
        }
        long length = 0;
        for (int at = valueStart[i]; at < valueEnd[i]; at++) {
            if (!Ascii.digit(bytes[at])) {
                return -1;
            }
            length = length * 10 + (bytes[at] - '0');
        }
        return length;
    }
}
