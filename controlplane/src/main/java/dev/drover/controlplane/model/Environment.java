package dev.drover.controlplane.model;

/**
 * A resource group of hosts with one overlay network; key {@code environments/ID}.
 *
 * @param name unique, {@code [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?}
 * @param subnet overlay subnet, {@code a.b.c.d/n}
 * @param vni VXLAN network identifier, unique among environments
 * @param port UDP port of the overlay
 * @param blockPrefix prefix length of the block leased to each host
 */
public record Environment(
        String id, String name, Orchestrator orchestrator, String subnet, int vni, int port, int blockPrefix) {}
