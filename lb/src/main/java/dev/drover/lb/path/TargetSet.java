package dev.drover.lb.path;

import java.util.List;

/**
 * The targets of a pool at one moment.
 *
 * @param active those that take new work, in the order of the configuration
 * @param draining those that only finish what they have
 * @param levels how to choose among the active: the next level is asked when none of the one before is free
 */
public record TargetSet(List<Target> active, List<Target> draining, List<Balancer> levels) {
    public static final TargetSet EMPTY = new TargetSet(List.of(), List.of(), List.of());

    public TargetSet {
        active = List.copyOf(active);
        draining = List.copyOf(draining);
        levels = List.copyOf(levels);
    }
}
