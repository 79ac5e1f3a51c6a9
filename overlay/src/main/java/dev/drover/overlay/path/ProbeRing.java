package dev.drover.overlay.path;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/** Probes and answers that one lane has received, on their way to the control thread. Full means lost, as in the network. */
public final class ProbeRing {
    private static final int CAPACITY = 64;
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(ProbeRing.class, "head", long.class);
            TAIL = MethodHandles.lookup().findVarHandle(ProbeRing.class, "tail", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final @Nullable PeerPath[] peers = new PeerPath[CAPACITY];
    private final boolean[] answers = new boolean[CAPACITY];
    private final long[] nonces = new long[CAPACITY];
    private final int[] bytes = new int[CAPACITY];
    private final boolean[] remoteChecksums = new boolean[CAPACITY];
    private final Runnable wake;
    private long head;
    private long tail;

    /** Takes one message. */
    @FunctionalInterface
    public interface Receiver {
        /**
         * @param answer to a probe of ours; else a probe
         * @param nonce of the probe
         * @param bytes of TCP payload that came in one piece, here or at the peer
         * @param remoteChecksum whether the sender takes packets with the checksum inside unfinished
         */
        void receive(PeerPath from, boolean answer, long nonce, int bytes, boolean remoteChecksum);
    }

    /** @param wake called by the lane after a message was added; must be cheap */
    public ProbeRing(Runnable wake) {
        this.wake = wake;
    }

    /** Called by the lane. */
    void offer(PeerPath from, boolean answer, long nonce, int length, boolean remoteChecksum) {
        long t = tail;
        if (t - (long) HEAD.getAcquire(this) == CAPACITY) {
            return;
        }
        int slot = (int) t & CAPACITY - 1;
        peers[slot] = from;
        answers[slot] = answer;
        nonces[slot] = nonce;
        bytes[slot] = length;
        remoteChecksums[slot] = remoteChecksum;
        TAIL.setRelease(this, t + 1);
        wake.run();
    }

    /** Called by the control thread. */
    public void drain(Receiver receiver) {
        long t = (long) TAIL.getAcquire(this);
        for (long h = head; h < t; h++) {
            int slot = (int) h & CAPACITY - 1;
            PeerPath from = peers[slot];
            if (from != null) {
                receiver.receive(from, answers[slot], nonces[slot], bytes[slot], remoteChecksums[slot]);
            }
            HEAD.setRelease(this, h + 1);
        }
    }
}
