package dev.drover.dns;

import dev.drover.dns.path.QueryTap;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.Locale;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.DNSInput;
import org.xbill.DNS.Name;
import org.xbill.DNS.Type;

/**
 * Writes samples of queries to a file by a thread of its own. Lanes hand them over by a queue of fixed length; what finds
 * it full, or cannot be written, is counted and forgotten. A file that was moved away is made anew.
 *
 * <pre>2026-03-01T12:00:00.123Z client=10.42.1.7 via=udp name=web.stack. type=A rcode=noerror bytes=74 us=12</pre>
 */
final class QueryLog implements QueryTap, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(QueryLog.class);
    private static final int QUEUE = 4_096;
    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long STOP_MS = 2_000;
    private static final long NS_PER_US = 1_000;

    private final QueryLogConfig config;
    private final LongAdder dropped;
    private final ConcurrentLinkedQueue<Sample> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger queued = new AtomicInteger();
    private final Thread thread;
    private volatile boolean closed;
    private @Nullable BufferedWriter writer;

    /**
     * Opens the file and begins.
     *
     * @param dropped counts samples that were lost
     * @throws UncheckedIOException when the file cannot be written
     */
    QueryLog(QueryLogConfig config, LongAdder dropped) {
        this.config = config;
        this.dropped = dropped;
        try {
            writer = open(config.file());
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "dns.query-log.file: " + config.file() + " (expected: a file that can be written): " + e, e);
        }
        thread = Thread.ofPlatform().name("dns-query-log").daemon().start(this::run);
    }

    QueryLogConfig config() {
        return config;
    }

    @Override
    public int oneIn() {
        return config.sample();
    }

    @Override
    public void accept(Sample sample) {
        if (queued.incrementAndGet() > QUEUE) {
            queued.decrementAndGet();
            dropped.increment();
        } else {
            queue.add(sample);
        }
    }

    private static BufferedWriter open(Path file) throws IOException {
        if (Files.notExists(file)) {
            // Who asks for which name is not everybody's business.
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r-----")));
        }
        return Files.newBufferedWriter(file, StandardCharsets.UTF_8, StandardOpenOption.APPEND);
    }

    private void run() {
        boolean told = false;
        while (!closed || !queue.isEmpty()) {
            try {
                Sample sample = queue.poll();
                if (sample == null) {
                    flush();
                    LockSupport.parkNanos(PAUSE_NS);
                } else {
                    queued.decrementAndGet();
                    write(sample);
                }
                told = false;
            } catch (IOException e) {
                dropped.increment();
                if (!told) {
                    LOG.warn("dns query log cannot be written file={} reason={}", config.file(), e.toString());
                    told = true;
                }
                writer = null;
            }
        }
        try {
            if (writer != null) {
                writer.close();
            }
        } catch (IOException e) {
            LOG.warn("dns query log cannot be closed file={} reason={}", config.file(), e.toString());
        }
    }

    private void flush() throws IOException {
        if (writer != null) {
            writer.flush();
        }
        if (writer == null || Files.notExists(config.file())) {
            if (writer != null) {
                writer.close();
            }
            writer = open(config.file());
        }
    }

    private void write(Sample sample) throws IOException {
        BufferedWriter out = writer;
        if (out == null) {
            out = open(config.file());
            writer = out;
        }
        out.write(line(sample));
    }

    private static String line(Sample sample) {
        return Instant.ofEpochMilli(sample.timeMs())
                + " client=" + sample.client().getHostAddress()
                + " via=" + lower(sample.via())
                + " " + question(sample.question())
                + " rcode=" + lower(sample.rcode())
                + " bytes=" + sample.replyBytes()
                + " us=" + sample.durationNs() / NS_PER_US
                + "\n";
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** Bytes that are no letters, digits or the like come out as {@code \ddd}, so that no name can make up lines. */
    private static String question(byte[] question) {
        if (question.length == 0) {
            return "name=- type=-";
        }
        try {
            DNSInput in = new DNSInput(question);
            Name name = new Name(in);
            return "name=" + name + " type=" + Type.string(in.readU16());
        } catch (IOException e) {
            return "name=? type=?";
        }
    }

    /** Writes what is queued, for two seconds at most. */
    @Override
    public void close() {
        closed = true;
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
