package dev.drover.lb.path;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The same target for the same source, by a look-up table (Eisenbud et al., "Maglev", NSDI 2016, section 3.4): one
 * memory access per request however many targets there are, the same table on every host, and little more moved by a
 * change than must be. Weights as in Envoy: a target fills a slot in as many rounds as its weight is of the largest.
 */
public final class Maglev extends Balancer {
    /** A prime, at least a hundred slots a target up to this many of them. */
    static final int SLOTS = 65_537;

    private static final int MANY_SLOTS = 655_373;
    private static final int FEW_TARGETS = SLOTS / 100;
    private static final long STEP = 0x9e3779b97f4a7c15L;

    private final int[] table;

    public Maglev(List<Target> targets, int[] weights, int boundPercent) {
        super(targets, weights, boundPercent);
        table = table(this.targets, this.weights, targets.size() <= FEW_TARGETS ? SLOTS : MANY_SLOTS);
    }

    @Override
    @Nullable
    Target pick(LbLane lane, long key, Tried tried, long nowNs) {
        long load = boundedLoad();
        long hash = key;
        int at = 0;
        for (int i = 0; i < 2 * targets.length; i++) {
            at = table[(int) Long.remainderUnsigned(hash, table.length)];
            if (free(lane, targets[at], tried, nowNs) && !above(at, load)) {
                return targets[at];
            }
            hash = mix(hash + STEP);
        }
        return firstFree(lane, at, tried, nowNs);
    }

    static int[] table(Target[] targets, int[] weights, int slots) {
        int count = targets.length;
        int[] at = new int[count];
        int[] skip = new int[count];
        int heaviest = 0;
        for (int i = 0; i < count; i++) {
            at[i] = (int) Long.remainderUnsigned(targets[i].seed(), slots);
            skip[i] = (int) Long.remainderUnsigned(mix(targets[i].seed() + STEP), slots - 1) + 1;
            heaviest = Math.max(heaviest, weights[i]);
        }
        int[] table = new int[slots];
        Arrays.fill(table, -1);
        long[] credit = new long[count];
        int filled = 0;
        while (true) {
            for (int i = 0; i < count; i++) {
                credit[i] += weights[i];
                if (credit[i] < heaviest) {
                    continue;
                }
                credit[i] -= heaviest;
                while (table[at[i]] >= 0) {
                    at[i] = (at[i] + skip[i]) % slots;
                }
                table[at[i]] = i;
                if (++filled == slots) {
                    return table;
                }
            }
        }
    }
}
