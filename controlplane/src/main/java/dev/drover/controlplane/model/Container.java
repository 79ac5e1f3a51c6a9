package dev.drover.controlplane.model;

import dev.drover.controlplane.link.Up.ContainerFact;

/**
 * A container that really exists on a host, as the host reported it last; key {@code containers/ENVIRONMENT_ID/HOST_ID/DOCKER_ID}.
 * Stored, so that names and targets survive a restart of the control plane before the hosts have reported again.
 */
public record Container(String environmentId, String hostId, ContainerFact fact) {}
