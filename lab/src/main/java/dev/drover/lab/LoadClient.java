package dev.drover.lab;

import dev.drover.dataplane.NetNs;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * An open-loop HTTP/1.1 client inside a network namespace: requests leave at a fixed rate whatever the answers do, so a
 * stall shows as late answers instead of as fewer requests. Each thread asks one target; half of them keep their connection,
 * half open one for each request. Anything but status 200 with a whole body is a failure, and nothing is tried twice.
 */
public final class LoadClient implements AutoCloseable {
    private static final int THREADS = 16;
    private static final Duration ANSWER = Duration.ofSeconds(5);

    private final String path;
    private final long intervalNs;
    private final long startNs = System.nanoTime();
    private final AtomicLong next = new AtomicLong();
    private final List<Thread> threads = new ArrayList<>();
    private final List<Long> latenciesNs = new ArrayList<>();
    private final Map<String, Long> failures = new TreeMap<>();
    private volatile boolean stopped;

    /**
     * What came of the load.
     *
     * @param failures reason to number of failed requests
     */
    public record Result(long sent, Map<String, Long> failures, long p50Us, long p99Us, long maxUs) {
        public long failed() {
            return failures.values().stream().mapToLong(Long::longValue).sum();
        }

        @Override
        public String toString() {
            String text = String.format(
                    Locale.ROOT,
                    "%d requests, %d failed, p50 %.1f ms, p99 %.1f ms, max %.1f ms",
                    sent,
                    failed(),
                    p50Us / 1e3,
                    p99Us / 1e3,
                    maxUs / 1e3);
            return failures.isEmpty() ? text : text + " " + failures;
        }
    }

    private LoadClient(String path, int requestsPerSecond) {
        this.path = path;
        this.intervalNs = 1_000_000_000L / requestsPerSecond;
    }

    /** Starts the load, spread over the targets evenly. */
    public static LoadClient start(Path netns, List<InetSocketAddress> targets, String path, int requestsPerSecond) {
        LoadClient client = new LoadClient(path, requestsPerSecond);
        for (int i = 0; i < THREADS; i++) {
            boolean keepAlive = i % 2 == 0;
            InetSocketAddress target = targets.get(i / 2 % targets.size());
            client.threads.add(Thread.ofPlatform().daemon().name("load-" + i).start(() -> {
                try (NetNs namespace = NetNs.open(netns.toString())) {
                    namespace.run(() -> client.sendAll(target, keepAlive));
                }
            }));
        }
        return client;
    }

    /** Requests sent so far. */
    public long sent() {
        return next.get();
    }

    /** Ends the load, waits for the last answers and tells what came of it. */
    public Result stop() {
        stopped = true;
        for (Thread thread : threads) {
            try {
                thread.join(ANSWER.plusSeconds(2));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new LabException("interrupted", e);
            }
        }
        synchronized (this) {
            long failed = failures.values().stream().mapToLong(Long::longValue).sum();
            long[] sorted =
                    latenciesNs.stream().mapToLong(Long::longValue).sorted().toArray();
            return new Result(
                    sorted.length + failed,
                    Map.copyOf(failures),
                    percentileUs(sorted, 50),
                    percentileUs(sorted, 99),
                    percentileUs(sorted, 100));
        }
    }

    @Override
    public void close() {
        stopped = true;
    }

    private static long percentileUs(long[] sortedNs, int percent) {
        return sortedNs.length == 0 ? 0 : sortedNs[(sortedNs.length - 1) * percent / 100] / 1000;
    }

    private void sendAll(InetSocketAddress target, boolean keepAlive) {
        Connection kept = null;
        while (!stopped) {
            long number = next.getAndIncrement();
            long dueNs = startNs + number * intervalNs;
            if (!sleepUntil(dueNs)) {
                break;
            }
            kept = sendOne(kept, target, keepAlive, dueNs);
        }
        if (kept != null) {
            kept.close();
        }
    }

    private @Nullable Connection sendOne(
            @Nullable Connection kept, InetSocketAddress target, boolean keepAlive, long dueNs) {
        Connection connection = kept;
        try {
            if (connection == null) {
                connection = new Connection(target);
            }
            boolean reusable = connection.get(path, target, keepAlive);
            answered(System.nanoTime() - dueNs);
            if (reusable && keepAlive) {
                return connection;
            }
        } catch (IOException e) {
            failed((kept == null ? "" : "kept connection: ") + reason(e));
        }
        if (connection != null) {
            connection.close();
        }
        return null;
    }

    private static String reason(IOException e) {
        if (e instanceof SocketTimeoutException) {
            return "no answer in " + ANSWER.toSeconds() + " s";
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }

    private synchronized void answered(long latencyNs) {
        latenciesNs.add(latencyNs);
    }

    private synchronized void failed(String reason) {
        failures.merge(reason, 1L, Long::sum);
    }

    private boolean sleepUntil(long dueNs) {
        long waitNs = dueNs - System.nanoTime();
        if (waitNs > 0) {
            Pause.millis(waitNs / 1_000_000);
        }
        return !stopped;
    }

    /** One HTTP/1.1 connection, used by one thread. */
    private static final class Connection {
        private final Socket socket;
        private final InputStream in;

        Connection(InetSocketAddress target) throws IOException {
            socket = new Socket();
            try {
                socket.setTcpNoDelay(true);
                socket.setSoTimeout((int) ANSWER.toMillis());
                socket.connect(target, (int) ANSWER.toMillis());
                in = new BufferedInputStream(socket.getInputStream());
            } catch (IOException e) {
                socket.close();
                throw e;
            }
        }

        /** Whether the connection can take another request. */
        boolean get(String path, InetSocketAddress target, boolean keepAlive) throws IOException {
            String request = "GET " + path + " HTTP/1.1\r\nHost: " + target.getHostString() + ":" + target.getPort()
                    + "\r\n" + (keepAlive ? "" : "Connection: close\r\n") + "\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            String status = line();
            if (!status.startsWith("HTTP/1.") || status.length() < 12) {
                throw new IOException("no HTTP answer: " + status);
            }
            long length = -1;
            boolean reusable = status.startsWith("HTTP/1.1");
            for (String header = line(); !header.isEmpty(); header = line()) {
                String lower = header.toLowerCase(Locale.ROOT);
                if (lower.startsWith("content-length:")) {
                    length = Long.parseLong(
                            lower.substring("content-length:".length()).strip());
                } else if (lower.startsWith("connection:") && lower.contains("close")) {
                    reusable = false;
                } else if (lower.startsWith("transfer-encoding:")) {
                    throw new IOException("chunked answer (expected: a length)");
                }
            }
            readBody(length);
            if (!status.startsWith(" 200", 8)) {
                throw new IOException("status" + status.substring(8));
            }
            return reusable && length >= 0;
        }

        private void readBody(long length) throws IOException {
            if (length < 0) {
                in.readAllBytes();
            } else {
                in.skipNBytes(length);
            }
        }

        private String line() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int b = in.read(); b != '\n'; b = in.read()) {
                if (b < 0) {
                    throw new EOFException("connection closed before the answer was whole");
                }
                line.write(b);
            }
            return line.toString(StandardCharsets.ISO_8859_1).stripTrailing();
        }

        void close() {
            Pipe.closeQuietly(socket);
        }
    }
}
