package dev.drover.node.state;

import java.util.List;
import java.util.Map;

/**
 * The addresses of a host's block.
 *
 * @param containers Docker id to assignment
 * @param released free addresses that were used, oldest first: they are given out again as late as possible
 */
public record Assignments(Map<String, Assignment> containers, List<String> released) {
    public static final Assignments NONE = new Assignments(Map.of(), List.of());

    public Assignments {
        containers = Map.copyOf(containers);
        released = List.copyOf(released);
    }
}
