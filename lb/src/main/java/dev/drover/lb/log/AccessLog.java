package dev.drover.lb.log;

import dev.drover.lb.AccessLogConfig;
import dev.drover.lb.path.AccessQueue;
import dev.drover.lb.path.Transaction;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One access log: a file, a queue from each lane, and the thread that empties them. Lanes never wait for it; what finds
 * its queue full is counted by the lane, what cannot be written here. A file that was moved away, by others or by us
 * since it was too large, is made anew.
 */
public final class AccessLog implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AccessLog.class);
    private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long LOOK_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long STOP_MS = 2_000;
    private static final int BATCH_CHARS = 32 * 1024;

    private final AccessLogConfig config;
    private final LongAdder unwritten;
    private final List<AccessQueue> queues;
    private final Thread thread;
    private final StringBuilder batch = new StringBuilder(2 * BATCH_CHARS);
    private int batched;
    private volatile boolean closed;
    private @Nullable OutputStream file;
    private long lookedNs = System.nanoTime();
    private boolean told;

    /**
     * Opens the file and begins.
     *
     * @param unwritten counts requests that could not be written
     * @throws UncheckedIOException when the file cannot be written, naming it
     */
    public AccessLog(AccessLogConfig config, int lanes, LongAdder unwritten) {
        this.config = config;
        this.unwritten = unwritten;
        queues = IntStream.range(0, lanes).mapToObj(lane -> new AccessQueue()).toList();
        try {
            file = open(config.file());
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "access-log.file: " + config.file() + " (expected: a file that can be written): " + e, e);
        }
        thread = Thread.ofPlatform().name("lb-access-log").daemon().start(this::run);
    }

    public AccessLogConfig config() {
        return config;
    }

    /** One for each lane. */
    public List<AccessQueue> queues() {
        return queues;
    }

    private static OutputStream open(Path file) throws IOException {
        if (Files.notExists(file)) {
            // Who asks for what is not everybody's business.
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r-----")));
        }
        return Files.newOutputStream(file, StandardOpenOption.APPEND);
    }

    private void run() {
        boolean last;
        do {
            last = closed;
            boolean any = false;
            for (AccessQueue queue : queues) {
                any |= empty(queue);
            }
            write();
            look();
            if (!any && !last) {
                LockSupport.parkNanos(PAUSE_NS);
            }
        } while (!last);
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            LOG.warn("lb access log cannot be closed file={} reason={}", config.file(), e.toString());
        }
    }

    private boolean empty(AccessQueue queue) {
        boolean any = false;
        Transaction request;
        while ((request = queue.poll()) != null) {
            any = true;
            Instant start = Instant.ofEpochMilli(
                    System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - request.startNs()));
            AccessLine.append(batch, config.format(), request, start);
            batched++;
            queue.emptied(request);
            if (batch.length() > BATCH_CHARS) {
                write();
            }
        }
        return any;
    }

    /** Writes whole lines, so that whoever else appends to the file does not break them. */
    private void write() {
        if (batched == 0) {
            return;
        }
        try {
            if (file == null) {
                file = open(config.file());
            }
            file.write(batch.toString().getBytes(StandardCharsets.ISO_8859_1));
            told = false;
        } catch (IOException e) {
            unwritten.add(batched);
            failed(e);
        }
        batch.setLength(0);
        batched = 0;
    }

    /** Sees once a second whether the file is still there, and not too large. */
    private void look() {
        if (System.nanoTime() - lookedNs < LOOK_NS) {
            return;
        }
        lookedNs = System.nanoTime();
        try {
            if (config.maxBytes() > 0
                    && Files.exists(config.file())
                    && Files.size(config.file()) >= config.maxBytes()) {
                Files.move(
                        config.file(),
                        config.file().resolveSibling(config.file().getFileName() + ".1"),
                        StandardCopyOption.REPLACE_EXISTING);
            }
            if (file != null && Files.notExists(config.file())) {
                OutputStream old = file;
                file = null;
                old.close();
            }
            if (file == null) {
                file = open(config.file());
            }
        } catch (IOException e) {
            failed(e);
        }
    }

    private void failed(IOException cause) {
        file = null;
        if (!told) {
            told = true;
            LOG.warn("lb access log cannot be written file={} reason={}", config.file(), cause.toString());
        }
    }

    /** Writes what is queued, for two seconds at most. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        try {
            thread.join(STOP_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
