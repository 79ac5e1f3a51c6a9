package dev.drover.lb.path;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * In turn, by weight. The order is that of nginx's smooth weighted round robin, worked out once per change of targets:
 * weights 5, 1, 1 give a a b a c a a, not a a a a a b c.
 *
 * <p>The turn is one counter for all lanes, so that requests sent one after the other visit the targets in strict order
 * whichever lane their connections live on. That is one uncontended or briefly contended atomic add per request, some
 * tens of nanoseconds; a counter per lane would save them and give up the order.
 */
public final class RoundRobin extends Balancer {
    /** More turns than this are not worked out; weights are scaled down to it. */
    private static final int MAX_TURNS = 4_096;

    private final AtomicLong turn;
    private final char[] schedule;

    /** @param turn goes on from the predecessor, so that a change of targets does not begin with the first again */
    public RoundRobin(List<Target> targets, int[] weights, AtomicLong turn) {
        super(targets, weights, 0);
        this.turn = turn;
        schedule = schedule(weights);
    }

    /** Passing over takes another turn, so that the neighbour of a dead target does not get its share alone. */
    @Override
    @Nullable
    Target pick(LbLane lane, long key, Tried tried, long nowNs) {
        int turns = Math.min(schedule.length, 2 * targets.length);
        int at = 0;
        for (int i = 0; i < turns; i++) {
            at = schedule[(int) ((turn.getAndIncrement() & Long.MAX_VALUE) % schedule.length)];
            Target target = targets[at];
            if (free(lane, target, tried, nowNs)) {
                return target;
            }
        }
        return firstFree(lane, at, tried, nowNs);
    }

    /** Which target has which turn. */
    static char[] schedule(int[] given) {
        int[] weights = scale(given);
        int total = 0;
        for (int weight : weights) {
            total += weight;
        }
        char[] turns = new char[total];
        int[] credit = new int[weights.length];
        for (int t = 0; t < total; t++) {
            int best = 0;
            for (int i = 0; i < weights.length; i++) {
                credit[i] += weights[i];
                if (credit[i] > credit[best]) {
                    best = i;
                }
            }
            credit[best] -= total;
            turns[t] = (char) best;
        }
        return turns;
    }

    private static int[] scale(int[] given) {
        int divisor = given[0];
        long sum = 0;
        for (int weight : given) {
            int a = divisor;
            int b = weight;
            while (b != 0) {
                int rest = a % b;
                a = b;
                b = rest;
            }
            divisor = a;
            sum += weight;
        }
        int[] weights = new int[given.length];
        long turns = sum / divisor;
        for (int i = 0; i < given.length; i++) {
            weights[i] = turns <= Math.max(MAX_TURNS, given.length)
                    ? given[i] / divisor
                    : (int) Math.max(1, Math.round((double) given[i] * MAX_TURNS / sum));
        }
        return weights;
    }
}
