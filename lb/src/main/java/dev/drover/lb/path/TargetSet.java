package dev.drover.lb.path;

import java.util.List;

/**
 * The targets of a listener at one moment.
 *
 * @param active those that take new work, in the order of the configuration
 * @param draining those that only finish what they have
 */
public record TargetSet(List<Target> active, List<Target> draining) {
    public static final TargetSet EMPTY = new TargetSet(List.of(), List.of());

    public TargetSet {
        active = List.copyOf(active);
        draining = List.copyOf(draining);
    }
}
