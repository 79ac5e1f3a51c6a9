package dev.drover.lb.path;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The same target for the same source, by weighted rendezvous hashing (Thaler and Ravishankar, 1998; Wang et al. 2014
 * for the weights): each target draws a number from the source and its own seed, the best draw wins. A target that
 * leaves moves only its own sources, one that comes takes only its share. Costs a draw per target.
 */
public final class SourceHash extends Balancer {
    public SourceHash(List<Target> targets, int[] weights, int boundPercent) {
        super(targets, weights, boundPercent);
    }

    @Override
    @Nullable
    Target pick(LbLane lane, long key, Tried tried, long nowNs) {
        long load = boundedLoad();
        Target best = null;
        double bestDraw = 0;
        Target above = null;
        double aboveDraw = 0;
        for (int i = 0; i < targets.length; i++) {
            Target target = targets[i];
            if (!free(lane, target, tried, nowNs)) {
                continue;
            }
            double uniform = ((mix(key ^ target.seed()) >>> 11) + 0.5) * 0x1p-53;
            double draw = weights[i] / -Math.log(uniform);
            if (above(i, load)) {
                if (above == null || draw > aboveDraw) {
                    above = target;
                    aboveDraw = draw;
                }
            } else if (best == null || draw > bestDraw) {
                best = target;
                bestDraw = draw;
            }
        }
        return best == null ? above : best;
    }
}
