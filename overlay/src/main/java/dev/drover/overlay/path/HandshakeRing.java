package dev.drover.overlay.path;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Handshake datagrams on their way from one lane to the control thread. Full means lost: the peer tries again. */
public final class HandshakeRing {
    /** No handshake message is longer. */
    static final int MAX_BYTES = 192;

    private static final int CAPACITY = 128;
    /** Of one peer at once: who floods in its name leaves room for the others. */
    private static final int CAPACITY_OF_PEER = 64;

    private static final VarHandle HEAD;
    private static final VarHandle TAIL;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(HandshakeRing.class, "head", long.class);
            TAIL = MethodHandles.lookup().findVarHandle(HandshakeRing.class, "tail", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final long slots;
    private final int[] lengths = new int[CAPACITY];
    private final int[] ports = new int[CAPACITY];
    private final @Nullable PeerPath[] peers = new PeerPath[CAPACITY];
    private final Runnable wake;
    private long head;
    private long tail;

    /** Takes one message. */
    @FunctionalInterface
    public interface Receiver {
        /** @param port that it came from */
        void receive(PeerPath from, int port, byte[] message);
    }

    /** @param wake called by the lane when there is work for the control thread; must be cheap */
    public HandshakeRing(Runnable wake, Slab slab) {
        this.wake = wake;
        slots = slab.allocate(CAPACITY * (long) MAX_BYTES);
    }

    /** Called by the lane; false when there is no room. */
    boolean offer(PeerPath from, int port, long address, int length) {
        long t = tail;
        long h = (long) HEAD.getAcquire(this);
        if (length > MAX_BYTES
                || t - h == CAPACITY
                || t - h >= CAPACITY_OF_PEER && ofPeer(from, h, t) >= CAPACITY_OF_PEER) {
            return false;
        }
        int slot = (int) t & CAPACITY - 1;
        Memory.copy(address, slots + slot * (long) MAX_BYTES, length);
        lengths[slot] = length;
        ports[slot] = port;
        peers[slot] = from;
        TAIL.setRelease(this, t + 1);
        wake.run();
        return true;
    }

    private int ofPeer(PeerPath peer, long h, long t) {
        int count = 0;
        for (long i = h; i < t; i++) {
            count += peers[(int) i & CAPACITY - 1] == peer ? 1 : 0;
        }
        return count;
    }

    /** Called by the lane: a peer needs a session, or has used a new one. */
    void wake() {
        wake.run();
    }

    /** Called by the control thread. */
    public void drain(Receiver receiver) {
        long t = (long) TAIL.getAcquire(this);
        for (long h = head; h < t; h++) {
            int slot = (int) h & CAPACITY - 1;
            PeerPath from = peers[slot];
            int port = ports[slot];
            byte[] message = Memory.copyOut(slots + slot * (long) MAX_BYTES, lengths[slot]);
            peers[slot] = null;
            HEAD.setRelease(this, h + 1);
            if (from != null) {
                receiver.receive(from, port, message);
            }
        }
    }
}
