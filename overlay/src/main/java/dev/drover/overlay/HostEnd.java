package dev.drover.overlay;

/**
 * The host's end of a container's wire.
 *
 * @param key the container's short Docker id
 * @param interfaceName on the host
 * @param index on the host
 * @param bridge name of the bridge it is a port of; empty when it is none's, which the next attach repairs
 */
public record HostEnd(String key, String interfaceName, int index, String bridge) {}
