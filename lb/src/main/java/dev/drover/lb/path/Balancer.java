package dev.drover.lb.path;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One way to choose among targets of the same rank. Made anew by the control thread whenever the targets, their weights
 * or their health change; asked by every lane. Choosing allocates nothing and takes no lock.
 */
public abstract class Balancer {
    /** Largest weight of a target after scaling; keeps schedules short. */
    public static final int MAX_WEIGHT = 65_536;

    final Target[] targets;
    final int[] weights;
    private final int boundPercent;
    private final long weightSum;

    /**
     * @param weights one per target, at least 1
     * @param boundPercent no target gets more than this share of the average load per weight; 0 is no bound
     */
    Balancer(List<Target> targets, int[] weights, int boundPercent) {
        this.targets = targets.toArray(Target[]::new);
        this.weights = weights.clone();
        this.boundPercent = boundPercent;
        if (this.targets.length == 0 || weights.length != this.targets.length) {
            throw new IllegalArgumentException("weights: " + weights.length + " of " + this.targets.length
                    + " targets (expected: one each, and at least one)");
        }
        long sum = 0;
        for (int weight : weights) {
            if (weight < 1 || weight > MAX_WEIGHT) {
                throw new IllegalArgumentException("weight: " + weight + " (expected: 1 to " + MAX_WEIGHT + ")");
            }
            sum += weight;
        }
        weightSum = sum;
    }

    /**
     * The target for one request, or null when every one was tried, rests or is full.
     *
     * @param key hash of what must come to the same target again, spread over all 64 bits
     */
    abstract @Nullable Target pick(LbLane lane, long key, Tried tried, long nowNs);

    final boolean free(LbLane lane, Target target, Tried tried, long nowNs) {
        return !target.resting(nowNs) && !target.full(lane) && !tried.contains(target);
    }

    /** The first free one from {@code start} on. */
    final @Nullable Target firstFree(LbLane lane, int start, Tried tried, long nowNs) {
        int count = targets.length;
        for (int i = 0; i < count; i++) {
            Target target = targets[(start + i) % count];
            if (free(lane, target, tried, nowNs)) {
                return target;
            }
        }
        return null;
    }

    /** Requests at all targets and the one to come; 0 without a bound, which then costs nothing. */
    final long boundedLoad() {
        if (boundPercent == 0) {
            return 0;
        }
        long load = 1;
        for (Target target : targets) {
            load += target.active();
        }
        return load;
    }

    /** Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2016): whether {@code i} is above it. */
    final boolean above(int i, long load) {
        return load != 0 && targets[i].active() * 100 * weightSum >= load * boundPercent * weights[i];
    }

    /** A bijection whose output bits each depend on all input bits (the finisher of SplitMix64). */
    static long mix(long value) {
        long h = value;
        h = (h ^ (h >>> 30)) * 0xbf58476d1ce4e5b9L;
        h = (h ^ (h >>> 27)) * 0x94d049bb133111ebL;
        return h ^ (h >>> 31);
    }
}
