package dev.drover.controlplane.link;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a node's desired state, stored under a key that is unique for the node. A node's desired state is a map
 * from key to item; the control plane sends only the entries that changed.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = DesiredItem.Peer.class, name = "peer"),
    @JsonSubTypes.Type(value = DesiredItem.Neighbour.class, name = "neighbour"),
    @JsonSubTypes.Type(value = DesiredItem.Name.class, name = "name"),
    @JsonSubTypes.Type(value = DesiredItem.Workload.class, name = "workload"),
    @JsonSubTypes.Type(value = DesiredItem.Listener.class, name = "listener")
})
public sealed interface DesiredItem {

    /**
     * Another host of the environment; key {@code peer/HOST_ID}.
     *
     * @param vtep underlay address of that host
     * @param block address block leased to it, {@code a.b.c.d/n}
     * @param publicKey of its tunnel endpoint, null while it has told none; in an encrypted environment it cannot be
     *     reached until it has
     */
    record Peer(
            String hostId,
            String vtep,
            String block,
            @Nullable String publicKey) implements DesiredItem {

        /** Without a key. */
        public Peer(String hostId, String vtep, String block) {
            this(hostId, vtep, block, null);
        }
    }

    /**
     * A container of another host; key {@code neighbour/ADDRESS}. Lets ARP be answered without asking that host.
     *
     * @param mac {@code aa:bb:cc:dd:ee:ff}
     * @param revision store revision of the fact; an entry is only deleted by an exact match
     */
    record Neighbour(String address, String mac, String hostId, long revision) implements DesiredItem {}

    /**
     * Addresses of a name; key {@code name/NAME}.
     *
     * @param name relative to the zone, lower case: {@code httpserver.hello} or {@code web1}
     */
    record Name(String name, List<String> addresses) implements DesiredItem {}

    /**
     * A service container this host must run; key {@code workload/INSTANCE_ID}. An instance that disappears from the
     * desired state must be removed from the host.
     *
     * @param containerName Docker name of the container
     * @param dnsSearch search list of its resolv.conf, most specific first
     */
    record Workload(String instanceId, String containerName, ContainerSpec spec, List<String> dnsSearch)
            implements DesiredItem {}

    /**
     * A listener of a load balancer service; key {@code listener/SERVICE_ID/PORT}.
     *
     * @param port port on every address of the host
     * @param protocol {@code http} or {@code tcp}
     * @param targets where everything goes, when there are no {@code routes}
     * @param routes which requests go where; null or empty for one route of everything to {@code targets}
     */
    record Listener(
            String name,
            int port,
            String protocol,
            String balance,
            List<Target> targets,
            @Nullable List<Route> routes) implements DesiredItem {

        /** Everything to {@code targets}. */
        public Listener(String name, int port, String protocol, String balance, List<Target> targets) {
            this(name, port, protocol, balance, targets, null);
        }
    }

    /**
     * Which requests of a {@link Listener} go to which targets.
     *
     * @param hostname null for any
     * @param path null for any
     * @param priority lower is asked first; null to go by how exact the conditions are
     * @param stickyCookie null for none
     */
    record Route(
            @Nullable String hostname,
            @Nullable String path,
            @Nullable Integer priority,
            @Nullable String stickyCookie,
            List<Target> targets) {}

    /**
     * A target of a {@link Listener}.
     *
     * @param address {@code a.b.c.d:port}
     * @param draining takes no new requests; the node reports when none are left
     * @param weight share of the requests; null is 1
     */
    record Target(
            String instanceId,
            String address,
            boolean draining,
            @Nullable Integer weight) {

        /** Of weight 1. */
        public Target(String instanceId, String address, boolean draining) {
            this(instanceId, address, draining, null);
        }
    }

    /**
     * What a service container is made of; the subset of docker-compose this version runs.
     *
     * @param command null for the default of the image
     * @param entrypoint null for the default of the image
     * @param ports published ports, {@code host:container/proto}
     */
    record ContainerSpec(
            String image,
            @Nullable List<String> command,
            @Nullable List<String> entrypoint,
            Map<String, String> environment,
            Map<String, String> labels,
            boolean tty,
            boolean stdinOpen,
            @Nullable String workingDir,
            @Nullable String user,
            @Nullable String hostname,
            List<String> volumes,
            List<String> ports,
            boolean privileged,
            List<String> capAdd,
            @Nullable Long memoryBytes) {
        public ContainerSpec {
            environment = Map.copyOf(environment);
            labels = Map.copyOf(labels);
            volumes = List.copyOf(volumes);
            ports = List.copyOf(ports);
            capAdd = List.copyOf(capAdd);
        }
    }
}
