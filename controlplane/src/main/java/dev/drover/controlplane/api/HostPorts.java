package dev.drover.controlplane.api;

import dev.drover.controlplane.desired.PublishedPorts;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Service;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Ports of the hosts that services claim. A load balancer listens on every host, so its ports must be its own; two
 * services that publish the same port are the scheduler's matter, it puts them on different hosts.
 */
final class HostPorts {
    private HostPorts() {}

    /** @throws ApiException 409 naming the port and who has it */
    static void requireFree(List<Service> services) {
        Map<Integer, Service> balancers = new HashMap<>();
        for (Service service : services) {
            if (service.removed()) {
                continue;
            }
            for (Service.PortRule rule : service.portRules()) {
                Service other = balancers.putIfAbsent(rule.sourcePort(), service);
                if (other != null && !other.id().equals(service.id())) {
                    throw taken(rule.sourcePort(), service, other);
                }
            }
        }
        for (Service service : services) {
            if (!service.removed()) {
                published(service).stream()
                        .filter(balancers::containsKey)
                        .findFirst()
                        .ifPresent(port -> {
                            throw taken(port, service, balancers.getOrDefault(port, service));
                        });
            }
        }
    }

    private static Collection<Integer> published(Service service) {
        ContainerSpec spec = service.spec();
        return spec == null ? List.of() : PublishedPorts.of(spec).keySet();
    }

    private static ApiException taken(int port, Service service, Service other) {
        return ApiException.conflict(
                "compose.services." + service.name() + ".ports",
                "port: " + port + " of service " + service.stackName() + "/" + service.name()
                        + " is taken on every host by load balancer " + other.stackName() + "/" + other.name()
                        + " (expected: another port)");
    }
}
