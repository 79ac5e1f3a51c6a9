package dev.drover.overlay.path;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Which packets of a session have been accepted: no sequence number of a stream twice. Any lane may ask at any time, one
 * atomic operation a packet and no lock.
 *
 * <p>A stream's numbers are cut into blocks of {@value #BLOCK}; a block has one slot, shared with every
 * {@value #SLOTS}th block. A slot holds the number of its newest block and a bit for each of that block's numbers. An
 * older block than the slot's is refused, so that nothing is ever forgotten and accepted again; packets less than
 * {@value #WINDOW} behind the newest always find their slot.
 *
 * <pre>
 *  slot:  | block number 32 | accepted 32 |
 * </pre>
 */
final class ReplayWindow {
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int BLOCK = 32;
    private static final int BLOCK_SHIFT = 5;
    private static final int SLOTS = 128;
    private static final int NUMBER_SHIFT = 32;

    /** How far a packet may be behind the newest of its stream. */
    static final int WINDOW = (SLOTS - 1) * BLOCK;

    /** Sequence numbers end here, far beyond what a session sends in its life. */
    static final long END = 1L << 36;

    private final long[] slots;

    ReplayWindow(int streams) {
        slots = new long[streams * SLOTS];
    }

    /** Whether {@link #accept} would refuse; cheap, to be asked before the tag is verified. */
    boolean refuses(int stream, long sequence) {
        long slot = (long) SLOT.getOpaque(slots, index(stream, sequence));
        long block = sequence >>> BLOCK_SHIFT;
        return slot >>> NUMBER_SHIFT > block || slot >>> NUMBER_SHIFT == block && (slot & bit(sequence)) != 0;
    }

    /** Takes the number; false when it was taken before or is too old. Only for packets whose tag is right. */
    boolean accept(int stream, long sequence) {
        int index = index(stream, sequence);
        long block = sequence >>> BLOCK_SHIFT;
        while (true) {
            long slot = (long) SLOT.getOpaque(slots, index);
            long next;
            if (slot >>> NUMBER_SHIFT == block) {
                next = slot | bit(sequence);
                if (next == slot) {
                    return false;
                }
            } else if (slot >>> NUMBER_SHIFT < block) {
                next = block << NUMBER_SHIFT | bit(sequence);
            } else {
                return false;
            }
            if (SLOT.compareAndSet(slots, index, slot, next)) {
                return true;
            }
        }
    }

    private static int index(int stream, long sequence) {
        return stream * SLOTS + (int) (sequence >>> BLOCK_SHIFT) % SLOTS;
    }

    private static long bit(long sequence) {
        return 1L << (sequence & BLOCK - 1);
    }
}
