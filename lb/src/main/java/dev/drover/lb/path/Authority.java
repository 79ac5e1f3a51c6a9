package dev.drover.lb.path;

/** What Host and the target of a request name, {@code uri-host [":" port]} (RFC 9110 section 7.2), in the bytes of a head. */
final class Authority {
    private Authority() {}

    /** Whether it is one, or nothing at all: one colon at most outside of brackets, and only digits behind it. */
    static boolean valid(byte[] bytes, int from, int to) {
        int at = from;
        if (at < to && bytes[at] == '[') {
            while (++at < to && bytes[at] != ']') {
                if (Ascii.hex(bytes[at]) < 0 && bytes[at] != ':' && bytes[at] != '.') {
                    return false;
                }
            }
            if (at == to) {
                return false;
            }
            at++;
        } else {
            while (at < to && bytes[at] != ':') {
                if (!Ascii.host(bytes[at]) || bytes[at] == '[' || bytes[at] == ']') {
                    return false;
                }
                at++;
            }
        }
        return at == to || bytes[at] == ':' && digits(bytes, at + 1, to);
    }

    private static boolean digits(byte[] bytes, int from, int to) {
        for (int at = from; at < to; at++) {
            if (bytes[at] < '0' || bytes[at] > '9') {
                return false;
            }
        }
        return true;
    }
}
