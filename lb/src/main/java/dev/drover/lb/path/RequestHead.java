package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Arrays;

/**
 * A request head (RFC 9112 sections 2 to 6), checked and ready to be written anew for a target. Offsets point into the
 * lane's scratch bytes; reused from request to request by one thread.
 */
final class RequestHead {
    private static final int MAX_METHOD_BYTES = 32;
    /** Of {@link #trace}. */
    private static final int AMBIGUOUS = -2;

    private static final byte[] CHUNKED = Ascii.bytes("chunked");
    private static final byte[] CONTINUE = Ascii.bytes("100-continue");
    private static final byte[] TRAILERS = Ascii.bytes("trailers");
    private static final byte[] H2C = Ascii.bytes("h2c");
    private static final byte[] HTTP = Ascii.bytes("http://");
    private static final byte[] HTTPS = Ascii.bytes("https://");

    private static final byte[] VERSION_HOST = Ascii.bytes(" HTTP/1.1\r\nHost: ");
    private static final byte[] CRLF = Ascii.bytes("\r\n");
    private static final byte[] CHUNKED_LINE = Ascii.bytes("Transfer-Encoding: chunked\r\n");
    private static final byte[] TE_LINES = Ascii.bytes("Connection: TE\r\nTE: trailers\r\n");
    private static final byte[] UPGRADE_LINE = Ascii.bytes("Connection: Upgrade\r\n");
    private static final byte[] FORWARDED_FOR = Ascii.bytes("X-Forwarded-For: ");
    private static final byte[] FORWARDED_HOST = Ascii.bytes("X-Forwarded-Host: ");
    private static final byte[] TRACEPARENT = Ascii.bytes("traceparent: ");
    private static final byte[] COMMA = Ascii.bytes(", ");

    private final Fields fields = new Fields();
    private byte[] bytes = new byte[0];
    private Method method = Method.OTHER;
    private int methodEnd;
    private int targetStart;
    private int targetEnd;
    private int pathEnd;
    private int hostStart;
    private int hostEnd;
    private boolean asterisk;
    private boolean http10;
    private boolean keepAlive;
    private boolean chunked;
    private long contentLength;
    private boolean expectContinue;
    private boolean upgrade;
    private boolean trailers;
    private int length;
    /** Field that names the trace; -1 when there is none that may be believed. */
    private int trace;

    private boolean traceMade;
    private final byte[] madeTrace = new byte[TraceContext.LENGTH];

    /**
     * Parses the head in {@code source} from 0 to {@code to}, its last bytes being the empty line.
     *
     * @param maxLineBytes of the request line with its end
     * @param maxFields at most {@link Fields#MAX_COUNT}
     * @return 0, or the status to refuse it with
     */
    int parse(byte[] source, int to, int maxLineBytes, int maxFields) {
        bytes = source;
        length = to;
        trace = -1;
        traceMade = false;
        contentLength = -1;
        chunked = false;
        expectContinue = false;
        upgrade = false;
        trailers = false;
        asterisk = false;
        hostStart = -1;
        hostEnd = -1;
        pathEnd = -1;
        int line = 0;
        while (line < length && bytes[line] != '\n') {
            line++;
        }
        if (line > maxLineBytes) {
            return 414;
        }
        if (line < 1 || line >= length || bytes[line - 1] != '\r') {
            return 400;
        }
        int status = requestLine(line - 1);
        if (status != 0) {
            return status;
        }
        switch (fields.parse(source, line + 1, length)) {
            case MALFORMED -> {
                return 400;
            }
            case TOO_MANY -> {
                return 431;
            }
            case OK -> {}
        }
        return fields.count() > maxFields ? 431 : meaning();
    }

    private int requestLine(int end) {
        int at = 0;
        while (at < end && Ascii.token(bytes[at])) {
            at++;
        }
        if (at == 0 || at > MAX_METHOD_BYTES || at == end || bytes[at] != ' ') {
            return 400;
        }
        methodEnd = at;
        method = Method.of(bytes, at);
        targetStart = ++at;
        while (at < end && Ascii.target(bytes[at])) {
            at++;
        }
        targetEnd = at;
        if (at == targetStart || at == end || bytes[at] != ' ') {
            return 400;
        }
        return version(at + 1, end);
    }

