package dev.drover.lb;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One request over a connection of HTTP/2 of its own (RFC 9113), for a health check. Says no more than that takes: no
 * dynamic table of HPACK, one window, answers up to a few kilobytes. Blocks.
 */
final class H2Call {
    private static final int DATA = 0;
    private static final int HEADERS = 1;
    private static final int RST_STREAM = 3;
    private static final int SETTINGS = 4;
    private static final int PING = 6;
    private static final int GOAWAY = 7;
    private static final int CONTINUATION = 9;
    private static final int END_STREAM = 1;
    private static final int ACK = 1;
    private static final int END_HEADERS = 4;
    private static final int PADDED = 8;
    private static final int PRIORITY = 0x20;
    private static final int PRIORITY_BYTES = 5;
    private static final int MAX_FRAME_BYTES = 16_384;
    private static final int MAX_HEAD_BYTES = 32 * 1024;
    private static final int MAX_FRAMES = 1_000;
    private static final byte[] PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private final Socket socket;
    private final DataInputStream in;
    private final DefaultHttp2HeadersDecoder fields = new DefaultHttp2HeadersDecoder(false, MAX_HEAD_BYTES);

    /**
     * An answer, or its beginning.
     *
     * @param body null when the head alone was waited for
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Answer(int status, byte @Nullable [] body) {}

    H2Call(Socket socket, HealthProbe.Timed timed) {
        this.socket = socket;
        in = timed.data();
    }

    /**
     * Asks, and reads the answer to its end when {@code maxBytes} is above 0, and its head alone otherwise.
     *
     * @param fields names and values in turn, pseudo fields first
     * @param body null for none
     * @throws IOException when there is no answer, or one with more bytes
     */
    Answer ask(byte @Nullable [] body, int maxBytes, String... fields) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(PREFACE);
        frame(bytes, SETTINGS, 0, 0, new byte[0]);
        frame(bytes, HEADERS, END_HEADERS | (body == null ? END_STREAM : 0), 1, block(fields));
        if (body != null) {
            frame(bytes, DATA, END_STREAM, 1, body);
        }
        socket.getOutputStream().write(bytes.toByteArray());
        return answer(maxBytes);
    }

    /** Literals that are not indexed (RFC 7541 section 6.2.2). */
    private static byte[] block(String... fields) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < fields.length; i += 2) {
            out.write(0);
            literal(out, fields[i]);
            literal(out, fields[i + 1]);
        }
        return out.toByteArray();
    }

    private static void literal(ByteArrayOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        if (bytes.length < 127) {
            out.write(bytes.length);
        } else {
            out.write(127);
            int rest = bytes.length - 127;
            while (rest > 127) {
                out.write(rest & 127 | 128);
                rest >>= 7;
            }
            out.write(rest);
        }
        out.write(bytes);
    }

    private static void frame(ByteArrayOutputStream to, int type, int flags, int stream, byte[] payload)
            throws IOException {
        DataOutputStream out = new DataOutputStream(to);
        out.writeByte(payload.length >> 16);
        out.writeShort(payload.length & 0xffff);
        out.writeByte(type);
        out.writeByte(flags);
        out.writeInt(stream);
        out.write(payload);
    }

    private Answer answer(int maxBytes) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        boolean ends = false;
        int status = 0;
        for (int frames = 0; frames < MAX_FRAMES; frames++) {
            int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
            int type = in.readUnsignedByte();
            int flags = in.readUnsignedByte();
            in.readInt();
            if (length > MAX_FRAME_BYTES || frames == 0 && type != SETTINGS) {
                throw new IOException("no HTTP/2");
            }
            byte[] payload = new byte[length];
            in.readFully(payload);
            switch (type) {
                case HEADERS, CONTINUATION -> {
                    head.write(type == HEADERS ? content(payload, flags, true) : payload);
                    ends |= type == HEADERS && (flags & END_STREAM) != 0;
                    if (head.size() > MAX_HEAD_BYTES) {
                        throw new IOException("head too long");
                    }
                    if ((flags & END_HEADERS) != 0) {
                        status = status < 200 ? status(head.toByteArray()) : status;
                        head.reset();
                        if (ends || status >= 200 && maxBytes == 0) {
                            return new Answer(status, maxBytes == 0 ? null : body.toByteArray());
                        }
                    }
                }
                case DATA -> {
                    body.write(content(payload, flags, false));
                    if (body.size() > maxBytes) {
                        throw new IOException("answer too long");
                    }
                    if ((flags & END_STREAM) != 0) {
                        return new Answer(status, body.toByteArray());
                    }
                }
                case SETTINGS, PING -> acknowledge(type, flags, payload);
                case RST_STREAM, GOAWAY -> throw new IOException("request refused");
                default -> {}
            }
        }
        throw new IOException("no answer");
    }

    private void acknowledge(int type, int flags, byte[] payload) throws IOException {
        if ((flags & ACK) == 0) {
            ByteArrayOutputStream ack = new ByteArrayOutputStream();
            frame(ack, type, ACK, 0, type == PING ? payload : new byte[0]);
            socket.getOutputStream().write(ack.toByteArray());
        }
    }

    /** What is left without padding and priority. */
    private static byte[] content(byte[] payload, int flags, boolean head) throws IOException {
        int from = 0;
        int to = payload.length;
        if ((flags & PADDED) != 0 && to > 0) {
            from = 1;
            to -= payload[0] & 0xff;
        }
        from += head && (flags & PRIORITY) != 0 ? PRIORITY_BYTES : 0;
        if (from > to) {
            throw new IOException("no HTTP/2");
        }
        return Arrays.copyOfRange(payload, from, to);
    }

    private int status(byte[] block) throws IOException {
        ByteBuf bytes = Unpooled.wrappedBuffer(block);
        try {
            CharSequence status = fields.decodeHeaders(1, bytes).status();
            if (status == null || !status.toString().matches("[1-5][0-9][0-9]")) {
                throw new IOException("no HTTP/2");
            }
            return Integer.parseInt(status.toString());
        } catch (Http2Exception e) {
            throw new IOException("no HTTP/2", e);
        }
    }
}
