package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** One TCP connection that carries a known sequence of bytes each way, each byte compared, until it is finished. */
final class Talk implements AutoCloseable {
    private static final int CHUNK = 20_000;
    private final Socket near;
    private final Socket far;
    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong received = new AtomicLong();
    private final List<CompletableFuture<Long>> ends;

    Talk(TwoHosts hosts) throws Exception {
        InetAddress there = InetAddress.ofLiteral(hosts.two.address());
        try (ServerSocket listener = hosts.two.container.netNs.call(() -> new ServerSocket(0, 1, there))) {
            near = hosts.one.container.netNs.call(() -> new Socket(there, listener.getLocalPort()));
            far = listener.accept();
        }
        near.setSoTimeout(30_000);
        far.setSoTimeout(30_000);
        ends = List.of(
                async(() -> write(near, 1)),
                async(() -> read(far, 1)),
                async(() -> write(far, 2)),
                async(() -> read(near, 2)));
    }

    private interface End {
        long run() throws IOException;
    }

    private static CompletableFuture<Long> async(End end) {
        CompletableFuture<Long> done = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                done.complete(end.run());
            } catch (IOException | RuntimeException | Error e) {
                done.completeExceptionally(e);
            }
        });
        return done;
    }

    private long write(Socket socket, int seed) throws IOException {
        Random random = new Random(seed);
        byte[] chunk = new byte[CHUNK];
        OutputStream out = socket.getOutputStream();
        long written = 0;
        while (!stop.get()) {
            random.nextBytes(chunk);
            out.write(chunk);
            written += CHUNK;
        }
        socket.shutdownOutput();
        return written;
    }

    private long read(Socket socket, int seed) throws IOException {
        Random random = new Random(seed);
        byte[] expected = new byte[CHUNK];
        InputStream in = socket.getInputStream();
        long total = 0;
        while (true) {
            byte[] got = in.readNBytes(CHUNK);
            if (got.length == 0) {
                return total;
            }
            random.nextBytes(expected);
            if (!Arrays.equals(got, expected)) {
                throw new AssertionError("bytes differ after " + total);
            }
            total += got.length;
            received.addAndGet(got.length);
        }
    }

    /** Waits until {@code count} more bytes have arrived, both ways together. */
    void awaitMoreBytes(long count) {
        long wanted = received.get() + count;
        await().atMost(Duration.ofSeconds(40)).until(() -> {
            ends.stream().filter(CompletableFuture::isCompletedExceptionally).forEach(CompletableFuture::join);
            return received.get() >= wanted;
        });
    }

    /** Ends it; all that was written has been read. */
    void finish() throws Exception {
        stop.set(true);
        for (CompletableFuture<Long> end : ends) {
            end.get(40, TimeUnit.SECONDS);
        }
        assertThat(ends.get(1).join()).isEqualTo(ends.get(0).join());
        assertThat(ends.get(3).join()).isEqualTo(ends.get(2).join());
    }

    @Override
    public void close() throws IOException {
        stop.set(true);
        near.close();
        far.close();
    }
}
