package dev.drover.lb.path;

/**
 * Compares the path of a request with that of a route: by whole segments, so that {@code /foo} is the prefix of
 * {@code /foo} and {@code /foo/bar} but not of {@code /foobar}. Characters that need no percent-encoding are the same
 * with it (RFC 3986 section 6.2.2.2); case matters.
 */
final class PathPrefix {
    private PathPrefix() {}

    static boolean matches(byte[] prefix, byte[] bytes, int from, int to) {
        int at = from;
        for (byte expected : prefix) {
            if (at >= to) {
                return false;
            }
            int encoded = encoded(bytes, at, to);
            if ((encoded >= 0 ? encoded : bytes[at]) != expected) {
                return false;
            }
            at += encoded >= 0 ? 3 : 1;
        }
        return at == to || bytes[at] == '/';
    }

    /**
     * Whether a segment is {@code .} or {@code ..} for any server, encoded or not. The target of such a request depends
     * on who resolves it, so it could be routed by one path and served by another. RFC 3986 section 6.2.2.3: clients
     * remove these. Some servers take backslashes and encoded slashes for slashes, or cut segments at a semicolon.
     */
    static boolean hasDotSegment(byte[] bytes, int from, int to) {
        int dots = 0;
        boolean begun = false;
        boolean other = false;
        int at = from;
        while (at < to) {
            int decoded = decoded(bytes, at, to);
            int c = decoded >= 0 ? decoded : bytes[at];
            at += decoded >= 0 ? 3 : 1;
            if (c == '/' || c == '\\' || c == ';') {
                if (begun && !other && (dots == 1 || dots == 2)) {
                    return true;
                }
                begun = c != ';';
                dots = 0;
                other = false;
            } else if (c == '.') {
                dots++;
            } else {
                other = true;
            }
        }
        return begun && !other && (dots == 1 || dots == 2);
    }

    /** The unreserved character (RFC 3986 section 2.3) that is percent-encoded at {@code at}, or -1. */
    private static int encoded(byte[] bytes, int at, int to) {
        int c = decoded(bytes, at, to);
        boolean unreserved = c >= 'a' && c <= 'z'
                || c >= 'A' && c <= 'Z'
                || c >= '0' && c <= '9'
                || c == '-'
                || c == '.'
                || c == '_'
                || c == '~';
        return unreserved ? c : -1;
    }

    /** The byte that is percent-encoded at {@code at}, or -1. */
    private static int decoded(byte[] bytes, int at, int to) {
        if (bytes[at] != '%' || at + 2 >= to) {
            return -1;
        }
        int high = Ascii.hex(bytes[at + 1]);
        int low = Ascii.hex(bytes[at + 2]);
        return high < 0 || low < 0 ? -1 : high << 4 | low;
    }
}
