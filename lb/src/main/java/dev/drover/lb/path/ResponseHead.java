package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import org.jspecify.annotations.Nullable;

/** A response head, checked and ready to be written anew for the client; reused as {@link RequestHead} is. */
final class ResponseHead {
    private static final byte[] CHUNKED = Ascii.bytes("chunked");
    private static final byte[] VERSION = Ascii.bytes("HTTP/1.1 ");
    private static final byte[] CRLF = Ascii.bytes("\r\n");
    private static final byte[] CHUNKED_LINE = Ascii.bytes("Transfer-Encoding: chunked\r\n");
    private static final byte[] CLOSE_LINE = Ascii.bytes("Connection: close\r\n");
    private static final byte[] KEEP_ALIVE_LINE = Ascii.bytes("Connection: keep-alive\r\n");
    private static final byte[] UPGRADE_LINE = Ascii.bytes("Connection: Upgrade\r\n");

    private final Fields fields = new Fields();
    private byte[] bytes = new byte[0];
    private int status;
    private int reasonEnd;
    private boolean keepAlive;
    private boolean chunked;
    private long contentLength;
    private @Nullable StickyCookie cookie;
    private long token;
    private boolean secure;

    /** What Connection tells the client. */
    enum Persistence {
        /** Nothing: HTTP/1.1 goes on by itself. */
        IMPLIED,
        /** A client of HTTP/1.0 that asked for it. */
        KEEP_ALIVE,
        CLOSE
    }

    /** Parses the head in {@code source} from 0 to {@code length}; false when it must not be forwarded. */
    boolean parse(byte[] source, int length) {
        cookie = null;
        bytes = source;
        contentLength = -1;
        chunked = false;
        int line = 0;
        while (line < length && bytes[line] != '\n') {
            line++;
        }
        if (line < 1 || line >= length || bytes[line - 1] != '\r' || !statusLine(line - 1)) {
            return false;
        }
        return fields.parse(source, line + 1, length) == Fields.Result.OK && meaning(bytes[7] == '0');
    }

    private boolean statusLine(int end) {
        // HTTP/1.1 200[ reason]
        boolean shape = end >= 12
                && bytes[0] == 'H'
                && bytes[1] == 'T'
                && bytes[2] == 'T'
                && bytes[3] == 'P'
                && bytes[4] == '/'
                && bytes[5] == '1'
                && bytes[6] == '.'
                && (bytes[7] == '0' || bytes[7] == '1')
                && bytes[8] == ' '
                && bytes[9] >= '1'
                && bytes[9] <= '9'
                && Ascii.digit(bytes[10])
                && Ascii.digit(bytes[11])
                && (end == 12 || bytes[12] == ' ');
        if (!shape) {
            return false;
        }
        for (int i = 12; i < end; i++) {
            if (!Ascii.value(bytes[i])) {
                return false;
            }
        }
        status = (bytes[9] - '0') * 100 + (bytes[10] - '0') * 10 + bytes[11] - '0';
        reasonEnd = end;
        return true;
    }

    private boolean meaning(boolean http10) {
        boolean transferEncoding = false;
        for (int i = 0; i < fields.count(); i++) {
            switch (fields.field(i)) {
                case CONTENT_LENGTH -> {
                    long length = fields.length(i);
                    if (length < 0 || contentLength >= 0) {
                        return false;
                    }
                    contentLength = length;
                }
                case TRANSFER_ENCODING -> {
                    if (transferEncoding || http10 || !fields.valueIs(i, CHUNKED)) {
                        return false;
                    }
                    transferEncoding = true;
                    chunked = true;
                }
                default -> {}
            }
        }
        keepAlive = http10 ? fields.keepAlive() && !fields.close() : !fields.close();
        return !transferEncoding || contentLength < 0;
    }

    int status() {
        return status;
    }

    boolean informational() {
        return status < 200;
    }

    /** Whether the target lets the connection go on. */
    boolean keepAlive() {
        return keepAlive;
    }

    boolean chunked() {
        return chunked;
    }

    long contentLength() {
        return contentLength;
    }

    /** RFC 9112 section 6.3: these end with their head whatever the fields say. */
    boolean bodyless(Method method) {
        return method == Method.HEAD || status < 200 || status == 204 || status == 304;
    }

    /** Adds a Set-Cookie line to this head. */
    void set(StickyCookie sticky, long named, boolean encrypted) {
        cookie = sticky;
        token = named;
        secure = encrypted;
    }

    /** The value of the Set-Cookie line that was added, or null. */
    @Nullable
    String setCookie() {
        return cookie == null ? null : cookie.value(token, secure);
    }

    /** The head as the client gets it; the caller owns the buffer. */
    ByteBuf rewrite(ByteBufAllocator allocator, Persistence persistence, boolean sendChunked) {
        ByteBuf out = allocator.directBuffer(
                fields.count() == 0
                        ? 256
                        : fields.lineEnd(fields.count() - 1) + 96 + (cookie == null ? 0 : cookie.maxLineBytes()));
        out.writeBytes(VERSION);
        out.writeBytes(bytes, 9, reasonEnd - 9);
        if (reasonEnd == 12) {
            out.writeByte(' ');
        }
        out.writeBytes(CRLF);
        copyFields(out);
        if (cookie != null) {
            cookie.write(out, token, secure);
        }
        if (sendChunked) {
            out.writeBytes(CHUNKED_LINE);
        }
        if (status == 101) {
            out.writeBytes(UPGRADE_LINE);
        } else if (persistence == Persistence.CLOSE) {
            out.writeBytes(CLOSE_LINE);
        } else if (persistence == Persistence.KEEP_ALIVE) {
            out.writeBytes(KEEP_ALIVE_LINE);
        }
        out.writeBytes(CRLF);
        return out;
    }

    private void copyFields(ByteBuf out) {
        int run = -1;
        for (int i = 0; i < fields.count(); i++) {
            if (passes(i)) {
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

    Fields fields() {
        return fields;
    }

    /** Whether field {@code i} may go to a client of HTTP/2, which knows no upgrade (RFC 9113 section 8.2.2). */
    boolean passesToH2(int i) {
        return fields.field(i) != Field.UPGRADE && passes(i);
    }

    private boolean passes(int i) {
        return switch (fields.field(i)) {
            case UPGRADE -> status == 101 || status == 426;
            case CONTENT_LENGTH -> status >= 200 && status != 204;
            default -> !fields.field(i).hopByHop() && !fields.listed(i);
        };
    }
}
