package dev.drover.overlay;

import dev.drover.overlay.path.CaptureFilter;
import dev.drover.overlay.path.CaptureRing;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A capture of inner packets that is under way, begun by {@link Overlay#capture}; in an encrypted overlay of what is inside
 * the seal. Lanes copy into rings of fixed size and never wait: what the reader is too slow for is counted.
 *
 * <p>{@link #write} is for one thread; {@link #close}, which ends it, for any.
 */
public final class PacketCapture implements AutoCloseable {
    private static final long LOOK_MS = 2;

    private final Request request;
    private final String device;
    private final List<CaptureRing> rings;
    private final Consumer<PacketCapture> onClose;
    private final long wallOffsetNs;
    private volatile boolean closed;
    private final AtomicLong written = new AtomicLong();

    /**
     * What to capture, and for how long.
     *
     * @param peer tunnel endpoint it comes from or goes to, null for any
     * @param container address inside the overlay, null for any
     * @param count frames until it ends
     * @param seconds until it ends
     * @param snapBytes most bytes of a frame, 1 to {@value #MAX_SNAP_BYTES}
     */
    public record Request(
            @Nullable InetAddress peer, @Nullable InetAddress container, long count, long seconds, int snapBytes) {
        /** Longer than any frame. */
        public static final int MAX_SNAP_BYTES = 262_144;

        /** Longest capture. */
        public static final long MAX_SECONDS = Duration.ofDays(1).toSeconds();

        public Request {
            expect(count >= 1, "count", count, "at least 1");
            expect(seconds >= 1 && seconds <= MAX_SECONDS, "seconds", seconds, "1 to " + MAX_SECONDS);
            expect(snapBytes >= 1 && snapBytes <= MAX_SNAP_BYTES, "snaplen", snapBytes, "1 to " + MAX_SNAP_BYTES);
        }

        private static void expect(boolean holds, String key, long value, String expected) {
            if (!holds) {
                throw new IllegalArgumentException(key + ": " + value + " (expected: " + expected + ")");
            }
        }
    }

    PacketCapture(Request request, String device, int lanes, Consumer<PacketCapture> onClose) {
        this.request = request;
        this.device = device;
        this.onClose = onClose;
        CaptureFilter filter = new CaptureFilter(request.peer, request.container);
        rings = Stream.generate(() -> new CaptureRing(filter, request.snapBytes))
                .limit(lanes)
                .toList();
        Instant now = Instant.now();
        wallOffsetNs = TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano() - System.nanoTime();
    }

    List<CaptureRing> rings() {
        return rings;
    }

    /** Frames that there was no room for. Any thread. */
    public long lost() {
        return rings.stream().mapToLong(CaptureRing::lost).sum();
    }

    /** Frames written. Any thread. */
    public long written() {
        return written.get();
    }

    /**
     * Writes what is seen, as pcapng, until there are enough frames, the time is over or somebody {@linkplain #close
     * closes} this; then the counters. Flushes whenever it has to wait.
     *
     * @throws IOException of {@code out}
     */
    public void write(OutputStream out) throws IOException, InterruptedException {
        try (this) {
            Pcapng file = new Pcapng(out, device, request.snapBytes);
            file.begin();
            out.flush();
            long startNs = System.nanoTime();
            long limitNs = TimeUnit.SECONDS.toNanos(request.seconds);
            boolean ending = false;
            while (!ending && written.get() < request.count) {
                // before the last look, so that what was seen until then is in
                ending = closed || System.nanoTime() - startNs >= limitNs;
                if (drain(file) == 0 && !ending) {
                    out.flush();
                    TimeUnit.MILLISECONDS.sleep(LOOK_MS);
                }
            }
            file.end(written.get(), lost());
            out.flush();
        }
    }

    /** In the order of time, as far as lanes have told by now. */
    private long drain(Pcapng file) throws IOException {
        long before = written.get();
        while (written.get() < request.count) {
            CaptureRing next = rings.getFirst();
            for (CaptureRing ring : rings) {
                next = ring.nextTimeNs() < next.nextTimeNs() ? ring : next;
            }
            CaptureRing.Seen seen = next.poll();
            if (seen == null) {
                break;
            }
            file.packet(seen, seen.timeNs() + wallOffsetNs);
            written.incrementAndGet();
        }
        return written.get() - before;
    }

    @Override
    public void close() {
        closed = true;
        onClose.accept(this);
    }
}
