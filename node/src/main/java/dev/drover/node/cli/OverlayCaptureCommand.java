package dev.drover.node.cli;

import dev.drover.node.admin.CaptureServer;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code drover overlay capture}: packets inside the overlay as a pcapng file, for tcpdump and Wireshark. */
@Command(
        name = "capture",
        description = "Write the packets inside the overlay that this host sends and receives as pcapng, until Ctrl-C.")
final class OverlayCaptureCommand implements Callable<Integer> {
    private static final long FAREWELL_S = 3;
    private static final int MAX_TEXT_BYTES = 4096;

    @Mixin
    AdminOptions options = new AdminOptions();

    @Option(names = "--peer", paramLabel = "ADDRESS", description = "Only to and from this tunnel endpoint.")
    @Nullable
    String peer;

    @Option(names = "--container", paramLabel = "ADDRESS", description = "Only to and from this address inside.")
    @Nullable
    String container;

    @Option(names = "--count", paramLabel = "N", description = "End after N packets.")
    @Nullable
    Long count;

    @Option(names = "--seconds", paramLabel = "S", description = "End after S seconds, at most a day.")
    @Nullable
    Long seconds;

    @Option(names = "--snaplen", paramLabel = "BYTES", description = "Most bytes of a packet; default: all.")
    @Nullable
    Integer snaplen;

    @Option(
            names = "-w",
            paramLabel = "FILE",
            required = true,
            description = "File to write, readable for its owner alone; - for standard output.")
    String file = "";

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() {
        String socket;
        try (AdminClient client = options.client()) {
            socket = client.get("/overlay/capture").path("socket").asText();
        }
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            channel.write(ByteBuffer.wrap((request() + "\n").getBytes(StandardCharsets.US_ASCII)));
            CountDownLatch done = new CountDownLatch(1);
            Thread farewell = new Thread(() -> end(channel, done), "capture-end");
            Runtime.getRuntime().addShutdownHook(farewell);
            try {
                receive(new DataInputStream(Channels.newInputStream(channel)));
            } finally {
                done.countDown();
                removeHook(farewell);
            }
            return 0;
        } catch (EOFException e) {
            throw new CliException("capture: cut off by the node (expected: its end)", e);
        } catch (IOException e) {
            throw new CliException(
                    "capture: " + socket + ": " + e.getMessage()
                            + " (expected: a node of this host, and to be its user)",
                    e);
        }
    }

    /** After Ctrl-C what the node has seen until then is still written. */
    private static void end(SocketChannel channel, CountDownLatch done) {
        try {
            channel.shutdownOutput();
            done.await(FAREWELL_S, TimeUnit.SECONDS);
        } catch (IOException e) {
            done.countDown(); // the node is gone
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            hook.interrupt(); // it is what made us end
        }
    }

    private String request() {
        StringJoiner query = new StringJoiner("&");
        add(query, "peer", peer);
        add(query, "container", container);
        add(query, "count", count);
        add(query, "seconds", seconds);
        add(query, "snaplen", snaplen);
        return query.toString();
    }

    private static void add(StringJoiner query, String name, @Nullable Object value) {
        if (value != null) {
            query.add(name + "=" + URLEncoder.encode(value.toString(), StandardCharsets.UTF_8));
        }
    }

    private void receive(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length == CaptureServer.REFUSED) {
            throw new CliException(
                    new String(in.readNBytes(Math.min(in.readInt(), MAX_TEXT_BYTES)), StandardCharsets.UTF_8));
        }
        if (file.equals("-")) {
            copy(in, length, System.out);
        } else {
            try (OutputStream out = open(Path.of(file))) {
                copy(in, length, out);
            }
        }
        long written = in.readLong();
        spec.commandLine().getErr().println(written + " packets captured, " + in.readLong() + " lost by the capture");
        spec.commandLine().getErr().flush();
    }

    /** @param first length of the first chunk */
    private static void copy(DataInputStream in, int first, OutputStream out) throws IOException {
        for (int length = first; length != CaptureServer.END; length = in.readInt()) {
            byte[] chunk = in.readNBytes(length);
            if (chunk.length < length) {
                throw new EOFException();
            }
            out.write(chunk);
            out.flush();
        }
    }

    /** What containers say is nobody else's business. */
    private static OutputStream open(Path path) throws IOException {
        return Channels.newOutputStream(Files.newByteChannel(
                path,
                Set.of(StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
    }
}
