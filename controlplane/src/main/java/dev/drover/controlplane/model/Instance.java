package dev.drover.controlplane.model;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;

/**
 * One container that a service wants on one host; key {@code instances/ENVIRONMENT_ID/ID}. While the record exists the
 * host runs it; deleting the record makes the host remove the container.
 *
 * @param index number within the service; the container is {@code STACK-SERVICE-INDEX}
 * @param version of the service it was made from
 * @param phaseSinceMs epoch milliseconds of the last change of {@code phase}
 */
public record Instance(
        String id,
        String environmentId,
        String serviceId,
        int index,
        String containerName,
        String hostId,
        long version,
        ContainerSpec spec,
        Phase phase,
        long phaseSinceMs) {

    public enum Phase {
        /** Wanted; serves as soon as its container runs and has an address. */
        ACTIVE,
        /** On its way out: no new requests; removed when every listener has let go of it or the drain time is over. */
        DRAINING
    }
}
