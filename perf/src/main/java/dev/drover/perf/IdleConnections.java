package dev.drover.perf;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Keep-alive connections that have had one request each and then rest. */
final class IdleConnections implements AutoCloseable {
    private final List<SocketChannel> connections = new ArrayList<>();

    /** Opens them one after the other from inside {@code namespace}. */
    static IdleConnections open(String namespace, InetSocketAddress to, String path, int count) throws IOException {
        IdleConnections all = new IdleConnections();
        boolean open = false;
        try {
            OverlayTopology.in(namespace, () -> {
                all.openEach(to, path, count);
                return count;
            });
            open = true;
            return all;
        } finally {
            if (!open) {
                all.close();
            }
        }
    }

    private void openEach(InetSocketAddress to, String path, int count) throws IOException {
        byte[] request = ("GET " + path + " HTTP/1.1\r\nHost: bench\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
        ByteBuffer answer = ByteBuffer.allocate(8192);
        for (int i = 0; i < count; i++) {
            SocketChannel connection = SocketChannel.open(to);
            connections.add(connection);
            connection.write(ByteBuffer.wrap(request));
            answer.clear();
            if (connection.read(answer) <= 0) {
                throw new IOException("connection " + i + " to " + to + ": closed (expected: an answer)");
            }
        }
    }

    /** Fails unless every connection is still open at the other end. */
    void check() throws IOException {
        ByteBuffer none = ByteBuffer.allocate(1);
        for (SocketChannel connection : connections) {
            connection.configureBlocking(false);
            if (connection.read(none) != 0) {
                throw new IOException(connection + ": closed or answered again (expected: at rest)");
            }
        }
    }

    @Override
    public void close() {
        for (SocketChannel connection : connections) {
            try {
                connection.close();
            } catch (IOException e) {
                System.err.println("warning: " + e.getMessage());
            }
        }
    }
}
