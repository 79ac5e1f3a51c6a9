package dev.drover.controlplane.schedule;

/** One write that brings an environment nearer to what is wanted. Each is safe on its own, in any order. */
sealed interface Step {

    /** A new instance of the service's present version; skipped when that is no longer {@code version}. */
    record Create(String serviceId, long version, String hostId) implements Step {}

    /** An instance takes no new requests from now on. */
    record Drain(String instanceId) implements Step {}

    /** An instance's host removes the container. */
    record RemoveInstance(String instanceId) implements Step {}

    /** The last instance of a removed service is gone. */
    record RemoveService(String serviceId) implements Step {}

    /** The last service of a removed stack is gone. */
    record RemoveStack(String stackId) implements Step {}

    /** A container whose host was removed. */
    record RemoveContainer(String hostId, String dockerId) implements Step {}
}
