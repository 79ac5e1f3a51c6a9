package dev.drover.lb.path;

import dev.drover.dataplane.Snapshot;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Targets that serve the same, shared by all routes that lead to them; keeps its identity while its targets change. */
public final class Pool {
    private final String name;
    private final Snapshot<TargetSet> targets = new Snapshot<>(TargetSet.EMPTY);
    private final Snapshot<PoolPolicy> policy;
    private final RetryBudget budget;
    private final WaitingRoom room;
    private final Latencies latencies;

    public Pool(String name, PoolPolicy policy, int lanes) {
        this.name = name;
        this.policy = new Snapshot<>(policy);
        budget = new RetryBudget(lanes);
        room = new WaitingRoom(lanes);
        latencies = new Latencies(lanes);
    }

    /** How long its requests took. */
    public Latencies latencies() {
        return latencies;
    }

    RetryBudget budget() {
        return budget;
    }

    /** Where work waits for room at the targets, which must be made with it. */
    public WaitingRoom room() {
        return room;
    }

    public String name() {
        return name;
    }

    public TargetSet targets() {
        return targets.read();
    }

    PoolPolicy policy() {
        return policy.read();
    }

    /** Publishes the targets for new work; the caller serialises. */
    public void publish(TargetSet next) {
        targets.publish(next);
    }

    /** Publishes the rules for new work; the caller serialises. */
    public void publish(PoolPolicy next) {
        policy.publish(next);
    }

    /**
     * The target for new work, without those already tried. Targets at rest are passed over as long as there is
     * another, full ones always.
     *
     * @param key hash of the source, spread over all 64 bits
     */
    @Nullable
    Target pick(LbLane lane, long key, Tried tried) {
        List<Balancer> levels = targets.read().levels();
        long nowNs = System.nanoTime();
        for (int i = 0; i < levels.size(); i++) {
            Target target = levels.get(i).pick(lane, key, tried, nowNs);
            if (target != null) {
                return target;
            }
        }
        for (int i = 0; i < levels.size(); i++) {
            for (Target target : levels.get(i).targets) {
                if (!tried.contains(target) && !target.full(lane)) {
                    return target;
                }
            }
        }
        return null;
    }

    /** The target a client's cookie names, when it takes new work and is well. */
    @Nullable
    Target sticky(LbLane lane, long token, Tried tried) {
        List<Target> active = targets.read().active();
        for (int i = 0; i < active.size(); i++) {
            Target target = active.get(i);
            if (target.token() == token) {
                return target.resting(System.nanoTime()) || target.full(lane) || tried.contains(target) ? null : target;
            }
        }
        return null;
    }

    /** Whether there is a target for new work that is neither {@code target} nor among those tried. */
    boolean hasOther(Target target, Tried tried) {
        List<Target> active = targets.read().active();
        for (int i = 0; i < active.size(); i++) {
            Target other = active.get(i);
            if (other != target && !tried.contains(other)) {
                return true;
            }
        }
        return false;
    }

    /** Whether a target that takes new work is not among those tried. */
    boolean hasUntried(Tried tried) {
        List<Target> active = targets.read().active();
        for (int i = 0; i < active.size(); i++) {
            if (!tried.contains(active.get(i))) {
                return true;
            }
        }
        return false;
    }
}
