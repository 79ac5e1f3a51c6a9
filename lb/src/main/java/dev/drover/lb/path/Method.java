package dev.drover.lb.path;

import java.util.Locale;

/** Request methods a proxy treats in different ways. */
enum Method {
    GET(true),
    HEAD(true),
    OPTIONS(true),
    TRACE(true),
    PUT(true),
    DELETE(true),
    POST(false),
    PATCH(false),
    CONNECT(false),
    OTHER(false);

    private static final Method[] ALL = values();

    private final boolean idempotent;

    @SuppressWarnings("ImmutableEnumChecker") // never written to
    private final byte[] bytes;

    Method(boolean idempotent) {
        this.idempotent = idempotent;
        bytes = Ascii.bytes(name().toUpperCase(Locale.ROOT));
    }

    /** The method named by the first {@code length} bytes; methods are case-sensitive. */
    static Method of(byte[] source, int length) {
        for (Method method : ALL) {
            if (method.bytes.length == length && method.startOf(source)) {
                return method;
            }
        }
        return OTHER;
    }

    private boolean startOf(byte[] source) {
        for (int i = 0; i < bytes.length; i++) {
            if (source[i] != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    /** RFC 9110 section 9.2.2: doing it twice is as good as once, so it may be sent again. */
    boolean idempotent() {
        return idempotent;
    }
}
