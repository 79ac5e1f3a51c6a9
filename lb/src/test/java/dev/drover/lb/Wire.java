package dev.drover.lb;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** A client that sends what it is told, byte for byte, and reads HTTP/1.1 responses. */
final class Wire implements AutoCloseable {
    /** A response as it came; the body without its framing, trailers at its end in braces. */
    record Response(String head, String body) {
        int status() {
            return Integer.parseInt(head.substring(9, 12));
        }

        /** The value of a field, or null. */
        String field(String name) {
            return Wire.field(head, name);
        }
    }

    final Socket socket;
    private final InputStream in;

    Wire(InetSocketAddress address) throws IOException {
        this(address, 0);
    }

    Wire(InetSocketAddress address, int receiveBufferBytes) throws IOException {
        socket = new Socket();
        if (receiveBufferBytes > 0) {
            socket.setReceiveBufferSize(receiveBufferBytes);
        }
        socket.connect(address, 5_000);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(20_000);
        in = new BufferedInputStream(socket.getInputStream());
    }

    /** Over a connection that is there already. */
    Wire(Socket connected) throws IOException {
        socket = connected;
        in = new BufferedInputStream(socket.getInputStream());
    }

    Wire send(String bytes) throws IOException {
        socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    Response get(String path) throws IOException {
        return send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n").response();
    }

    Response response() throws IOException {
        return response(false);
    }

    /** Reads a response; {@code bodyless} for one to HEAD. */
    Response response(boolean bodyless) throws IOException {
        String head = readHead(in);
        if (head == null) {
            throw new EOFException("connection closed before a response");
        }
        int status = Integer.parseInt(head.substring(9, 12));
        boolean none = bodyless || status < 200 || status == 204 || status == 304;
        return new Response(head, none ? "" : readBody(in, head, true));
    }

    /** Reads to the end of the connection. */
    String rest() throws IOException {
        return new String(Origin.readAll(in), StandardCharsets.ISO_8859_1);
    }

    /** True when the other side has ended the connection and nothing is left to be read. */
    boolean ended() throws IOException {
        try {
            return in.read() < 0;
        } catch (java.net.SocketException e) {
            return true;
        }
    }

    InputStream in() {
        return in;
    }

    void finishOutput() throws IOException {
        socket.shutdownOutput();
    }

    void reset() {
        Origin.reset(socket);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }

    static String field(String head, String name) {
        String key = "\r\n" + name.toLowerCase(Locale.ROOT) + ":";
        int at = head.toLowerCase(Locale.ROOT).indexOf(key);
        if (at < 0) {
            return null;
        }
        int start = at + key.length();
        return head.substring(start, head.indexOf("\r\n", start)).strip();
    }

    static String readHead(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        int last4 = 0;
        int b;
        while ((b = in.read()) >= 0) {
            head.write(b);
            last4 = last4 << 8 | b;
            if (last4 == 0x0d0a0d0a) {
                return head.toString(StandardCharsets.ISO_8859_1);
            }
        }
        if (head.size() > 0) {
            throw new EOFException("connection closed within a head: " + head);
        }
        return null;
    }

    static String readBody(InputStream in, String head, boolean response) throws IOException {
        if ("chunked".equals(field(head, "Transfer-Encoding"))) {
            return readChunks(in);
        }
        String length = field(head, "Content-Length");
        if (length != null) {
            byte[] body = in.readNBytes(Integer.parseInt(length));
            if (body.length != Integer.parseInt(length)) {
                throw new EOFException("connection closed within a body: " + body.length + " of " + length);
            }
            return new String(body, StandardCharsets.ISO_8859_1);
        }
        return response ? new String(Origin.readAll(in), StandardCharsets.ISO_8859_1) : "";
    }

    private static String readChunks(InputStream in) throws IOException {
        StringBuilder body = new StringBuilder();
        while (true) {
            int size = Integer.parseInt(line(in), 16);
            if (size == 0) {
                break;
            }
            byte[] data = in.readNBytes(size);
            if (data.length != size) {
                throw new EOFException("connection closed within a chunk");
            }
            body.append(new String(data, StandardCharsets.ISO_8859_1));
            line(in);
        }
        for (String trailer = line(in); !trailer.isEmpty(); trailer = line(in)) {
            body.append('{').append(trailer).append('}');
        }
        return body.toString();
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        int b;
        while ((b = in.read()) != '\n') {
            if (b < 0) {
                throw new EOFException("connection closed within a line");
            }
            line.append((char) b);
        }
        if (line.isEmpty() || line.charAt(line.length() - 1) != '\r') {
            throw new IOException("bare LF behind: " + line);
        }
        line.setLength(line.length() - 1);
        return line.toString();
    }
}
