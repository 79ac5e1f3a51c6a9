package dev.drover.controlplane.model;

/** A named group of services; key {@code stacks/ENVIRONMENT_ID/ID}. Names are unique in the environment, case-insensitively. */
public record Stack(String id, String environmentId, String name, String compose, String rancherCompose) {}
