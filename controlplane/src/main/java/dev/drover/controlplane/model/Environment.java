package dev.drover.controlplane.model;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.drover.controlplane.policy.NetworkPolicy;
import org.jspecify.annotations.Nullable;

/**
 * A resource group of hosts with one overlay network; key {@code environments/ID}.
 *
 * @param name unique, {@code [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?}
 * @param subnet overlay subnet, {@code a.b.c.d/n}
 * @param vni VXLAN network identifier, unique among environments
 * @param port UDP port of the overlay
 * @param blockPrefix prefix length of the block leased to each host
 * @param encryption of the overlay, for as long as the environment exists; null, as in older records, is no
 * @param policy null where everything is allowed
 */
public record Environment(
        String id,
        String name,
        Orchestrator orchestrator,
        String subnet,
        int vni,
        int port,
        int blockPrefix,
        @Nullable Boolean encryption,
        @Nullable NetworkPolicy policy) {

    /** Without encryption and without a policy. */
    public Environment(
            String id, String name, Orchestrator orchestrator, String subnet, int vni, int port, int blockPrefix) {
        this(id, name, orchestrator, subnet, vni, port, blockPrefix, null, null);
    }

    public Environment withPolicy(@Nullable NetworkPolicy changed) {
        return new Environment(id, name, orchestrator, subnet, vni, port, blockPrefix, encryption, changed);
    }

    @JsonIgnore
    public boolean encrypted() {
        return Boolean.TRUE.equals(encryption);
    }
}
