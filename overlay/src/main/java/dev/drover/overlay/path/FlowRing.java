package dev.drover.overlay.path;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Samples of flows on their way from one lane to the control thread. Full means lost and counted. */
public final class FlowRing {
    private static final int CAPACITY = 4096;
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;
    private static final VarHandle LOST;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(FlowRing.class, "head", long.class);
            TAIL = MethodHandles.lookup().findVarHandle(FlowRing.class, "tail", long.class);
            LOST = MethodHandles.lookup().findVarHandle(FlowRing.class, "lost", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Source and destination, each upper and lower half. */
    private final long[] addresses = new long[4 * CAPACITY];

    private final int[] packets = new int[CAPACITY];
    private final int[] bytes = new int[CAPACITY];
    private final int[] weights = new int[CAPACITY];
    private final boolean[] outgoing = new boolean[CAPACITY];
    private final @Nullable PeerPath[] peers = new PeerPath[CAPACITY];
    private final @Nullable Drop[] drops = new Drop[CAPACITY];
    private long head;
    private long tail;
    private long lost;

    /** Takes one sample. */
    @FunctionalInterface
    public interface Receiver {
        /**
         * @param pair upper and lower halves of the source's and the destination's address; IPv4 as ::ffff:a.b.c.d
         * @param packets in the sampled frame, 1 unless it is a super-frame
         * @param bytes of those packets with Ethernet headers
         * @param weight frames that this one stands for
         * @param outgoing from this host's containers to the underlay
         */
        void receive(
                Pair pair,
                int packets,
                int bytes,
                int weight,
                boolean outgoing,
                @Nullable PeerPath peer,
                @Nullable Drop drop);
    }

    /** Addresses of a flow. */
    public record Pair(long sourceHigh, long sourceLow, long destinationHigh, long destinationLow) {}

    /** On the lane: makes room for one more, which {@link #commit} completes; its slot, -1 when there is none. */
    int claim() {
        if (tail - (long) HEAD.getAcquire(this) == CAPACITY) {
            LOST.setOpaque(this, lost + 1);
            return -1;
        }
        return (int) tail & CAPACITY - 1;
    }

    void pair(int slot, long sourceHigh, long sourceLow, long destinationHigh, long destinationLow) {
        addresses[4 * slot] = sourceHigh;
        addresses[4 * slot + 1] = sourceLow;
        addresses[4 * slot + 2] = destinationHigh;
        addresses[4 * slot + 3] = destinationLow;
    }

    void size(int slot, int packetCount, int byteCount) {
        packets[slot] = packetCount;
        bytes[slot] = byteCount;
    }

    void commit(int slot, int weight, boolean out, @Nullable PeerPath peer, @Nullable Drop drop) {
        weights[slot] = weight;
        outgoing[slot] = out;
        peers[slot] = peer;
        drops[slot] = drop;
        TAIL.setRelease(this, tail + 1);
    }

    /** By the control thread. */
    public void drain(Receiver receiver) {
        long t = (long) TAIL.getAcquire(this);
        for (long h = head; h < t; h++) {
            int slot = (int) h & CAPACITY - 1;
            Pair pair = new Pair(
                    addresses[4 * slot], addresses[4 * slot + 1], addresses[4 * slot + 2], addresses[4 * slot + 3]);
            receiver.receive(pair, packets[slot], bytes[slot], weights[slot], outgoing[slot], peers[slot], drops[slot]);
            peers[slot] = null;
        }
        HEAD.setRelease(this, t);
    }

    /** Samples for which there was no room. Any thread. */
    public long lost() {
        return (long) LOST.getOpaque(this);
    }
}
