package dev.drover.controlplane.api;

import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.model.Service;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The resources as the API shows them, in REST answers and in the live watch alike. */
final class Views {
    private Views() {}

    /** One of them; {@link #id} is unique among its kind. */
    sealed interface View {
        String id();
    }

    record EnvironmentView(
            String id,
            String name,
            String orchestrator,
            String subnet,
            int vni,
            int port,
            int blockPrefix,
            boolean encryption,
            int hosts,
            int stacks)
            implements View {}

    /** @param facts null before the host's first connection */
    record HostView(
            String id,
            String name,
            String environmentId,
            String environment,
            String vtep,
            String block,
            String state,
            Map<String, String> labels,
            Up.@Nullable HostFacts facts,
            int containers,
            @Nullable String message)
            implements View {}

    /**
     * @param compose only when a single stack is asked for
     * @param services how many
     */
    record StackView(
            String id,
            String name,
            String environmentId,
            String environment,
            String state,
            int services,
            @Nullable String compose,
            @Nullable String rancherCompose)
            implements View {}

    /** @param image null for a load balancer */
    record ServiceView(
            String id,
            String name,
            String stackId,
            String stack,
            String environmentId,
            String kind,
            int scale,
            boolean global,
            long version,
            String state,
            @Nullable String message,
            @Nullable String image,
            List<InstanceView> instances,
            List<Service.PortRule> portRules)
            implements View {}

    /**
     * @param state of its container, or {@code pending} while there is none
     * @param phase {@code active} or {@code draining}
     */
    record InstanceView(
            String id,
            String name,
            String hostId,
            String host,
            String state,
            @Nullable String address,
            long version,
            String phase,
            @Nullable String problem) {}

    /** @param id the Docker id */
    record ContainerView(
            String id,
            String name,
            String environmentId,
            String hostId,
            String host,
            String image,
            String state,
            String createdAt,
            @Nullable String startedAt,
            @Nullable Integer exitCode,
            @Nullable String address,
            @Nullable String mac,
            @Nullable String instanceId,
            @Nullable String service,
            @Nullable String stack,
            Map<String, String> labels,
            @Nullable String problem)
            implements View {}

    /**
     * One end of a flow; what is null is not known.
     *
     * @param address in the overlay
     * @param host where the container runs
     */
    record FlowEnd(
            String address,
            @Nullable String container,
            @Nullable String service,
            @Nullable String stack,
            @Nullable String host) {}

    /**
     * What one end sends the other, estimated from samples.
     *
     * @param bytesPerSecond with Ethernet headers
     * @param drop why the last packet was dropped, null when none was
     */
    record FlowView(
            FlowEnd source,
            FlowEnd destination,
            double packetsPerSecond,
            double bytesPerSecond,
            double droppedPerSecond,
            @Nullable String drop) {}
}
