package dev.drover.dataplane;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.util.function.LongSupplier;

/**
 * Lets a loop look for more work for a moment before it sleeps, but only while work keeps coming that soon: waking a
 * sleeping thread takes longer than a packet needs, and a loop that looks in vain takes the processor from others. A wait
 * that was short turns lingering on, a long one turns it off, as in KVM's halt polling. Between two looks the processor
 * is yielded to whoever can run. One object a loop, used by its thread alone.
 */
final class LingeringSelect implements SelectStrategy {
    /** Longest time without work that is spent looking. */
    static final long LINGER_NS = 50_000;

    private final LongSupplier nanoClock;
    private boolean waiting;
    private boolean lingers;
    private long idleSinceNs;

    LingeringSelect() {
        this(System::nanoTime);
    }

    LingeringSelect(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    /** Called before each turn of the loop; after a turn that found work, and after {@link SelectStrategy#CONTINUE}. */
    @Override
    public int calculateStrategy(IntSupplier selectNow, boolean hasTasks) throws Exception {
        if (hasTasks) {
            waiting = false;
            return selectNow.get();
        }
        long nowNs = nanoClock.getAsLong();
        if (waiting) {
            lingers = nowNs - idleSinceNs < LINGER_NS;
            waiting = false;
            idleSinceNs = nowNs;
        }
        if (!lingers) {
            return sleep(nowNs);
        }
        int ready = selectNow.get();
        if (ready > 0) {
            idleSinceNs = nowNs;
            return ready;
        }
        if (nowNs - idleSinceNs >= LINGER_NS) {
            lingers = false;
            return sleep(nowNs);
        }
        Thread.yield();
        return SelectStrategy.CONTINUE;
    }

    private int sleep(long nowNs) {
        waiting = true;
        idleSinceNs = nowNs;
        return SelectStrategy.SELECT;
    }
}
