package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;

/**
 * The head of a request, as {@link RequestHead#rewrite} made it, in the form of HTTP/2 (RFC 9113 section 8.3.1), and how the
 * body behind it is framed. One for each lane, whose thread alone uses it.
 */
final class H2Request {
    static final AsciiString AUTHORIZATION = AsciiString.cached("authorization");
    static final AsciiString COOKIE = AsciiString.cached("cookie");

    private static final AsciiString METHOD = AsciiString.cached(":method");
    private static final AsciiString SCHEME = AsciiString.cached(":scheme");
    private static final AsciiString PATH = AsciiString.cached(":path");
    private static final AsciiString AUTHORITY = AsciiString.cached(":authority");
    private static final AsciiString HTTP = AsciiString.cached("http");
    private static final AsciiString HTTPS = AsciiString.cached("https");
    private static final AsciiString TE = AsciiString.cached("te");
    private static final AsciiString TRAILERS = AsciiString.cached("trailers");
    /** Of each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2). */
    private static final int FIELD_BYTES = 32;
    /** Most heads have no more fields. */
    private static final int USUAL_FIELDS = 16;

    private byte[] bytes = new byte[2048];
    private boolean chunked;
    private long contentLength;
    private long listBytes;

    /** Whether the body comes in chunks. */
    boolean chunked() {
        return chunked;
    }

    /** Length of a body that does not, 0 for none. */
    long contentLength() {
        return contentLength;
    }

    /** Size of the fields as the other side counts it. */
    long listBytes() {
        return listBytes;
    }

    /**
     * Reads {@code head}, whose indices stay.
     *
     * @param secure whether it goes out encrypted
     */
    Http2Headers read(ByteBuf head, boolean secure) {
        int length = head.readableBytes();
        if (length > bytes.length) {
            bytes = new byte[length + length / 2];
        }
        head.getBytes(head.readerIndex(), bytes, 0, length);
        chunked = false;
        contentLength = 0;
        listBytes = 0;
        Http2Headers headers = new DefaultHttp2Headers(false, USUAL_FIELDS);
        int methodEnd = find(0, ' ');
        int targetEnd = find(methodEnd + 1, ' ');
        add(headers, METHOD, text(0, methodEnd));
        add(headers, SCHEME, secure ? HTTPS : HTTP);
        add(headers, PATH, text(methodEnd + 1, targetEnd));
        int at = find(targetEnd, '\n') + 1;
        while (bytes[at] != '\r') {
            int colon = find(at, ':');
            int end = find(colon, '\n') - 1;
            field(headers, at, colon, end);
            at = end + 2;
        }
        return headers;
    }

    private void field(Http2Headers headers, int from, int colon, int lineEnd) {
        int start = colon + 1;
        int end = lineEnd;
        while (start < end && Ascii.blank(bytes[start])) {
            start++;
        }
        while (end > start && Ascii.blank(bytes[end - 1])) {
            end--;
        }
        Field field = Field.of(bytes, from, colon);
        switch (field) {
            case HOST -> {
                if (end > start) {
                    add(headers, AUTHORITY, text(start, end));
                }
            }
            case TE -> add(headers, TE, TRAILERS);
            case TRANSFER_ENCODING -> chunked = true;
            case CONTENT_LENGTH -> {
                for (int i = start; i < end; i++) {
                    contentLength = contentLength * 10 + (bytes[i] - '0');
                }
                add(headers, H2Message.CONTENT_LENGTH, text(start, end));
            }
            default -> {
                if (!field.hopByHop()) {
                    add(headers, text(from, colon).toLowerCase(), text(start, end));
                }
            }
        }
    }

    private void add(Http2Headers headers, AsciiString name, AsciiString value) {
        headers.add(name, value);
        listBytes += name.length() + value.length() + FIELD_BYTES;
    }

    private AsciiString text(int from, int to) {
        return new AsciiString(bytes, from, to - from, true);
    }

    private int find(int from, char wanted) {
        int at = from;
        while (bytes[at] != wanted) {
            at++;
        }
        return at;
    }
}
