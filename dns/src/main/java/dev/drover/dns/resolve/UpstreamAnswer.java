package dev.drover.dns.resolve;

import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What an upstream answered to a question: the bytes of its records, and where their TTLs are. The question in front of
 * them is left out; as every asker's question is of the same length, compression pointers stay right behind any of them.
 * Immutable but for the marks of the cache, which any lane may set.
 */
public final class UpstreamAnswer {
    /** TTL of records that are past their time (RFC 8767 section 5.2), seconds. */
    static final int STALE_TTL_SECONDS = 30;

    private static final VarHandle MARKS;
    private static final int PREFETCH_AT_HITS = 2;
    private static final int PREFETCH_LAST_PART = 10;
    private static final long SECOND_NS = 1_000_000_000L;
    private static final int TYPICAL_OVERHEAD_BYTES = 192;

    static {
        try {
            MARKS = MethodHandles.lookup().findVarHandle(UpstreamAnswer.class, "marks", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Question question;
    /** Zero when it may not be kept. */
    final int ttlSeconds;

    final long storedNs;

    private final int flags;
    private final int[] counts;
    private final byte[] records;
    /** Offsets within {@link #records}, one a record. */
    private final int[] ttls;

    /** Hits so far, up to {@link #PREFETCH_AT_HITS}; one more when it is being fetched anew. */
    @SuppressWarnings("UnusedVariable") // through MARKS
    private int marks;

    UpstreamAnswer(
            Question question, int flags, int[] counts, byte[] records, int[] ttls, int ttlSeconds, long storedNs) {
        this.question = question;
        this.flags = flags;
        this.counts = counts;
        this.records = records;
        this.ttls = ttls;
        this.ttlSeconds = ttlSeconds;
        this.storedNs = storedNs;
    }

    public Question question() {
        return question;
    }

    public Rcode rcode() {
        return Rcode.of(flags & Wire.RCODE);
    }

    public boolean isFresh(long nowNs) {
        return nowNs - storedNs < ttlSeconds * SECOND_NS;
    }

    /** Whether it may stand in, at {@code nowNs}, for upstreams that do not answer. */
    boolean isUsable(long nowNs, int staleSeconds) {
        return nowNs - storedNs < (ttlSeconds + (long) staleSeconds) * SECOND_NS;
    }

    /** Counts a hit; writes nothing once it is known to be popular, so that lanes do not pass a cache line around. */
    public void hit() {
        int seen = (int) MARKS.getOpaque(this);
        if (seen < PREFETCH_AT_HITS) {
            MARKS.setOpaque(this, seen + 1);
        }
    }

    /** Whether it was asked for since the last call of this kind. */
    boolean takeUsed() {
        boolean used = (int) MARKS.getOpaque(this) > 0;
        if (used) {
            MARKS.setOpaque(this, 0);
        }
        return used;
    }

    /** True for one caller, once, when it is asked for often and in the last tenth of its time. */
    public boolean takePrefetch(long nowNs) {
        return isEnding(nowNs) && MARKS.compareAndSet(this, PREFETCH_AT_HITS, PREFETCH_AT_HITS + 1);
    }

    /** Whether it is in the last tenth of its time, or past it. */
    public boolean isEnding(long nowNs) {
        long left = ttlSeconds * SECOND_NS - (nowNs - storedNs);
        return left * PREFETCH_LAST_PART < ttlSeconds * SECOND_NS;
    }

    /** About what it takes of the heap. */
    int heapBytes() {
        return TYPICAL_OVERHEAD_BYTES + question.bytes.length + records.length + ttls.length * Integer.BYTES;
    }

    /**
     * The message to a client, without OPT: the whole records that fit, TC if answer or authority lost any; TTLs less the
     * time the answer has been here, or {@value #STALE_TTL_SECONDS} s if its time is over.
     *
     * @param clientFlags RD and CD as asked; AD if the client understands it
     * @param asked name, type and class in the client's case
     * @param askedBytes how many bytes of {@code asked} that is
     * @param limit longest message, in bytes
     * @param optBytes room to leave for OPT, which is counted already when above 0
     */
    public ByteBuf message(int id, int clientFlags, byte[] asked, int askedBytes, int limit, int optBytes, long nowNs) {
        int most = Wire.HEADER + askedBytes + records.length + optBytes;
        ByteBuf message = PooledByteBufAllocator.DEFAULT.directBuffer(Math.min(most, limit));
        write(message, id, clientFlags, asked, askedBytes, limit, optBytes, nowNs);
        return message;
    }

    /**
     * Writes the message of {@link #message}.
     *
     * @param message with room for {@code limit} bytes more
     */
    public void write(
            ByteBuf message,
            int id,
            int clientFlags,
            byte[] asked,
            int askedBytes,
            int limit,
            int optBytes,
            long nowNs) {
        int start = message.writerIndex() + Wire.HEADER + askedBytes;
        int room = limit - optBytes - Wire.HEADER - askedBytes;
        int kept = 0;
        int length = 0;
        for (int next; kept < ttls.length && (next = end(kept)) <= room; kept++) {
            length = next;
        }
        int answers = Math.min(counts[0], kept);
        int authority = Math.min(counts[1], kept - answers);
        int additional = kept - answers - authority;
        boolean truncated = kept < counts[0] + counts[1];
        int out = Wire.QR | Wire.RA | clientFlags & (Wire.RD | Wire.CD) | flags & (Wire.RCODE | clientFlags & Wire.AD);
        message.writeShort(id)
                .writeShort(out | (truncated ? Wire.TC : 0))
                .writeShort(1)
                .writeShort(answers)
                .writeShort(authority)
                .writeShort(additional + (optBytes > 0 ? 1 : 0));
        Wire.append(message, asked, askedBytes);
        Wire.append(message, records, length);
        age(message, start, kept, nowNs);
    }

    private void age(ByteBuf message, int start, int kept, long nowNs) {
        boolean fresh = ttlSeconds == 0 || isFresh(nowNs);
        int age = (int) ((nowNs - storedNs) / SECOND_NS);
        if (fresh && age == 0) {
            return;
        }
        for (int i = 0; i < kept; i++) {
            int at = start + ttls[i];
            message.setInt(at, fresh ? Math.max(0, message.getInt(at) - age) : STALE_TTL_SECONDS);
        }
    }

    /** Offset behind record {@code i}. */
    private int end(int i) {
        int length = ttls[i] + Integer.BYTES;
        return length + Short.BYTES + ((records[length] & 0xff) << 8 | records[length + 1] & 0xff);
    }
}
