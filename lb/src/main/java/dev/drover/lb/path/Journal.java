package dev.drover.lb.path;

import java.util.ArrayList;
import java.util.List;

/**
 * The last requests of one lane, and by themselves the last slow and the last failed ones, which many quick ones would
 * otherwise push out. Owned by the lane's thread; keeps copies in places made once.
 */
public final class Journal {
    private static final int RECENT = 128;
    private static final int REMARKABLE = 64;

    Journal() {}

    /** Which requests are asked for. */
    public enum Kind {
        RECENT,
        SLOW,
        FAILED
    }

    private static final class Ring {
        private final Transaction[] slots;
        private long written;

        Ring(int length) {
            slots = new Transaction[length];
            for (int i = 0; i < length; i++) {
                slots[i] = new Transaction();
            }
        }

        void keep(Transaction done) {
            slots[(int) (written++ % slots.length)].set(done);
        }

        List<Transaction> copies() {
            List<Transaction> copies = new ArrayList<>();
            for (long i = Math.max(0, written - slots.length); i < written; i++) {
                copies.add(slots[(int) (i % slots.length)].copy());
            }
            return copies;
        }
    }

    private final Ring recent = new Ring(RECENT);
    private final Ring slow = new Ring(REMARKABLE);
    private final Ring failed = new Ring(REMARKABLE);

    /** @param slowNs from which on a request counts as slow */
    void keep(Transaction done, long slowNs) {
        recent.keep(done);
        boolean stream = done.outcome() == Outcome.TUNNELLED || done.outcome() == Outcome.UPGRADED;
        if (done.totalNs() >= slowNs && !stream) {
            slow.keep(done);
        }
        if (done.outcome().failure()) {
            failed.keep(done);
        }
    }

    /** Copies, the oldest first. */
    List<Transaction> copies(Kind kind) {
        return switch (kind) {
            case RECENT -> recent.copies();
            case SLOW -> slow.copies();
            case FAILED -> failed.copies();
        };
    }
}
