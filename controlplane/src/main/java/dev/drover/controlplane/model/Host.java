package dev.drover.controlplane.model;

import dev.drover.controlplane.link.Up;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A joined host; key {@code hosts/ENVIRONMENT_ID/ID}. Whether it is connected is not stored: the link knows.
 *
 * @param block address block leased to it, {@code a.b.c.d/n}
 * @param keyHash SHA-256 of its bearer secret, hex
 * @param facts what it said of itself last, null before its first connection
 */
public record Host(
        String id,
        String environmentId,
        String name,
        String machineId,
        String vtep,
        Map<String, String> labels,
        String block,
        String keyHash,
        Up.@Nullable HostFacts facts) {}
