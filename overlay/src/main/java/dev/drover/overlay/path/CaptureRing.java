package dev.drover.overlay.path;

import dev.drover.dataplane.Memory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * Copies of frames on their way from one lane to the thread that writes a capture. Of fixed size, on the heap, so that a
 * lane that is late may still write to the ring of a capture that has ended. Full means lost and counted, never waited.
 *
 * <p>A frame is copied when it comes ({@link #begin}), since it is changed on its way, and published when its fate is
 * known ({@link #commit}).
 */
public final class CaptureRing {
    private static final int RECORDS = 4096;
    private static final int DATA_BYTES = 4 << 20;
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;
    private static final VarHandle RELEASED;
    private static final VarHandle LOST;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HEAD = lookup.findVarHandle(CaptureRing.class, "head", long.class);
            TAIL = lookup.findVarHandle(CaptureRing.class, "tail", long.class);
            RELEASED = lookup.findVarHandle(CaptureRing.class, "released", long.class);
            LOST = lookup.findVarHandle(CaptureRing.class, "lost", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final CaptureFilter filter;
    private final int snapBytes;
    private final byte[] data = new byte[DATA_BYTES];
    private final long[] times = new long[RECORDS];
    private final long[] starts = new long[RECORDS];
    private final int[] lengths = new int[RECORDS];
    private final int[] frameLengths = new int[RECORDS];
    private final int[] segmentSizes = new int[RECORDS];
    private final boolean[] outgoing = new boolean[RECORDS];
    private final @Nullable PeerPath[] peers = new PeerPath[RECORDS];
    private final @Nullable Drop[] drops = new Drop[RECORDS];

    /** Records: taken by the reader, made by the lane. */
    private long head;

    private long tail;
    /** Bytes of {@link #data}, without end: given back by the reader, used by the lane. */
    private long released;

    private long used;
    private long lost;

    /**
     * A frame that was seen.
     *
     * @param timeNs of {@link System#nanoTime}
     * @param bytes its beginning, a copy
     * @param frameLength of the whole, bytes
     * @param segmentSize payload of each segment, when this is a super-frame that is not cut yet; else 0
     * @param outgoing from this host's containers to the underlay; else the other way
     * @param peer it came from or goes to; null for none or several
     * @param drop why it went no further; null when it did, or was answered here
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared as records
    public record Seen(
            long timeNs,
            byte[] bytes,
            int frameLength,
            int segmentSize,
            boolean outgoing,
            @Nullable PeerPath peer,
            @Nullable Drop drop) {}

    /** @param snapBytes most bytes of a frame that are kept, at most 65,535 + 14 + 8 of use */
    public CaptureRing(CaptureFilter filter, int snapBytes) {
        this.filter = filter;
        this.snapBytes = snapBytes;
    }

    /** On the lane: copies a frame that the filter wants; false when there is nothing to commit. */
    boolean begin(long frame, int length) {
        if (!filter.isOf(frame, length)) {
            return false;
        }
        int bytes = Math.min(length, snapBytes);
        long start = used;
        int position = (int) start & DATA_BYTES - 1;
        if (position + bytes > DATA_BYTES) {
            start += DATA_BYTES - position; // a frame lies in one piece
        }
        if (tail - (long) HEAD.getAcquire(this) == RECORDS
                || start + bytes - (long) RELEASED.getAcquire(this) > DATA_BYTES) {
            LOST.setOpaque(this, lost + 1);
            return false;
        }
        Memory.copyOut(frame, data, (int) start & DATA_BYTES - 1, bytes);
        int slot = (int) tail & RECORDS - 1;
        starts[slot] = start;
        lengths[slot] = bytes;
        frameLengths[slot] = length;
        return true;
    }

    /** On the lane: tells what became of the frame that was copied last. */
    void commit(boolean out, int segmentSize, @Nullable PeerPath peer, @Nullable Drop drop) {
        if (!filter.isOf(peer)) {
            return;
        }
        int slot = (int) tail & RECORDS - 1;
        times[slot] = System.nanoTime();
        segmentSizes[slot] = segmentSize;
        outgoing[slot] = out;
        peers[slot] = peer;
        drops[slot] = drop;
        used = starts[slot] + lengths[slot];
        TAIL.setRelease(this, tail + 1);
    }

    /** By the reader: when the next frame was seen, {@link Long#MAX_VALUE} when there is none. */
    public long nextTimeNs() {
        return head == (long) TAIL.getAcquire(this) ? Long.MAX_VALUE : times[(int) head & RECORDS - 1];
    }

    /** By the reader: takes the next frame, null when there is none. */
    public @Nullable Seen poll() {
        if (head == (long) TAIL.getAcquire(this)) {
            return null;
        }
        int slot = (int) head & RECORDS - 1;
        byte[] bytes = new byte[lengths[slot]];
        System.arraycopy(data, (int) starts[slot] & DATA_BYTES - 1, bytes, 0, bytes.length);
        Seen seen = new Seen(
                times[slot], bytes, frameLengths[slot], segmentSizes[slot], outgoing[slot], peers[slot], drops[slot]);
        peers[slot] = null;
        RELEASED.setRelease(this, starts[slot] + lengths[slot]);
        HEAD.setRelease(this, head + 1);
        return seen;
    }

    /** Frames for which there was no room. Any thread. */
    public long lost() {
        return (long) LOST.getOpaque(this);
    }
}
