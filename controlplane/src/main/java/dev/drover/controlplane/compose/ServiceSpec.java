package dev.drover.controlplane.compose;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Service.Kind;
import dev.drover.controlplane.model.Service.PortRule;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One service as the compose files describe it.
 *
 * @param name lower case, a DNS label
 * @param scale wanted number of instances; null when the files do not say, so that an update keeps the present one
 * @param global one instance on each host that its host rules allow
 * @param spec null for a load balancer
 * @param portRules what a load balancer listens on; empty for other services
 * @param drainTimeoutMs how long an instance may finish its requests
 */
public record ServiceSpec(
        String name,
        Kind kind,
        @Nullable Integer scale,
        boolean global,
        @Nullable ContainerSpec spec,
        List<PortRule> portRules,
        Map<String, String> labels,
        long drainTimeoutMs) {
    public static final int DEFAULT_SCALE = 1;
    public static final long DEFAULT_DRAIN_TIMEOUT_MS = 30_000;

    public ServiceSpec {
        portRules = List.copyOf(portRules);
        labels = Map.copyOf(labels);
    }
}
