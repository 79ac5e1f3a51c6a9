package dev.drover.controlplane.api;

import dev.drover.controlplane.desired.PublishedPorts;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
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

    /**
     * @param stack the one that is being changed; its services are told to give way
     * @param services all of the environment, as they would be
     * @throws ApiException 409 naming the port and who has it
     */
    static void requireFree(Stack stack, Collection<Service> services) {
        List<Service> wanted =
                services.stream().filter(service -> !service.removed()).toList();
        Map<Integer, Service> balancers = new HashMap<>();
        for (Service service : wanted) {
            for (Service.PortRule rule : service.listens()) {
                Service other = balancers.putIfAbsent(rule.sourcePort(), service);
                if (other != null && !other.id().equals(service.id())) {
                    throw taken(rule.sourcePort(), stack, service, other);
                }
            }
        }
        for (Service service : wanted) {
            for (int port : published(service)) {
                Service balancer = balancers.get(port);
                if (balancer != null) {
                    throw taken(port, stack, service, balancer);
                }
            }
        }
    }

    private static Collection<Integer> published(Service service) {
        ContainerSpec spec = service.spec();
        return spec == null ? List.of() : PublishedPorts.of(spec).keySet();
    }

    private static ApiException taken(int port, Stack stack, Service one, Service other) {
        boolean own = one.stackId().equals(stack.id());
        Service newcomer = own ? one : other;
        Service holder = own ? other : one;
        return ApiException.conflict(
                "compose.services." + newcomer.name() + ".ports",
                "port: " + port + " of " + name(newcomer) + " is taken by " + name(holder)
                        + ", and a load balancer needs its ports on every host (expected: another port)");
    }

    private static String name(Service service) {
        return (service.kind() == Service.Kind.LOAD_BALANCER ? "load balancer " : "service ") + service.stackName()
                + "/" + service.name();
    }
}
