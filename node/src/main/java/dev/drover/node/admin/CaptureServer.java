package dev.drover.node.admin;

import dev.drover.overlay.OverlayConfig;
import dev.drover.overlay.PacketCapture;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hands captures of inner packets to this process's own user, root that is, on a Unix socket in a directory that nobody
 * else can enter: unlike what the {@link AdminServer} shows, these are what containers say.
 *
 * <pre>
 *  client: the request, as the query of a URI, and a line feed; later the end of its output to end the capture early
 *  server: | length 4 | pcapng … |  again and again, then  | 0 | frames written 8 | frames lost 8 |
 *          or, instead of all this,  | -1 | length 4 | what is wrong, UTF-8 |
 * </pre>
 */
public final class CaptureServer implements AutoCloseable {
    /** Stands for a length when the capture has ended. */
    public static final int END = 0;

    /** Stands for a length when the request was refused. */
    public static final int REFUSED = -1;

    private static final Logger LOG = LoggerFactory.getLogger(CaptureServer.class);
    private static final int MAX_REQUEST_BYTES = 256;
    private static final int CHUNK_BYTES = 64 * 1024;
    private static final String PREFIX = "capture-";
    private static final String SUFFIX = ".sock";
    private static final AtomicInteger NUMBER = new AtomicInteger();

    private final ServerSocketChannel server;
    private final Path path;
    private final Captures captures;
    private final Set<SocketChannel> clients = ConcurrentHashMap.newKeySet();

    /** Begins captures. */
    @FunctionalInterface
    public interface Captures {
        /** @throws RuntimeException saying why it cannot */
        PacketCapture begin(PacketCapture.Request request);
    }

    private CaptureServer(ServerSocketChannel server, Path path, Captures captures) {
        this.server = server;
        this.path = path;
        this.captures = captures;
    }

    /**
     * Serves until closed, at a path in {@code directory} that no other process has; removes what processes have left there
     * that are no more.
     *
     * @throws IOException when the directory or the socket cannot be made
     */
    public static CaptureServer start(Path directory, Captures captures) throws IOException {
        Files.createDirectories(directory);
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx------"));
        removeLeftOver(directory);
        Path path = directory.resolve(PREFIX + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet() + SUFFIX);
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            server.bind(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            server.close();
            throw e;
        }
        CaptureServer made = new CaptureServer(server, path, captures);
        Thread.ofVirtual().name("captures").start(made::accept);
        return made;
    }

    private static void removeLeftOver(Path directory) throws IOException {
        try (DirectoryStream<Path> sockets = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
            for (Path socket : sockets) {
                try {
                    SocketChannel.open(UnixDomainSocketAddress.of(socket)).close();
                } catch (IOException e) {
                    LOG.debug("nobody listens at {}", socket, e);
                    Files.deleteIfExists(socket);
                }
            }
        }
    }

