package dev.drover.controlplane.link;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A message from a node to the control plane. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = Up.Hello.class, name = "hello"),
    @JsonSubTypes.Type(value = Up.Facts.class, name = "facts"),
    @JsonSubTypes.Type(value = Up.Applied.class, name = "applied"),
    @JsonSubTypes.Type(value = Up.Drained.class, name = "drained"),
    @JsonSubTypes.Type(value = Up.Flows.class, name = "flows")
})
public sealed interface Up {

    /**
     * First message of a connection.
     *
     * @param revision of the desired state the node holds, 0 for none; the answer is a full state unless it still fits
     */
    record Hello(String nodeVersion, long revision, HostFacts host) implements Up {}

    /**
     * What runs on the host.
     *
     * @param full true when {@code put} is the whole list, so that containers not in it are gone; only sent after a list
     *     call of the engine that succeeded
     * @param remove Docker ids of removed containers
     */
    record Facts(boolean full, List<ContainerFact> put, List<String> remove) implements Up {}

    /**
     * The node has applied the desired state up to {@code revision}.
     *
     * @param problems desired key to what is wrong with it, for every entry that could not be applied; empty when all
     *     is well
     */
    record Applied(long revision, Map<String, String> problems) implements Up {}

    /** These instances are draining and this node's listeners hold no request or connection to them any more. */
    record Drained(List<String> instanceIds) implements Up {}

    /**
     * Which containers spoke with which through this host's tunnel, estimated from samples. Each message replaces the one
     * before.
     *
     * @param periodMs the time that all of {@code flows} is of, until now
     * @param flows at most {@value #MOST}, the largest; empty when nothing was sent
     */
    record Flows(long periodMs, List<Flow> flows) implements Up {
        /** Flows of one message. */
        public static final int MOST = 200;
    }

    /**
     * What one address of the overlay sent another within a period. Packets and bytes are told by the sender's host,
     * dropped packets by the host that dropped them.
     *
     * @param bytes with Ethernet headers
     * @param drop why the last packet was dropped, null when none was
     */
    record Flow(
            String source,
            String destination,
            long packets,
            long bytes,
            long droppedPackets,
            @Nullable String drop) {}

    /**
     * The host itself.
     *
     * @param vtep underlay address
     * @param engine version of the Docker engine, null while it is unreachable
     * @param publicKey of its tunnel endpoint, Base64 of 32 bytes; null where the overlay is not encrypted
     */
    record HostFacts(
            String vtep,
            Map<String, String> labels,
            @Nullable String engine,
            String kernel,
            int cpus,
            long memoryBytes,
            @Nullable String publicKey) {

        /** Without a key. */
        public HostFacts(
                String vtep,
                Map<String, String> labels,
                @Nullable String engine,
                String kernel,
                int cpus,
                long memoryBytes) {
            this(vtep, labels, engine, kernel, cpus, memoryBytes, null);
        }
    }

    /**
     * One container.
     *
     * @param state {@code created}, {@code running}, {@code paused}, {@code restarting}, {@code exited}, {@code dead}
     * @param startedAt ISO-8601 instant of the last start, null when never started
     * @param address overlay address, null when not on the managed network
     * @param mac of its overlay interface
     * @param instanceId of the service instance it belongs to, null for containers made with the plain Docker CLI
     * @param problem why it could not be attached, null when all is well
     * @param health of its health check as the engine says it, starting, healthy or unhealthy;
     *     null when it has none
     */
    record ContainerFact(
            String dockerId,
            String name,
            String image,
            String state,
            String createdAt,
            @Nullable String startedAt,
            @Nullable Integer exitCode,
            @Nullable String address,
            @Nullable String mac,
            @Nullable String instanceId,
            Map<String, String> labels,
            @Nullable String problem,
            @Nullable String health) {

        /** Without a health check. */
        public ContainerFact(
                String dockerId,
                String name,
                String image,
                String state,
                String createdAt,
                @Nullable String startedAt,
                @Nullable Integer exitCode,
                @Nullable String address,
                @Nullable String mac,
                @Nullable String instanceId,
                Map<String, String> labels,
                @Nullable String problem) {
            this(
                    dockerId,
                    name,
                    image,
                    state,
                    createdAt,
                    startedAt,
                    exitCode,
                    address,
                    mac,
                    instanceId,
                    labels,
                    problem,
                    null);
        }
    }
}