    private int version(int at, int end) {
        boolean name = end - at == 8
                && bytes[at] == 'H'
                && bytes[at + 1] == 'T'
                && bytes[at + 2] == 'T'
                && bytes[at + 3] == 'P'
                && bytes[at + 4] == '/'
                && Ascii.digit(bytes[at + 5])
                && bytes[at + 6] == '.'
                && Ascii.digit(bytes[at + 7]);
        if (!name) {
            return 400;
        }
        if (bytes[at + 5] != '1' || bytes[at + 7] > '1') {
            return 505;
        }
        http10 = bytes[at + 7] == '0';
        if (method == Method.CONNECT) {
            return 501;
        }
        return target();
    }

    /** RFC 9112 section 3.2: origin form, absolute form, or the asterisk of OPTIONS. */
    private int target() {
        if (bytes[targetStart] == '/') {
            return 0;
        }
        if (targetEnd - targetStart == 1 && bytes[targetStart] == '*') {
            asterisk = true;
            return method == Method.OPTIONS ? 0 : 400;
        }
        int scheme = scheme(HTTP) ? HTTP.length : scheme(HTTPS) ? HTTPS.length : -1;
        if (scheme < 0) {
            return 400;
        }
        int at = targetStart + scheme;
        hostStart = at;
        while (at < targetEnd && bytes[at] != '/' && bytes[at] != '?') {
            at++;
        }
        hostEnd = at;
        if (hostEnd == hostStart || !Authority.valid(bytes, hostStart, hostEnd)) {
            return 400;
        }
        targetStart = at;
        if (targetStart == targetEnd && method == Method.OPTIONS) {
            asterisk = true;
        }
        return 0;
    }

    private boolean scheme(byte[] prefix) {
        return targetEnd - targetStart > prefix.length
                && Ascii.equal(bytes, targetStart, targetStart + prefix.length, prefix);
    }

    private int meaning() {
        int hosts = 0;
        boolean transferEncoding = false;
        boolean upgradeField = false;
        boolean h2c = false;
        for (int i = 0; i < fields.count(); i++) {
            switch (fields.field(i)) {
                case HOST -> {
                    if (++hosts > 1 || !host(i)) {
                        return 400;
                    }
                }
                case CONTENT_LENGTH -> {
                    if (contentLength >= 0) {
                        return 400;
                    }
                    contentLength = fields.length(i);
                    if (contentLength < 0) {
                        return 400;
                    }
                }
                case TRANSFER_ENCODING -> {
                    if (transferEncoding) {
                        return 400;
                    }
                    transferEncoding = true;
                    chunked = fields.valueIs(i, CHUNKED);
                    if (!chunked) {
                        // The end of the body is not known (400), or it is and the coding is not (501).
                        return endsWithChunked(i) ? 501 : 400;
                    }
                }
                case EXPECT -> {
                    if (!fields.valueIs(i, CONTINUE)) {
                        return 417;
                    }
                    expectContinue = !http10;
                }
                case TRACEPARENT -> trace(i);
                case TE -> trailers |= fields.listHas(i, TRAILERS);
                case UPGRADE -> {
                    upgradeField = true;
                    h2c |= fields.listHas(i, H2C);
                }
                default -> {}
            }
        }
        if (hosts == 0 && !http10) {
            return 400;
        }
        if (transferEncoding && (contentLength >= 0 || http10)) {
            return 400;
        }
        keepAlive = http10 ? fields.keepAlive() && !fields.close() : !fields.close();
        upgrade = upgradeField
                && fields.upgrade()
                && !http10
                && !h2c
                && method == Method.GET
                && !chunked
                && contentLength <= 0;
        return 0;
    }

    /** Two of them are as good as none (W3C Trace Context section 3.2). */
    private void trace(int i) {
        boolean valid = trace == -1 && TraceContext.valid(bytes, fields.valueStart(i), fields.valueEnd(i));
        trace = valid ? i : AMBIGUOUS;
    }

    /**
     * Gives the request a trace when it has none.
     *
     * @param sample share of these, in percent, that is marked to be recorded
     */
    void ensureTrace(LbLane lane, int sample) {
        if (trace < 0) {
            traceMade = true;
            TraceContext.make(madeTrace, lane, Long.remainderUnsigned(lane.random(), 100) < sample);
        }
    }

