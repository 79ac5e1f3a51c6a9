package dev.drover.lb.path;

import java.util.Arrays;
import java.util.Locale;

/** Header fields that mean something to a proxy; all others pass unseen. */
enum Field {
    OTHER(false, false),
    HOST(false, true),
    CONTENT_LENGTH(false, true),
    TRANSFER_ENCODING(true, true),
    CONNECTION(true, true),
    KEEP_ALIVE(true, true),
    PROXY_CONNECTION(true, true),
    TE(true, true),
    UPGRADE(true, true),
    HTTP2_SETTINGS(true, true),
    PROXY_AUTHENTICATE(true, true),
    PROXY_AUTHORIZATION(true, true),
    /** A client could set the variable HTTP_PROXY of CGI programs by it ("httpoxy"). */
    PROXY(true, true),
    EXPECT(false, true),
    X_FORWARDED_FOR(false, true),
    X_FORWARDED_PROTO(false, true),
    X_FORWARDED_HOST(false, true),
    X_FORWARDED_PORT(false, true),
    /** RFC 7239; never made here, and passed on for those alone who are believed. */
    FORWARDED(false, true),
    X_REAL_IP(false, true),
    TRAILER(false, true),
    AUTHORIZATION(false, true),
    COOKIE(false, true),
    SET_COOKIE(false, true),
    CONTENT_TYPE(false, true),
    CONTENT_RANGE(false, true),
    CONTENT_ENCODING(false, true),
    CACHE_CONTROL(false, true),
    MAX_FORWARDS(false, true),
    USER_AGENT(false, false),
    REFERER(false, false),
    /** W3C Trace Context. */
    TRACEPARENT(false, true),
    TRACESTATE(false, true);

    private static final int MAX_LENGTH = 19;
    /** The fields by the length of their names. */
    private static final Field[][] BY_LENGTH = new Field[MAX_LENGTH + 1][];

    static {
        for (int length = 0; length <= MAX_LENGTH; length++) {
            int wanted = length;
            BY_LENGTH[length] = Arrays.stream(values())
                    .filter(field -> field != OTHER && field.lowerCase.length == wanted)
                    .toArray(Field[]::new);
        }
    }

    @SuppressWarnings("ImmutableEnumChecker") // never written to
    private final byte[] lowerCase;

    private final boolean hopByHop;
    private final boolean barredFromTrailer;

    Field(boolean hopByHop, boolean barredFromTrailer) {
        this.hopByHop = hopByHop;
        this.barredFromTrailer = barredFromTrailer;
        lowerCase = Ascii.bytes(name().toLowerCase(Locale.ROOT).replace('_', '-'));
    }

    static Field of(byte[] bytes, int from, int to) {
        if (to - from <= MAX_LENGTH) {
            for (Field field : BY_LENGTH[to - from]) {
                if (Ascii.equal(bytes, from, to, field.lowerCase)) {
                    return field;
                }
            }
        }
        return OTHER;
    }

    /** RFC 9110 section 7.6.1: concerns one connection only and is never forwarded as it is. */
    boolean hopByHop() {
        return hopByHop;
    }

    /** RFC 9110 section 6.5.1: framing, routing, authentication and the like do not belong into trailers. */
    boolean barredFromTrailer() {
        return barredFromTrailer;
    }
}
