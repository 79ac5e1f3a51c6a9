package dev.drover.overlay;

import dev.drover.dataplane.Mac;

/**
 * A container's place in the overlay as it is now.
 *
 * @param key of the request
 * @param hostInterface name of the host's end
 * @param hostIndex index of the host's end, in the host's namespace
 * @param containerInterface name of the container's end: {@code eth0}, or the next that was free
 * @param containerIndex index of the container's end, in the container's namespace
 * @param address IPv4 in host byte order
 * @param changed false when everything was already so
 */
public record Attachment(
        String key,
        String hostInterface,
        int hostIndex,
        String containerInterface,
        int containerIndex,
        int address,
        Mac mac,
        boolean changed) {}
