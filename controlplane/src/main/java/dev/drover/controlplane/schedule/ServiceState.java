package dev.drover.controlplane.schedule;

/** How far a service is. */
public enum ServiceState {
    /** Everything wanted runs, and every connected node knows it. */
    ACTIVE,
    /** Some wanted instance does not serve yet. */
    ACTIVATING,
    /** Instances of an older version are being replaced. */
    UPGRADING,
    /** Its instances are being drained and removed. */
    REMOVING
}
