package dev.drover.node.docker;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A container as the list call shows it: enough to see that something changed.
 *
 * @param names without leading slashes
 * @param health of a running container with a health check, else null
 */
public record Listed(
        String id,
        List<String> names,
        String state,
        @Nullable String health) {
    public Listed {
        names = List.copyOf(names);
    }
}