    /** Bytes of the head. */
    int length() {
        return length;
    }

    /** Notes what is told of the request afterwards. */
    void describe(Transaction request) {
        request.text(Transaction.Text.METHOD, bytes, 0, methodEnd);
        request.text(Transaction.Text.TARGET, bytes, targetStart, targetEnd);
        if (hostStart >= 0) {
            request.text(Transaction.Text.HOST, bytes, hostStart, hostEnd);
        }
        for (int i = 0; i < fields.count(); i++) {
            if (fields.field(i) == Field.USER_AGENT) {
                request.text(Transaction.Text.USER_AGENT, bytes, fields.valueStart(i), fields.valueEnd(i));
            } else if (fields.field(i) == Field.REFERER) {
                request.text(Transaction.Text.REFERER, bytes, fields.valueStart(i), fields.valueEnd(i));
            }
        }
        if (traceMade) {
            request.text(Transaction.Text.TRACE, madeTrace, TraceContext.TRACE, TraceContext.TRACE_END);
        } else if (trace >= 0) {
            int start = fields.valueStart(trace);
            request.text(Transaction.Text.TRACE, bytes, start + TraceContext.TRACE, start + TraceContext.TRACE_END);
        }
    }

    private boolean endsWithChunked(int i) {
        int end = fields.valueEnd(i);
        int start = end - CHUNKED.length;
        return start > fields.valueStart(i)
                && Ascii.equal(bytes, start, end, CHUNKED)
                && (bytes[start - 1] == ',' || Ascii.blank(bytes[start - 1]));
    }

    private boolean host(int i) {
        if (!Authority.valid(bytes, fields.valueStart(i), fields.valueEnd(i))) {
            return false;
        }
        if (hostStart < 0) {
            hostStart = fields.valueStart(i);
            hostEnd = fields.valueEnd(i);
        }
        return true;
    }

    Method method() {
        return method;
    }

    boolean http10() {
        return http10;
    }

    byte[] bytes() {
        return bytes;
    }

    /** Where Host begins, or -1 when there is none. */
    int hostStart() {
        return hostStart;
    }

    int hostEnd() {
        return hostEnd;
    }

    /** Whether the client wants the connection to go on after the response. */
    boolean keepAlive() {
        return keepAlive;
    }

    boolean chunked() {
        return chunked;
    }

    /** Length of the body, or -1 when there is no Content-Length. */
    long contentLength() {
        return contentLength;
    }

    boolean hasBody() {
        return chunked || contentLength > 0;
    }

    boolean expectContinue() {
        return expectContinue;
    }

    /** Whether the client offers to change the protocol in a way that may be passed on. */
    boolean upgrade() {
        return upgrade;
    }

    // What routes look at.

    Fields fields() {
        return fields;
    }

    boolean methodIs(byte[] name) {
        return Arrays.equals(bytes, 0, methodEnd, name, 0, name.length);
    }

    int pathStart() {
        return targetStart;
    }

    /** The end of the path, where the query begins if there is one. */
    int pathEnd() {
        if (pathEnd < 0) {
            int at = targetStart;
            while (at < targetEnd && bytes[at] != '?') {
                at++;
            }
            pathEnd = at;
        }
        return pathEnd;
    }

    int hostNameStart() {
        return Math.max(0, hostStart);
    }

    /** The end of the host without its port and without the dot of a fully qualified name. */
    int hostNameEnd() {
        int from = hostNameStart();
        int to = Math.max(0, hostEnd);
        int at = from;
        boolean literal = at < to && bytes[at] == '[';
        while (at < to && (literal ? bytes[at] != ']' : bytes[at] != ':')) {
            at++;
        }
        if (literal && at < to) {
            at++;
        }
        return at > from + 1 && bytes[at - 1] == '.' ? at - 1 : at;
    }

    /** What the client's cookie names, or 0. */
    long token(StickyCookie cookie) {
        for (int i = 0; i < fields.count(); i++) {
            if (fields.field(i) == Field.COOKIE) {
                long token = cookie.token(bytes, fields.valueStart(i), fields.valueEnd(i));
                if (token != 0) {
                    return token;
                }
            }
        }
        return 0;
    }

