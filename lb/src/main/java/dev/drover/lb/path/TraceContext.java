package dev.drover.lb.path;

/** The field {@code traceparent} (W3C Trace Context, level 1, section 3.2): {@code 00-TRACE-PARENT-FLAGS}. */
final class TraceContext {
    /** {@code 00-}, 32 digits, {@code -}, 16 digits, {@code -}, 2 digits. */
    static final int LENGTH = 55;
    /** Where the identifier of the trace begins. */
    static final int TRACE = 3;

    static final int TRACE_END = 35;

    private static final int PARENT = 36;
    private static final int PARENT_END = 52;
    private static final int FLAGS = 53;
    private static final byte[] DIGITS = Ascii.bytes("0123456789abcdef");

    private TraceContext() {}

    /** Whether the value of a field is one that may be believed; of a later version, what this one knows of it. */
    static boolean valid(byte[] bytes, int from, int to) {
        if (to - from < LENGTH
                || bytes[from + TRACE - 1] != '-'
                || bytes[from + TRACE_END] != '-'
                || bytes[from + PARENT_END] != '-'
                || !digits(bytes, from, from + TRACE - 1)
                || !digits(bytes, from + FLAGS, from + LENGTH)) {
            return false;
        }
        boolean first = bytes[from] == '0' && bytes[from + 1] == '0';
        boolean none = bytes[from] == 'f' && bytes[from + 1] == 'f';
        boolean ends = to - from == LENGTH || !first && bytes[from + LENGTH] == '-';
        return ends
                && !none
                && number(bytes, from + TRACE, from + TRACE_END)
                && number(bytes, from + PARENT, from + PARENT_END);
    }

    private static boolean digits(byte[] bytes, int from, int to) {
        for (int i = from; i < to; i++) {
            if (!(bytes[i] >= '0' && bytes[i] <= '9' || bytes[i] >= 'a' && bytes[i] <= 'f')) {
                return false;
            }
        }
        return true;
    }

    /** Digits that are not all zero. */
    private static boolean number(byte[] bytes, int from, int to) {
        boolean any = false;
        for (int i = from; i < to; i++) {
            any |= bytes[i] != '0';
        }
        return any && digits(bytes, from, to);
    }

    /** Writes a new context to the begin of {@code out}. */
    static void make(byte[] out, LbLane lane, boolean sampled) {
        out[0] = '0';
        out[1] = '0';
        out[TRACE - 1] = '-';
        write(out, TRACE, lane.random() | 1);
        write(out, TRACE + 16, lane.random());
        out[TRACE_END] = '-';
        write(out, PARENT, lane.random() | 1);
        out[PARENT_END] = '-';
        out[FLAGS] = '0';
        out[FLAGS + 1] = (byte) (sampled ? '1' : '0');
    }

    private static void write(byte[] out, int at, long bits) {
        for (int i = 0; i < 16; i++) {
            out[at + i] = DIGITS[(int) (bits >>> 60 - 4 * i) & 15];
        }
    }
}
