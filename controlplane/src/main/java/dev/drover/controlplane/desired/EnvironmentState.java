package dev.drover.controlplane.desired;

import dev.drover.controlplane.model.Certificate;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.repository.Versioned;
import java.util.List;
import java.util.Optional;

/**
 * Everything stored of one environment, at one revision of the store. Lists are in key order.
 *
 * @param revision of the store when this was read; no record is newer
 */
public record EnvironmentState(
        Environment environment,
        long revision,
        List<Host> hosts,
        List<Stack> stacks,
        List<Service> services,
        List<Versioned<Instance>> instances,
        List<Versioned<Container>> containers,
        List<Certificate> certificates) {
    public EnvironmentState {
        hosts = List.copyOf(hosts);
        stacks = List.copyOf(stacks);
        services = List.copyOf(services);
        instances = List.copyOf(instances);
        containers = List.copyOf(containers);
        certificates = List.copyOf(certificates);
    }

    /** Without certificates. */
    public EnvironmentState(
            Environment environment,
            long revision,
            List<Host> hosts,
            List<Stack> stacks,
            List<Service> services,
            List<Versioned<Instance>> instances,
            List<Versioned<Container>> containers) {
        this(environment, revision, hosts, stacks, services, instances, containers, List.of());
    }

    /** Reads one consistent state; empty when there is no such environment. */
    public static Optional<EnvironmentState> read(Repository repository, String environmentId) {
        return repository.read(() -> repository
                .get(Kind.ENVIRONMENT, environmentId)
                .map(environment -> new EnvironmentState(
                        environment,
                        repository.revision(),
                        repository.list(Kind.HOST, environmentId),
                        repository.list(Kind.STACK, environmentId),
                        repository.list(Kind.SERVICE, environmentId),
                        repository.listVersioned(Kind.INSTANCE, environmentId),
                        repository.listVersioned(Kind.CONTAINER, environmentId),
                        repository.list(Kind.CERTIFICATE, environmentId))));
    }
}
