package dev.drover.controlplane.model;

/**
 * A named group of services; key {@code stacks/ENVIRONMENT_ID/ID}. Names are unique in the environment, case-insensitively.
 *
 * @param removed true while its services are being drained and removed; the record goes away after the last of them
 */
public record Stack(
        String id, String environmentId, String name, String compose, String rancherCompose, boolean removed) {}
