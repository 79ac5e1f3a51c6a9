package dev.drover.lb;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A client, or a target, that sends frames of HTTP/2 as it is told, right or wrong; fields are never compressed. */
final class H2Wire implements AutoCloseable {
    static final int DATA = 0;
    static final int HEADERS = 1;
    static final int RST_STREAM = 3;
    static final int SETTINGS = 4;
    static final int PING = 6;
    static final int GOAWAY = 7;
    static final int WINDOW_UPDATE = 8;
    static final int CONTINUATION = 9;

    static final int END_STREAM = 1;
    static final int END_HEADERS = 4;

    /** A frame as it came. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Frame(int type, int flags, int stream, byte[] payload) {
        boolean ends() {
            return (flags & END_STREAM) != 0 && (type == DATA || type == HEADERS);
        }

        /** Error code of RST_STREAM, or of GOAWAY. */
        int error() {
            int at = type == GOAWAY ? 4 : 0;
            return (payload[at] & 0xff) << 24
                    | (payload[at + 1] & 0xff) << 16
                    | (payload[at + 2] & 0xff) << 8
                    | payload[at + 3] & 0xff;
        }
    }

    /** A response; {@code error} is -1 unless the stream was reset. */
    record Response(
            String status,
            Http2Headers head,
            String body,
            @Nullable Http2Headers trailers,
            int error) {}

    /** Streams that were ended from this side. */
    final AtomicInteger ended = new AtomicInteger();

    private final Socket socket;
    private final DataInputStream in;
    private final DefaultHttp2HeadersDecoder fields = new DefaultHttp2HeadersDecoder(true);

    H2Wire(InetSocketAddress to) throws IOException {
        this(new Socket(to.getAddress(), to.getPort()));
    }

    H2Wire(Socket connected) throws IOException {
        this(connected, new DataInputStream(connected.getInputStream()));
        socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        send(SETTINGS, 0, 0, new byte[0]);
    }

    private H2Wire(Socket connected, DataInputStream in) throws IOException {
        socket = connected;
        this.in = in;
        socket.setSoTimeout(20_000);
        socket.setTcpNoDelay(true);
    }

    /** The target's end of a connection. */
    static H2Wire target(Socket accepted) throws IOException {
        DataInputStream in = new DataInputStream(accepted.getInputStream());
        in.readFully(new byte[24]);
        return new H2Wire(accepted, in);
    }

    synchronized H2Wire send(int type, int flags, int stream, byte[] payload) throws IOException {
        if (type == RST_STREAM || (flags & END_STREAM) != 0 && (type == DATA || type == HEADERS)) {
            ended.incrementAndGet();
        }
        byte[] frame = new byte[9 + payload.length];
        frame[0] = (byte) (payload.length >> 16);
        frame[1] = (byte) (payload.length >> 8);
        frame[2] = (byte) payload.length;
        frame[3] = (byte) type;
        frame[4] = (byte) flags;
        frame[5] = (byte) (stream >> 24);
        frame[6] = (byte) (stream >> 16);
        frame[7] = (byte) (stream >> 8);
        frame[8] = (byte) stream;
        System.arraycopy(payload, 0, frame, 9, payload.length);
        socket.getOutputStream().write(frame);
        return this;
    }

    /** HEADERS with names and values in turn. */
    H2Wire headers(int stream, boolean end, String... fields) throws IOException {
        return send(HEADERS, END_HEADERS | (end ? END_STREAM : 0), stream, block(fields));
    }

    /** A whole GET without body. */
    H2Wire get(int stream, String path) throws IOException {
        return headers(stream, true, ":method", "GET", ":scheme", "http", ":path", path, ":authority", "test");
    }

    H2Wire data(int stream, boolean end, String bytes) throws IOException {
        return send(DATA, end ? END_STREAM : 0, stream, bytes.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Literal fields without indexing (RFC 7541 section 6.2.2). */
    static byte[] block(String... fields) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < fields.length; i += 2) {
            out.write(0);
            string(out, fields[i]);
            string(out, fields[i + 1]);
        }
        return out.toByteArray();
    }

    private static void string(ByteArrayOutputStream out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
        int rest = bytes.length;
        if (rest < 127) {
            out.write(rest);
        } else {
            out.write(127);
            for (rest -= 127; rest >= 128; rest >>= 7) {
                out.write(rest & 127 | 128);
            }
            out.write(rest);
        }
        out.writeBytes(bytes);
    }

    /** The next frame; null at the end of the connection. */
    @Nullable
    Frame frame() throws IOException {
        int first = in.read();
        if (first < 0) {
            return null;
        }
        int length = first << 16 | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int stream = in.readInt() & 0x7fffffff;
        byte[] payload = new byte[length];
        in.readFully(payload);
        return new Frame(type, flags, stream, payload);
    }

    /** The next frame of that type. */
    Frame frame(int type) throws IOException {
        Frame frame;
        while ((frame = frame()) != null) {
            if (frame.type() == type) {
                return frame;
            }
        }
        throw new EOFException("connection closed before a frame of type " + type);
    }

    Http2Headers decode(Frame frame) throws Http2Exception {
        ByteBuf block = Unpooled.wrappedBuffer(frame.payload());
        return fields.decodeHeaders(frame.stream(), block);
    }

    /** Reads a response to its end, acknowledging what comes; frames of other streams are passed over. */
    Response response(int stream) throws IOException, Http2Exception {
        Http2Headers head = null;
        Http2Headers trailers = null;
        StringBuilder body = new StringBuilder();
        while (true) {
            Frame frame = frame();
            if (frame == null) {
                throw new EOFException("connection closed before the end of stream " + stream);
            }
            if (frame.type() == GOAWAY && frame.error() != 0) {
                throw new EOFException("GOAWAY with error " + frame.error());
            }
            if (frame.type() == HEADERS) {
                Http2Headers decoded = decode(frame);
                if (frame.stream() == stream) {
                    if (head == null || head.status().charAt(0) == '1') {
                        head = decoded;
                    } else {
                        trailers = decoded;
                    }
                }
            }
            if (frame.type() == DATA) {
                if (frame.payload().length > 0) {
                    window(0, frame.payload().length);
                    if (!frame.ends()) {
                        window(frame.stream(), frame.payload().length);
                    }
                }
                if (frame.stream() == stream) {
                    body.append(new String(frame.payload(), StandardCharsets.ISO_8859_1));
                }
            }
            if (frame.stream() == stream && (frame.ends() || frame.type() == RST_STREAM)) {
                return new Response(
                        head == null ? "" : head.status().toString(),
                        head,
                        body.toString(),
                        trailers,
                        frame.type() == RST_STREAM ? frame.error() : -1);
            }
        }
    }

    void window(int stream, int bytes) throws IOException {
        send(WINDOW_UPDATE, 0, stream, new byte[] {
            (byte) (bytes >> 24), (byte) (bytes >> 16), (byte) (bytes >> 8), (byte) bytes
        });
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
