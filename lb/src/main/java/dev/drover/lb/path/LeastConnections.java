package dev.drover.lb.path;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** The target with the fewest requests (HTTP) or connections (TCP) per weight; equal ones have their turn. */
public final class LeastConnections extends Balancer {
    private final AtomicLong turn;

    public LeastConnections(List<Target> targets, int[] weights, AtomicLong turn) {
        super(targets, weights, 0);
        this.turn = turn;
    }

    @Override
    @Nullable
    Target pick(LbLane lane, long key, Tried tried, long nowNs) {
        int count = targets.length;
        int start = (int) ((turn.getAndIncrement() & Long.MAX_VALUE) % count);
        Target best = null;
        long bestLoad = 0;
        int bestWeight = 1;
        for (int i = 0; i < count; i++) {
            int at = (start + i) % count;
            Target target = targets[at];
            if (!free(lane, target, tried, nowNs)) {
                continue;
            }
            long load = target.active() + 1;
            if (best == null || load * bestWeight < bestLoad * weights[at]) {
                best = target;
                bestLoad = load;
                bestWeight = weights[at];
            }
        }
        return best;
    }
}
