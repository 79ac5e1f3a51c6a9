package dev.drover.node.docker;

/**
 * A hint that something happened to a container; what, an inspect call tells.
 *
 * @param timeNanos epoch nanoseconds by the engine's clock
 */
public record EngineEvent(String id, String action, long timeNanos) {}