    /** The head as the target gets it; the caller owns the buffer. */
    ByteBuf rewrite(ByteBufAllocator allocator, Forwarded forwarded) {
        ByteBuf out = allocator.directBuffer(fields.count() == 0 ? 256 : fields.lineEnd(fields.count() - 1) + 400);
        out.writeBytes(bytes, 0, methodEnd + 1);
        if (asterisk) {
            out.writeByte('*');
        } else {
            if (targetStart == targetEnd || bytes[targetStart] == '?') {
                out.writeByte('/');
            }
            out.writeBytes(bytes, targetStart, targetEnd - targetStart);
        }
        out.writeBytes(VERSION_HOST);
        host(out, forwarded);
        out.writeBytes(CRLF);
        copyFields(out, forwarded.believed());
        if (chunked) {
            out.writeBytes(CHUNKED_LINE);
        }
        if (upgrade) {
            out.writeBytes(UPGRADE_LINE);
        } else if (trailers) {
            out.writeBytes(TE_LINES);
        }
        if (traceMade) {
            out.writeBytes(TRACEPARENT).writeBytes(madeTrace).writeBytes(CRLF);
        }
        forwarded(out, forwarded);
        out.writeBytes(CRLF);
        return out;
    }

    private void host(ByteBuf out, Forwarded forwarded) {
        if (hostStart >= 0) {
            out.writeBytes(bytes, hostStart, hostEnd - hostStart);
        } else {
            out.writeBytes(forwarded.localAuthority());
        }
    }

    /** Lines that pass are copied in runs, as they stand. */
    private void copyFields(ByteBuf out, boolean believed) {
        int run = -1;
        for (int i = 0; i < fields.count(); i++) {
            if (passes(i, believed)) {
                if (run < 0) {
                    run = fields.lineStart(i);
                }
            } else if (run >= 0) {
                out.writeBytes(bytes, run, fields.lineStart(i) - run);
                run = -1;
            }
        }
        if (run >= 0) {
            out.writeBytes(bytes, run, fields.lineEnd(fields.count() - 1) - run);
        }
    }

    private boolean passes(int i, boolean believed) {
        return switch (fields.field(i)) {
            case HOST, X_FORWARDED_FOR -> false;
            case X_FORWARDED_PROTO, X_FORWARDED_HOST, X_FORWARDED_PORT, FORWARDED, X_REAL_IP -> believed;
            case UPGRADE -> upgrade;
            case EXPECT -> expectContinue;
            case CONTENT_LENGTH -> true;
            case TRACEPARENT, TRACESTATE -> !traceMade && !fields.listed(i);
            default -> !fields.field(i).hopByHop() && !fields.listed(i);
        };
    }

    /**
     * Tells for whom the request is. The client's address goes behind the addresses that a believed proxy gave, what such a
     * proxy says of the rest stands; anybody else could say anything, and is not asked.
     */
    private void forwarded(ByteBuf out, Forwarded forwarded) {
        boolean believed = forwarded.believed();
        out.writeBytes(FORWARDED_FOR);
        for (int i = 0; believed && i < fields.count(); i++) {
            if (fields.field(i) == Field.X_FORWARDED_FOR && fields.valueEnd(i) > fields.valueStart(i)) {
                out.writeBytes(bytes, fields.valueStart(i), fields.valueEnd(i) - fields.valueStart(i));
                out.writeBytes(COMMA);
            }
        }
        out.writeBytes(forwarded.clientAddress());
        out.writeBytes(CRLF);
        if (!believed || !has(Field.X_FORWARDED_HOST)) {
            out.writeBytes(FORWARDED_HOST);
            host(out, forwarded);
            out.writeBytes(CRLF);
        }
        if (!believed || !has(Field.X_FORWARDED_PROTO)) {
            out.writeBytes(forwarded.proto());
        }
        if (!believed || !has(Field.X_FORWARDED_PORT)) {
            out.writeBytes(forwarded.port());
        }
    }

    private boolean has(Field wanted) {
        for (int i = 0; i < fields.count(); i++) {
            if (fields.field(i) == wanted) {
                return true;
            }
        }
        return false;
    }
}
