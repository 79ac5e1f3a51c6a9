package dev.drover.node.docker;

import java.util.List;

/**
 * A container as the list call shows it: enough to see that something changed.
 *
 * @param names without leading slashes
 */
public record Listed(String id, List<String> names, String state) {
    public Listed {
        names = List.copyOf(names);
    }
}
