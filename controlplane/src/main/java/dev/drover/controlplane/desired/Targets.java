package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem.Target;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.policy.Selector;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Instances of an environment by service, and what listeners may send to. */
final class Targets {
    /** Aliases of aliases; more would be a circle. */
    private static final int MAX_ALIASES = 8;

    private final EnvironmentState state;
    private final Running running;
    private final Sidekicks sidekicks;
    private final Map<String, Service> services = new HashMap<>();
    private final Map<String, Service> byName = new HashMap<>();
    private final Map<String, List<Instance>> instances = new HashMap<>();
    private final Map<Integer, String> balancerPorts = new HashMap<>();

    Targets(EnvironmentState state) {
        this.state = state;
        running = new Running(state.instances(), state.containers());
        sidekicks = new Sidekicks(state.services());
        for (Service service : state.services()) {
            services.put(service.id(), service);
            if (!service.removed()) {
                byName.put(key(service.stackName(), service.name()), service);
                service.listens().forEach(rule -> balancerPorts.putIfAbsent(rule.sourcePort(), service.id()));
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

    /** The services with containers that a link means: an alias stands for what it is an alias of. */
    Set<Service> meant(String link, String ownStack) {
        Set<Service> meant = new HashSet<>();
        meant(link, ownStack, MAX_ALIASES, meant);
        return meant;
    }

    private void meant(String link, String ownStack, int depth, Set<Service> meant) {
        Service service = link.startsWith(Discovery.CONTAINER) ? null : named(link, ownStack);
        if (service == null || depth < 0) {
            return;
        }
        if (service.kind() == Service.Kind.ALIAS) {
            service.names().links().values().forEach(next -> meant(next, service.stackName(), depth - 1, meant));
        } else if (service.kind().hasInstances()) {
            meant.add(service);
        }
    }

    List<Target> of(Service balancer, Service.PortRule rule) {
        if (rule.service().startsWith(Discovery.CONTAINER)) {
            return container(rule.service().substring(Discovery.CONTAINER.length()), rule.targetPort());
        }
        Service target = named(rule.service(), balancer.stackName());
        return target == null ? List.of() : of(target, rule.targetPort(), MAX_ALIASES);
    }

    /** @param depth how many aliases may still be followed */
    private List<Target> of(Service service, int port, int depth) {
        return switch (service.kind()) {
            case SERVICE -> of(instances.getOrDefault(service.id(), List.of()), port);
            case EXTERNAL ->
                service.names().externalIps().stream()
                        .map(ip -> new Target(service.id(), withPort(ip, port), false))
                        .toList();
            case ALIAS -> {
                List<Target> all = new ArrayList<>();
                for (String link : new TreeSet<>(service.names().links().values())) {
                    Service linked = link.startsWith(Discovery.CONTAINER) ? null : named(link, service.stackName());
                    if (linked != null && depth > 0) {
                        all.addAll(of(linked, port, depth - 1));
                    }
                }
                yield all;
            }
            case LOAD_BALANCER -> List.of();
        };
    }

    private List<Target> container(String name, int port) {
        List<Target> targets = new ArrayList<>();
        for (Versioned<Container> container : state.containers()) {
            ContainerFact fact = container.value().fact();
            if (fact.name().equalsIgnoreCase(name) && fact.address() != null && Running.runs(fact)) {
                targets.add(new Target(fact.dockerId(), withPort(fact.address(), port), false));
            }
        }
        return targets;
    }

    /**
     * The rules of a load balancer with what its selectors select in their place: each service by its own rules, or,
     * where it has none, by that of the load balancer.
     */
    List<Service.PortRule> expanded(Service balancer) {
        List<Service.PortRule> rules = new ArrayList<>();
        for (Service.PortRule rule : balancer.portRules()) {
            if (!rule.service().startsWith(Service.PortRule.SELECTOR)) {
                rules.add(rule);
                continue;
            }
            Selector selector = Selector.parse(rule.service().substring(Service.PortRule.SELECTOR.length()));
            byName.values().stream()
                    .filter(service ->
                            service.kind() != Service.Kind.LOAD_BALANCER && selector.selects(service.labels()))
                    .sorted(Comparator.comparing(service -> key(service.stackName(), service.name())))
                    .forEach(service -> rules.addAll(selected(rule, service)));
        }
        return rules;
    }

    private static List<Service.PortRule> selected(Service.PortRule rule, Service service) {
        String name = service.stackName() + "/" + service.name();
        List<Service.PortRule> own = new ArrayList<>(service.portRules());
        if (own.isEmpty() && rule.targetPort() > 0) {
            own.add(rule);
        }
        boolean http = rule.protocol().equals("http") || rule.protocol().equals("grpc");
        boolean named = http || rule.protocol().equals("sni");
        return own.stream()
                .map(each -> new Service.PortRule(
                        rule.sourcePort(),
                        rule.protocol(),
                        name,
                        each.targetPort(),
                        named ? each.hostname() : null,
                        http ? each.path() : null,
                        named ? each.priority() : null,
                        each.weight(),
                        rule.stickyCookie(),
                        rule.balance(),
                        rule.tls(),
                        rule.serving(),
                        rule.targetTls()))
                .toList();
    }

    /** How the targets of a rule are asked; null when they are not. */
    Service.@Nullable HealthCheck healthCheck(Service balancer, Service.PortRule rule) {
        Service target =
                rule.service().startsWith(Discovery.CONTAINER) ? null : named(rule.service(), balancer.stackName());
        return target == null ? null : target.healthCheck();
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

    private static String withPort(String address, int port) {
        return (address.indexOf(':') < 0 ? address : "[" + address + "]") + ":" + port;
    }

    private static String key(String stack, String service) {
        return stack.toLowerCase(Locale.ROOT) + "/" + service.toLowerCase(Locale.ROOT);
    }
}
