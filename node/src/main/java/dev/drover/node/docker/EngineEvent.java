package dev.drover.node.docker;

import org.jspecify.annotations.Nullable;

/**
 * A hint that something happened to a container; what, an inspect call tells. Of two there is nothing to ask: at {@code
 * start} its processes have begun, at {@code die} they have ended.
 *
 * @param timeNanos epoch nanoseconds by the engine's clock
 * @param exitCode null but with {@code die}
 */
public record EngineEvent(
        Named container,
        String action,
        long timeNanos,
        @Nullable Integer exitCode) {}