    /** Where it listens. */
    public Path path() {
        return path;
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel client = server.accept();
                clients.add(client);
                Thread.ofVirtual().name("capture").start(() -> serve(client));
            }
        } catch (ClosedChannelException e) {
            LOG.debug("captures are over", e);
        } catch (IOException e) {
            LOG.warn("no more captures: {}", e.toString());
        }
    }

    private void serve(SocketChannel client) {
        try (client) {
            UserPrincipal user =
                    client.getOption(ExtendedSocketOptions.SO_PEERCRED).user();
            UserPrincipal own = Files.getOwner(Path.of("/proc/self"));
            if (!user.equals(own)) {
                refuse(client, "user: " + user.getName() + " (expected: " + own.getName() + ")");
                return;
            }
            String line = line(client);
            if (line != null) {
                capture(client, line);
            }
        } catch (IOException e) {
            LOG.debug("capture was cut off", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            clients.remove(client);
        }
    }

    private void capture(SocketChannel client, String line) throws IOException, InterruptedException {
        PacketCapture capture;
        try {
            capture = captures.begin(request(Query.parse(line)));
        } catch (RuntimeException e) {
            LOG.debug("capture refused", e);
            refuse(client, String.valueOf(e.getMessage()));
            return;
        }
        LOG.info("capture begins: {}", line);
        Thread watch = Thread.ofVirtual().name("capture-end").start(() -> awaitEnd(client, capture));
        try {
            capture.write(new BufferedOutputStream(new Chunks(client), CHUNK_BYTES));
            ByteBuffer end = ByteBuffer.allocate(Integer.BYTES + 2 * Long.BYTES);
            write(
                    client,
                    end.putInt(END)
                            .putLong(capture.written())
                            .putLong(capture.lost())
                            .flip());
        } finally {
            LOG.info("capture ends frames={} lost={}", capture.written(), capture.lost());
            watch.interrupt(); // closes the channel, which is done with
        }
    }

    /** The client says no more, or is gone. */
    private static void awaitEnd(SocketChannel client, PacketCapture capture) {
        try {
            ByteBuffer ignored = ByteBuffer.allocate(1);
            while (client.read(ignored.clear()) >= 0) {
                // nothing more is expected
            }
        } catch (IOException e) {
            LOG.debug("capture's client is gone", e);
        }
        capture.close();
    }

    private static @Nullable String line(SocketChannel client) throws IOException {
        ByteBuffer line = ByteBuffer.allocate(MAX_REQUEST_BYTES);
        ByteBuffer one = ByteBuffer.allocate(1);
        while (line.hasRemaining() && client.read(one.clear()) == 1) {
            if (one.get(0) == '\n') {
                return new String(line.array(), 0, line.position(), StandardCharsets.US_ASCII);
            }
            line.put(one.get(0));
        }
        return null;
    }

    static PacketCapture.Request request(Query query) {
        query.only("peer", "container", "count", "seconds", "snaplen");
        int most = PacketCapture.Request.MAX_SNAP_BYTES;
        return new PacketCapture.Request(
                address(query, "peer"),
                address(query, "container"),
                number(query, "count", Long.MAX_VALUE),
                number(query, "seconds", PacketCapture.Request.MAX_SECONDS),
                (int) Math.min(number(query, "snaplen", most), most + 1L));
    }

    private static @Nullable InetAddress address(Query query, String name) {
        String text = query.value(name);
        try {
            return text == null ? null : OverlayConfig.parseVtep(text);
        } catch (IllegalArgumentException e) {
            throw new Query.BadQueryException(name + ": " + text + " (expected: IPv4 a.b.c.d or IPv6)", e);
        }
    }

    private static long number(Query query, String name, long otherwise) {
        String text = query.value(name);
        try {
            return text == null ? otherwise : Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new Query.BadQueryException(name + ": " + text + " (expected: a whole number)", e);
        }
    }

    private static void refuse(SocketChannel client, String why) throws IOException {
        byte[] text = why.getBytes(StandardCharsets.UTF_8);
        ByteBuffer refusal = ByteBuffer.allocate(2 * Integer.BYTES + text.length);
        write(client, refusal.putInt(REFUSED).putInt(text.length).put(text).flip());
    }

    private static void write(SocketChannel client, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            client.write(bytes);
        }
    }

    /** Each write a chunk. */
    private static final class Chunks extends OutputStream {
        private final SocketChannel client;

        Chunks(SocketChannel client) {
            this.client = client;
        }

        @Override
        public void write(int one) throws IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            CaptureServer.write(
                    client, ByteBuffer.allocate(Integer.BYTES).putInt(length).flip());
            CaptureServer.write(client, ByteBuffer.wrap(bytes, offset, length));
        }
    }

    @Override
    public void close() {
        try {
            server.close();
            for (SocketChannel client : clients) {
                client.close();
            }
            Files.deleteIfExists(path);
        } catch (IOException e) {
            LOG.debug("closing captures", e);
        }
    }
}
