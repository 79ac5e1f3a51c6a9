package dev.drover.node.docker;

import org.jspecify.annotations.Nullable;

/**
 * A hint that something happened to a container; what, an inspect call tells. Only of {@code die} there is nothing to ask:
 * the container's processes have ended.
 *
 * @param timeNanos epoch nanoseconds by the engine's clock
 * @param exitCode null but with {@code die}
 */
public record EngineEvent(
        String id, String action, long timeNanos, @Nullable Integer exitCode) {
    boolean isEnd() {
        return action.equals("die");
    }
}
