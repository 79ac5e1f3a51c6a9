package dev.drover.lb.path;

import java.nio.charset.StandardCharsets;

/** Classes of bytes in an HTTP/1.1 head. */
final class Ascii {
    private static final byte TOKEN = 1;
    private static final byte VALUE = 2;
    private static final byte TARGET = 4;
    private static final byte HOST = 8;

    private static final byte[] CLASS = new byte[256];

    static {
        for (char c = 'a'; c <= 'z'; c++) {
            mark(c, TOKEN | HOST);
            mark((char) (c - 32), TOKEN | HOST);
        }
        for (char c = '0'; c <= '9'; c++) {
            mark(c, TOKEN | HOST);
        }
        // RFC 9110 section 5.6.2, tchar.
        markAll("!#$%&'*+-.^_`|~", TOKEN);
        // RFC 3986 section 3.2.2, without userinfo ('@'), which must not occur in Host (RFC 9110 section 7.2).
        markAll("-._~:[]%!$&'()*+;=", HOST);
        // RFC 9110 section 5.5: field-vchar, SP, HTAB and obs-text.
        mark('\t', VALUE);
        for (int c = 0x20; c <= 0xff; c++) {
            if (c != 0x7f) {
                mark((char) c, VALUE);
            }
        }
        // RFC 9112 section 3.2 by its outer limits: no space, control, fragment or byte beyond ASCII.
        for (char c = 0x21; c <= 0x7e; c++) {
            if (c != '#') {
                mark(c, TARGET);
            }
        }
    }

    private Ascii() {}

    private static void markAll(String chars, int flag) {
        chars.chars().forEach(c -> mark((char) c, flag));
    }

    private static void mark(char c, int flag) {
        CLASS[c] |= (byte) flag;
    }

    static boolean token(byte b) {
        return (CLASS[b & 0xff] & TOKEN) != 0;
    }

    static boolean value(byte b) {
        return (CLASS[b & 0xff] & VALUE) != 0;
    }

    static boolean target(byte b) {
        return (CLASS[b & 0xff] & TARGET) != 0;
    }

    static boolean host(byte b) {
        return (CLASS[b & 0xff] & HOST) != 0;
    }

    static boolean digit(byte b) {
        return b >= '0' && b <= '9';
    }

    static boolean blank(byte b) {
        return b == ' ' || b == '\t';
    }

    /** Value of a hexadecimal digit, or -1. */
    static int hex(byte b) {
        if (b >= '0' && b <= '9') {
            return b - '0';
        }
        int lower = b | 0x20;
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    }

    static byte lower(byte b) {
        return b >= 'A' && b <= 'Z' ? (byte) (b | 0x20) : b;
    }

    /** Whether bytes {@code from} to {@code to} are {@code lowerCase}, in any case. */
    static boolean equal(byte[] bytes, int from, int to, byte[] lowerCase) {
        if (to - from != lowerCase.length) {
            return false;
        }
        for (int i = 0; i < lowerCase.length; i++) {
            if (lower(bytes[from + i]) != lowerCase[i]) {
                return false;
            }
        }
        return true;
    }

    static boolean equal(byte[] bytes, int from, int to, byte[] other, int otherFrom, int otherTo) {
        if (to - from != otherTo - otherFrom) {
            return false;
        }
        for (int i = 0; i < to - from; i++) {
            if (lower(bytes[from + i]) != lower(other[otherFrom + i])) {
                return false;
            }
        }
        return true;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
