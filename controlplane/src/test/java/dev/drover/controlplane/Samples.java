package dev.drover.controlplane;

import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.link.Up.HostFacts;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Orchestrator;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Service.PortRule;
import dev.drover.controlplane.security.HostKeys;
import dev.drover.controlplane.security.Secrets;
import java.util.List;
import java.util.Map;

/** Records for tests, all of environment {@code e1}. */
public final class Samples {
    public static final String ENV = "e1";
    public static final HostFacts FACTS = new HostFacts("192.0.2.11", Map.of(), "28.0", "6.12", 2, 1 << 30);

    private Samples() {}

    public static Environment environment() {
        return new Environment(ENV, "test", Orchestrator.CATTLE, "10.42.0.0/16", 1042, 4789, 24);
    }

    /** Host {@code hN} with block 10.42.N.0/24. */
    public static Host host(int n) {
        return host(n, Map.of());
    }

    public static Host host(int n, Map<String, String> labels) {
        String vtep = "192.0.2." + (10 + n);
        HostFacts facts = new HostFacts(vtep, labels, "28.0", "6.12", 2, 1 << 30);
        return new Host("h" + n, ENV, "host" + n, "m" + n, vtep, labels, "10.42." + n + ".0/24", "", facts);
    }

    /** A host that has joined but was never connected, with its key. */
    public record Joined(Host host, String key) {}

    public static Joined joined(int n) {
        String key = HostKeys.create(ENV, "h" + n);
        Host host = host(n);
        return new Joined(
                new Host(
                        host.id(),
                        ENV,
                        host.name(),
                        host.machineId(),
                        host.vtep(),
                        Map.of(),
                        host.block(),
                        Secrets.hash(key),
                        null),
                key);
    }

    public static ContainerSpec spec(String image, String... ports) {
        return new ContainerSpec(
                image,
                null,
                null,
                Map.of(),
                Map.of(),
                false,
                false,
                null,
                null,
                null,
                List.of(),
                List.of(ports),
                false,
                List.of(),
                null);
    }

    /** Service {@code web} of stack {@code hello}. */
    public static Service service(int scale) {
        return service("web", scale, 1, Map.of(), spec("busybox"));
    }

    public static Service service(
            String name, int scale, long version, Map<String, String> labels, ContainerSpec spec) {
        boolean global = "true".equals(labels.get("io.rancher.scheduler.global"));
        return new Service(
                "svc-" + name,
                ENV,
                "st1",
                "hello",
                name,
                Service.Kind.SERVICE,
                scale,
                global,
                version,
                spec,
                List.of(),
                labels,
                1,
                30_000,
                false);
    }

    public static Service balancer(PortRule... rules) {
        return new Service(
                "svc-lb",
                ENV,
                "st1",
                "hello",
                "lb",
                Service.Kind.LOAD_BALANCER,
                1,
                false,
                1,
                null,
                List.of(rules),
                Map.of(),
                1,
                30_000,
                false);
    }

    /** The service with another scale, version and image, or on its way out. */
    public static Service changed(Service service, int scale, long version, boolean removed) {
        return new Service(
                service.id(),
                service.environmentId(),
                service.stackId(),
                service.stackName(),
                service.name(),
                service.kind(),
                scale,
                service.global(),
                version,
                service.spec(),
                service.portRules(),
                service.labels(),
                service.nextIndex(),
                service.drainTimeoutMs(),
                removed);
    }

    public static ContainerFact running(String dockerId, String name, String address, String instanceId) {
        return container(dockerId, name, "running", "2026-11-22T10:00:00Z", address, instanceId);
    }

    public static ContainerFact container(
            String dockerId, String name, String state, String startedAt, String address, String instanceId) {
        return new ContainerFact(
                dockerId,
                name,
                "busybox",
                state,
                "2026-11-22T09:00:00Z",
                startedAt,
                null,
                address,
                address == null ? null : "02:00:00:00:00:01",
                instanceId,
                Map.of(),
                null);
    }
}
