package dev.drover.controlplane.compose;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Service;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A service as the files of a stack describe it; the API makes or updates the {@link Service} record from it.
 *
 * @param scale null when the files do not say: 1 for a new service, unchanged for one that exists
 * @param spec null for what has no containers of its own
 * @param metadata for the metadata service, as JSON values; null for nothing
 */
public record ServiceDraft(
        String name,
        Service.Kind kind,
        @Nullable Integer scale,
        boolean global,
        @Nullable ContainerSpec spec,
        List<Service.PortRule> portRules,
        Map<String, String> labels,
        long drainTimeoutMs,
        Discovery discovery,
        @Nullable Map<String, Object> metadata,
        Service.@Nullable HealthCheck healthCheck) {}
