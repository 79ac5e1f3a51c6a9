package dev.drover.lb.path;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Two targets at random, and of these the one whose next answer is expected sooner: {@linkplain Target#latencyNs
 * latency} times requests under way, per weight (power of two choices with peak EWMA, as in Finagle).
 */
public final class PowerOfTwo extends Balancer {
    /** Stands for the latency of a target that has not answered yet but has been asked: ask again when it has. */
    private static final double UNKNOWN_NS = 1e9;

    public PowerOfTwo(List<Target> targets, int[] weights) {
        super(targets, weights, 0);
    }

    @Override
    @Nullable
    Target pick(LbLane lane, long key, Tried tried, long nowNs) {
        int count = targets.length;
        long random = lane.random();
        int first = (int) ((random & 0x7fff_ffff) % count);
        if (count == 1) {
            return firstFree(lane, 0, tried, nowNs);
        }
        int second = (int) ((random >>> 33) % (count - 1));
        if (second >= first) {
            second++;
        }
        boolean firstFree = free(lane, targets[first], tried, nowNs);
        boolean secondFree = free(lane, targets[second], tried, nowNs);
        if (firstFree && secondFree) {
            return cost(first, nowNs) <= cost(second, nowNs) ? targets[first] : targets[second];
        }
        return firstFree ? targets[first] : firstFree(lane, second, tried, nowNs);
    }

    private double cost(int i, long nowNs) {
        long active = targets[i].active();
        double latencyNs = targets[i].latencyNs(nowNs);
        return (latencyNs > 0 ? latencyNs : active > 0 ? UNKNOWN_NS : 0) * (active + 1) / weights[i];
    }
}
