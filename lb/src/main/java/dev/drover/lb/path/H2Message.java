package dev.drover.lb.path;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Heads and trailers of HTTP/2 as such of HTTP/1.1 and the other way round (RFC 9113 section 8). What comes in is checked
 * here by the rules of HTTP/2, byte by byte, and then, as any head, by the parser of HTTP/1.1. One for each lane, whose
 * thread alone uses it.
 */
final class H2Message {
    static final AsciiString CONTENT_LENGTH = AsciiString.cached("content-length");

    /** From {@link #request}: refuse the stream as malformed (RFC 9113 section 8.1.1). */
    static final int MALFORMED = -1;
    /** From {@link #request}: does not fit into the longest head. */
    static final int TOO_LARGE = -2;

    private static final AsciiString METHOD = AsciiString.cached(":method");
    private static final AsciiString SCHEME = AsciiString.cached(":scheme");
    private static final AsciiString PATH = AsciiString.cached(":path");
    private static final AsciiString AUTHORITY = AsciiString.cached(":authority");
    private static final AsciiString STATUS = AsciiString.cached(":status");
    private static final AsciiString HOST = AsciiString.cached("host");
    private static final AsciiString COOKIE = AsciiString.cached("cookie");
    private static final AsciiString TE = AsciiString.cached("te");
    private static final AsciiString TRAILERS = AsciiString.cached("trailers");
    private static final AsciiString HEAD = AsciiString.cached("HEAD");
    private static final AsciiString POST = AsciiString.cached("POST");
    private static final AsciiString PUT = AsciiString.cached("PUT");
    private static final AsciiString PATCH = AsciiString.cached("PATCH");
    private static final AsciiString CONNECT = AsciiString.cached("CONNECT");
    private static final AsciiString NOT_MODIFIED = AsciiString.cached("304");
    private static final AsciiString[] CONNECTION_SPECIFIC = {
        AsciiString.cached("connection"),
        AsciiString.cached("keep-alive"),
        AsciiString.cached("proxy-connection"),
        AsciiString.cached("transfer-encoding"),
        AsciiString.cached("upgrade")
    };
    private static final byte[] VERSION_HOST = Ascii.bytes(" HTTP/1.1\r\n");
    private static final byte[] STATUS_LINE = Ascii.bytes("HTTP/1.1 ");
    private static final byte[] CHUNKED = Ascii.bytes("Transfer-Encoding: chunked\r\n");
    private static final byte[] NO_CONTENT = Ascii.bytes("Content-Length: 0\r\n");

    private final byte[] out;
    private int length;
    private boolean full;

    private @Nullable CharSequence method;
    private @Nullable CharSequence scheme;
    private @Nullable CharSequence path;
    private @Nullable CharSequence authority;
    private @Nullable CharSequence status;

    /** @param scratch where heads are written, from its begin */
    H2Message(byte[] scratch) {
        out = scratch;
    }

    /**
     * Writes a request head as HTTP/1.1.
     *
     * @param ends there is no body
     * @return its length, {@link #MALFORMED} or {@link #TOO_LARGE}
     */
    int request(Http2Headers headers, boolean ends) {
        if (!pseudo(headers)
                || method == null
                || status != null
                || !token(method)
                || !fields(headers)
                || !authorityIsHost(headers)) {
            return MALFORMED;
        }
        CharSequence target = target();
        if (target == null) {
            return MALFORMED;
        }
        begin();
        put(method);
        put(' ');
        put(target);
        put(VERSION_HOST);
        CharSequence host = authority == null ? headers.get(HOST) : authority;
        if (host != null) {
            put(HOST);
            put(':');
            put(host);
            line();
        }
        boolean hasLength = false;
        boolean cookies = false;
        for (Map.Entry<CharSequence, CharSequence> field : headers) {
            CharSequence name = field.getKey();
            if (name.charAt(0) == ':' || HOST.contentEquals(name)) {
                continue;
            }
            if (COOKIE.contentEquals(name)) {
                cookies = true;
                continue;
            }
            hasLength |= CONTENT_LENGTH.contentEquals(name);
            field(name, field.getValue());
        }
        if (cookies) {
            cookies(headers);
        }
        if (!hasLength && !ends) {
            put(CHUNKED);
        } else if (!hasLength && method != null && expectsContent(method)) {
            put(NO_CONTENT);
        }
        line();
        return full ? TOO_LARGE : length;
    }

