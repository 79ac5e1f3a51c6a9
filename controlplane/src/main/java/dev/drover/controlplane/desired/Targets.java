package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem.Target;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Instances of an environment by service, and what listeners may send to. */
final class Targets {
    private final Running running;
    private final Sidekicks sidekicks;
    private final Map<String, Service> services = new HashMap<>();
    private final Map<String, Service> byName = new HashMap<>();
    private final Map<String, List<Instance>> instances = new HashMap<>();
    private final Map<Integer, String> balancerPorts = new HashMap<>();

    Targets(EnvironmentState state) {
        running = new Running(state.instances(), state.containers());
        sidekicks = new Sidekicks(state.services());
        for (Service service : state.services()) {
            services.put(service.id(), service);
            if (!service.removed()) {
                byName.put(key(service.stackName(), service.name()), service);
                service.portRules().forEach(rule -> balancerPorts.putIfAbsent(rule.sourcePort(), service.id()));
            }
        }
        for (Versioned<Instance> instance : state.instances()) {
            instances
                    .computeIfAbsent(instance.value().serviceId(), id -> new ArrayList<>())
                    .add(instance.value());
        }
        instances.values().forEach(list -> list.sort(Comparator.comparingInt(Instance::index)));
    }

    @Nullable
    Service service(String id) {
        return services.get(id);
    }

    /** Of two load balancers on one port the first has it; the API refuses the second, so this is the last resort. */
    boolean isOwner(Service service, int port) {
        return service.id().equals(balancerPorts.get(port));
    }

    boolean balancerHas(int port) {
        return balancerPorts.containsKey(port);
    }

    Map<String, List<Instance>> instancesByHost(String serviceId) {
        Map<String, List<Instance>> byHost = new TreeMap<>();
        for (Instance instance : instances.getOrDefault(serviceId, List.of())) {
            byHost.computeIfAbsent(instance.hostId(), id -> new ArrayList<>()).add(instance);
        }
        return byHost;
    }

    /** Name of the service whose sidekick it is, else its own; lower case. */
    String primary(Service service) {
        Service primary = sidekicks.primary(service);
        return (primary == null ? service : primary).name().toLowerCase(Locale.ROOT);
    }

    /** Sidekicks of the service that exist, in the order of its label. */
    List<Service> sidekicks(Service service) {
        return sidekicks.of(service);
    }

    /** Containers of the instances that are not on their way out, while they run and have an address; by index. */
    List<ContainerFact> serving(String serviceId) {
        List<ContainerFact> serving = new ArrayList<>();
        for (Instance instance : instances.getOrDefault(serviceId, List.of())) {
            Versioned<Container> container = running.containerOf(instance.id());
            if (running.addressOf(instance.id()) != null && container != null && instance.phase() == Phase.ACTIVE) {
                serving.add(container.value().fact());
            }
        }
        return serving;
    }

    /** The service called {@code stack/service}, or {@code service} in {@code ownStack}; null when there is none. */
    @Nullable
    Service named(String text, String ownStack) {
        int slash = text.indexOf('/');
        return byName.get(key(slash < 0 ? ownStack : text.substring(0, slash), text.substring(slash + 1)));
    }

    List<Target> of(Service balancer, Service.PortRule rule) {
        Service target = named(rule.service(), balancer.stackName());
        return target == null ? List.of() : of(instances.getOrDefault(target.id(), List.of()), rule.targetPort());
    }

    /** Targets that drain stay, marked, until their instance is gone: the node says when their last request is done. */
    List<Target> of(List<Instance> candidates, int port) {
        List<Target> targets = new ArrayList<>();
        for (Instance instance : candidates) {
            String address = running.addressOf(instance.id());
            if (address != null) {
                targets.add(new Target(instance.id(), address + ":" + port, instance.phase() == Phase.DRAINING));
            }
        }
        return List.copyOf(targets);
    }

    private static String key(String stack, String service) {
        return stack.toLowerCase(Locale.ROOT) + "/" + service.toLowerCase(Locale.ROOT);
    }
}
