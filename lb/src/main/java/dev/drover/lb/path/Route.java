package dev.drover.lb.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Snapshot;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What a listener's connections need to know: the targets and whose turn it is. Connections hold on to their route for
 * life; it outlives the listener until the last of them has ended.
 *
 * <p>The turn is one counter for all lanes, so that requests sent one after the other visit the targets in strict order
 * whichever lane their connections live on. That is one uncontended or briefly contended atomic add per request, some
 * tens of nanoseconds; a counter per lane would save them and give up the order.
 */
public final class Route {
    /** What a route counts beside its targets. */
    public enum Counter {
        CONNECTIONS
    }

    private final Snapshot<TargetSet> targets = new Snapshot<>(TargetSet.EMPTY);
    private final AtomicLong turn = new AtomicLong();
    private final CounterSet<Counter> counters;
    private volatile long endNs;

    public Route(int lanes) {
        counters = new CounterSet<>(Counter.class, lanes);
    }

    public TargetSet targets() {
        return targets.read();
    }

    /** Publishes the targets for new work; the caller serialises. */
    public void publish(TargetSet next) {
        targets.publish(next);
    }

    /** The listener is gone: connections end with the request they have, at the latest at {@code atNs}. */
    public void retire(long atNs) {
        endNs = atNs == 0 ? 1 : atNs;
    }

    boolean retired() {
        return endNs != 0;
    }

    long endNs() {
        return endNs;
    }

    /** Client connections open now. */
    public long connections() {
        return counters.sum(Counter.CONNECTIONS);
    }

    void opened(LbLane lane) {
        counters.increment(lane.index(), Counter.CONNECTIONS);
    }

    void closed(LbLane lane) {
        counters.add(lane.index(), Counter.CONNECTIONS, -1);
    }

    /**
     * The target whose turn it is, without those already tried. Targets in their pause after a failed connect are
     * passed over as long as there is another; passing over takes another turn, so that the neighbour of a dead target
     * does not get its share alone.
     */
    @Nullable
    Target pick(Tried tried) {
        List<Target> active = targets.read().active();
        int count = active.size();
        if (count == 0) {
            return null;
        }
        long nowNs = System.nanoTime();
        int start = 0;
        for (int i = 0; i < count; i++) {
            start = (int) ((turn.getAndIncrement() & Long.MAX_VALUE) % count);
            Target target = active.get(start);
            if (!target.backingOff(nowNs) && !tried.contains(target)) {
                return target;
            }
        }
        Target resting = null;
        for (int i = 0; i < count; i++) {
            Target target = active.get((start + i) % count);
            if (!tried.contains(target)) {
                if (!target.backingOff(nowNs)) {
                    return target;
                }
                if (resting == null) {
                    resting = target;
                }
            }
        }
        return resting;
    }

    /** Whether there is a target for new work that is neither {@code target} nor among those tried. */
    boolean hasOther(Target target, Tried tried) {
        for (Target other : targets.read().active()) {
            if (other != target && !tried.contains(other)) {
                return true;
            }
        }
        return false;
    }
}