    /** RFC 9110 section 8.6: where content has a meaning, its absence is told; some servers answer 411 otherwise. */
    private static boolean expectsContent(CharSequence method) {
        return POST.contentEquals(method) || PUT.contentEquals(method) || PATCH.contentEquals(method);
    }

    /** The request target, or null when pseudo fields are missing or more than allowed (RFC 9113 section 8.3.1). */
    private @Nullable CharSequence target() {
        if (method != null && CONNECT.contentEquals(method)) {
            return scheme == null && path == null && authority != null && targetFits(authority) ? authority : null;
        }
        if (scheme == null || path == null || !schemeFits(scheme) || !targetFits(path)) {
            return null;
        }
        return path.charAt(0) == '/' || path.length() == 1 && path.charAt(0) == '*' ? path : null;
    }

    private static boolean schemeFits(CharSequence scheme) {
        for (int i = 0; i < scheme.length(); i++) {
            char c = scheme.charAt(i);
            boolean letter = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z';
            if (!letter && (i == 0 || !(c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'))) {
                return false;
            }
        }
        return !scheme.isEmpty();
    }

    private static boolean targetFits(CharSequence target) {
        for (int i = 0; i < target.length(); i++) {
            if (target.charAt(i) > 0xff || !Ascii.target((byte) target.charAt(i))) {
                return false;
            }
        }
        return !target.isEmpty();
    }

    /** RFC 9113 section 8.3.1: a request that names two hosts is malformed. */
    private boolean authorityIsHost(Http2Headers headers) {
        CharSequence host = null;
        for (CharSequence value : headers.getAll(HOST)) {
            if (host != null) {
                return false;
            }
            host = value;
        }
        return host == null || authority == null || AsciiString.contentEqualsIgnoreCase(host, authority);
    }

    /** RFC 9113 section 8.2.3: crumbs are joined for HTTP/1.1. */
    private void cookies(Http2Headers headers) {
        put(COOKIE);
        put(':');
        boolean first = true;
        for (CharSequence crumb : headers.getAll(COOKIE)) {
            if (!first) {
                put(';');
                put(' ');
            }
            first = false;
            put(crumb);
        }
        line();
    }

    /** Whether the last request was HEAD. */
    boolean head() {
        return method != null && HEAD.contentEquals(method);
    }

    /**
     * Writes a response head as HTTP/1.1; its body is without chunks.
     *
     * @param empty the body is known to have no bytes, and a length that says so is wanted
     * @return its length, {@link #MALFORMED} or {@link #TOO_LARGE}
     */
    int response(Http2Headers headers, boolean empty) {
        boolean fits = pseudo(headers)
                && method == null
                && scheme == null
                && path == null
                && authority == null
                && fields(headers);
        if (!fits || status == null || status.length() != 3) {
            return MALFORMED;
        }
        begin();
        put(STATUS_LINE);
        put(status);
        put(' ');
        line();
        boolean hasLength = false;
        for (Map.Entry<CharSequence, CharSequence> field : headers) {
            if (field.getKey().charAt(0) != ':') {
                hasLength |= CONTENT_LENGTH.contentEquals(field.getKey());
                field(field.getKey(), field.getValue());
            }
        }
        if (empty && !hasLength && status.charAt(0) != '1' && !NOT_MODIFIED.contentEquals(status)) {
            put(NO_CONTENT);
        }
        line();
        return full ? TOO_LARGE : length;
    }

    /**
     * Writes trailers as lines with an empty line at their end.
     *
     * @return their length, {@link #MALFORMED} or {@link #TOO_LARGE}
     */
    int trailers(Http2Headers headers) {
        if (!pseudo(headers)
                || method != null
                || scheme != null
                || path != null
                || authority != null
                || status != null
                || !fields(headers)) {
            return MALFORMED;
        }
        begin();
        for (Map.Entry<CharSequence, CharSequence> field : headers) {
            field(field.getKey(), field.getValue());
        }
        line();
        return full ? TOO_LARGE : length;
    }

    /** Collects the pseudo fields; false when one comes twice, late or is not known. */
    private boolean pseudo(Http2Headers headers) {
        method = null;
        scheme = null;
        path = null;
        authority = null;
        status = null;
        if (headers instanceof H2Received received && !received.orderly()) {
            return false;
        }
        for (Map.Entry<CharSequence, CharSequence> field : headers) {
            CharSequence name = field.getKey();
            if (name.isEmpty()) {
                return false;
            }
            if (name.charAt(0) == ':' && !pseudo(name, field.getValue())) {
                return false;
            }
        }
        return true;
    }

    private boolean pseudo(CharSequence name, CharSequence value) {
        if (METHOD.contentEquals(name) && method == null) {
            method = value;
        } else if (SCHEME.contentEquals(name) && scheme == null) {
            scheme = value;
        } else if (PATH.contentEquals(name) && path == null) {
            path = value;
        } else if (AUTHORITY.contentEquals(name) && authority == null && value(value)) {
            authority = value;
        } else if (STATUS.contentEquals(name) && status == null) {
            status = value;
        } else {
            return false;
        }
        return true;
    }

    /** RFC 9113 sections 8.2.1 and 8.2.2: names, values, and none that belong to a connection. */
    private static boolean fields(Http2Headers headers) {
        for (Map.Entry<CharSequence, CharSequence> field : headers) {
            CharSequence name = field.getKey();
            CharSequence value = field.getValue();
            if (name.charAt(0) == ':') {
                continue;
            }
            if (!lowerToken(name) || !value(value) || TE.contentEquals(name) && !TRAILERS.contentEquals(value)) {
                return false;
            }
            for (AsciiString barred : CONNECTION_SPECIFIC) {
                if (barred.contentEquals(name)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean token(CharSequence text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) > 0x7f || !Ascii.token((byte) text.charAt(i))) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    private static boolean lowerToken(CharSequence name) {
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c > 0x7f || c >= 'A' && c <= 'Z' || !Ascii.token((byte) c)) {
                return false;
            }
        }
        return true;
    }

    private static boolean value(CharSequence value) {
        int length = value.length();
        if (length > 0 && (Ascii.blank((byte) value.charAt(0)) || Ascii.blank((byte) value.charAt(length - 1)))) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            if (value.charAt(i) > 0xff || !Ascii.value((byte) value.charAt(i))) {
                return false;
            }
        }
        return true;
    }

    private void begin() {
        length = 0;
        full = false;
    }

    private void field(CharSequence name, CharSequence value) {
        put(name);
        put(':');
        put(value);
        line();
    }

    private void put(CharSequence text) {
        if (text.length() > out.length - length) {
            full = true;
            return;
        }
        for (int i = 0; i < text.length(); i++) {
            out[length++] = (byte) text.charAt(i);
        }
    }

    private void put(byte[] bytes) {
        if (bytes.length > out.length - length) {
            full = true;
            return;
        }
        System.arraycopy(bytes, 0, out, length, bytes.length);
        length += bytes.length;
    }

    private void put(char c) {
        if (length == out.length) {
            full = true;
        } else {
            out[length++] = (byte) c;
        }
    }

    private void line() {
        put('\r');
        put('\n');
    }

    /** A response head for a client of HTTP/2. */
    static Http2Headers response(ResponseHead head) {
        Http2Headers headers = new DefaultHttp2Headers(false, head.fields().count() + 4);
        headers.add(STATUS, AsciiString.cached(Integer.toString(head.status())));
        Fields fields = head.fields();
        for (int i = 0; i < fields.count(); i++) {
            if (head.passesToH2(i)) {
                headers.add(name(fields, i), value(fields, i));
            }
        }
        return headers;
    }

    /** Trailers for the other side of HTTP/2; null when none may pass. */
    static @Nullable Http2Headers trailers(Fields fields) {
        Http2Headers headers = null;
        for (int i = 0; i < fields.count(); i++) {
            if (fields.passesInTrailers(i)) {
                headers = headers == null ? new DefaultHttp2Headers(false, fields.count()) : headers;
                headers.add(name(fields, i), value(fields, i));
            }
        }
        return headers;
    }

    static AsciiString name(Fields fields, int i) {
        int start = fields.lineStart(i);
        return new AsciiString(fields.bytes(), start, fields.nameEnd(i) - start, true).toLowerCase();
    }

    static AsciiString value(Fields fields, int i) {
        int start = fields.valueStart(i);
        return new AsciiString(fields.bytes(), start, fields.valueEnd(i) - start, true);
    }
}
