package dev.drover.controlplane.model;

/** Who schedules containers in an environment. This version runs CATTLE, Drover's own scheduler; the others are refused by name. */
public enum Orchestrator {
    CATTLE,
    SWARM,
    KUBERNETES,
    MESOS
}
