package dev.drover.overlay.path;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * MAC addresses seen behind VTEPs, on their way from one lane to the one thread that builds tables. Full means lost: the
 * same source speaks again.
 */
public final class LearnRing {
    private static final int CAPACITY = 256;
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(LearnRing.class, "head", long.class);
            TAIL = MethodHandles.lookup().findVarHandle(LearnRing.class, "tail", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final long[] macs = new long[CAPACITY];
    private final @Nullable PeerPath[] peers = new PeerPath[CAPACITY];
    private final int[] addresses = new int[CAPACITY];
    private final Runnable wake;
    private long head;
    private long tail;

    /** Takes one learned address. */
    @FunctionalInterface
    public interface Learner {
        /**
         * @param peer that sent it
         * @param address that the MAC claims in ARP, host order; 0 when it was not said
         */
        void learn(long mac, PeerPath peer, int address);
    }

    /** @param wake called by the lane after an address was added; must be cheap */
    public LearnRing(Runnable wake) {
        this.wake = wake;
    }

    /** Called by the lane. */
    void offer(long mac, PeerPath peer, int address) {
        long t = tail;
        if (t - (long) HEAD.getAcquire(this) == CAPACITY) {
            return;
        }
        int slot = (int) t & CAPACITY - 1;
        if (t > 0 && macs[slot - 1 & CAPACITY - 1] == mac && peers[slot - 1 & CAPACITY - 1] == peer) {
            if (t != (long) HEAD.getAcquire(this)) {
                return;
            }
        }
        macs[slot] = mac;
        peers[slot] = peer;
        addresses[slot] = address;
        TAIL.setRelease(this, t + 1);
        wake.run();
    }

    /** Called by the thread that builds tables; returns whether there was anything. */
    public boolean drain(Learner learner) {
        long h = head;
        long t = (long) TAIL.getAcquire(this);
        for (long i = h; i < t; i++) {
            int slot = (int) i & CAPACITY - 1;
            PeerPath peer = peers[slot];
            if (peer != null) {
                learner.learn(macs[slot], peer, addresses[slot]);
            }
        }
        HEAD.setRelease(this, t);
        return t != h;
    }
}
