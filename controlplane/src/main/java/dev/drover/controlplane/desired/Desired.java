package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Builds the {@link DesiredState} of an environment. */
public final class Desired {
    /** Zone of every name, as in Rancher. */
    public static final String ZONE = "rancher.internal";

    private final EnvironmentState state;
    private final SortedMap<String, DesiredItem> common = new TreeMap<>();
    private final Map<String, SortedMap<String, DesiredItem>> own = new HashMap<>();
    private final Targets targets;
    private final @Nullable PolicyItems policy;

    private Desired(EnvironmentState state) {
        this.state = state;
        this.targets = new Targets(state);
        this.policy = PolicyItems.of(state, targets);
    }

    public static DesiredState of(EnvironmentState state) {
        return new Desired(state).build();
    }

    private DesiredState build() {
        for (Host host : state.hosts()) {
            own.put(host.id(), new TreeMap<>());
            String publicKey = state.environment().encrypted() && host.facts() != null
                    ? host.facts().publicKey()
                    : null;
            common.put("peer/" + host.id(), new DesiredItem.Peer(host.id(), host.vtep(), host.block(), publicKey));
        }
        if (policy != null) {
            policy.rules(common);
        }
        containers();
        new NameItems(state, targets, common, own).add();
        for (Service service : state.services()) {
            switch (service.kind()) {
                case SERVICE -> service(service);
                case LOAD_BALANCER -> balancer(service);
                case EXTERNAL, ALIAS -> {}
            }
        }
        workloads();
        return new DesiredState(state.environment().id(), state.revision(), common, own);
    }

    private void containers() {
        for (Versioned<Container> container : state.containers()) {
            ContainerFact fact = container.value().fact();
            String address = fact.address();
            String mac = fact.mac();
            String hostId = container.value().hostId();
            if (address != null
                    && mac != null
                    && own.containsKey(hostId)
                    && (Running.runs(fact) || fact.state().equals("paused"))) {
                common.put(
                        "neighbour/" + address, new DesiredItem.Neighbour(address, mac, hostId, container.revision()));
                if (policy != null) {
                    policy.member(common, address, fact);
                }
            }
        }
    }

    private void service(Service service) {
        for (Map.Entry<String, List<Instance>> host :
                targets.instancesByHost(service.id()).entrySet()) {
            SortedMap<String, DesiredItem> items = own.get(host.getKey());
            if (items == null) {
                continue;
            }
            published(host.getValue()).forEach((port, published) -> {
                if (!targets.balancerHas(port)) {
                    items.put(listenerKey(service, port), listener(service, port, "tcp", published));
                }
            });
        }
    }

    /** Host port to targets; while an upgrade changes the container port, each instance is reached at its own. */
    private SortedMap<Integer, List<DesiredItem.Target>> published(List<Instance> instances) {
        SortedMap<Integer, List<DesiredItem.Target>> ports = new TreeMap<>();
        for (Instance instance : instances) {
            PublishedPorts.of(instance.spec())
                    .forEach((port, containerPort) -> ports.computeIfAbsent(port, p -> new ArrayList<>())
                            .addAll(targets.of(List.of(instance), containerPort)));
        }
        return ports;
    }

    private void balancer(Service service) {
        if (service.removed()) {
            return;
        }
        for (Service.PortRule rule : service.portRules()) {
            if (targets.isOwner(service, rule.sourcePort())) {
                common.put(
                        listenerKey(service, rule.sourcePort()),
                        listener(service, rule.sourcePort(), rule.protocol(), targets.of(service, rule)));
            }
        }
    }

    private void workloads() {
        for (Versioned<Instance> each : state.instances()) {
            Instance instance = each.value();
            SortedMap<String, DesiredItem> items = own.get(instance.hostId());
            Service service = targets.service(instance.serviceId());
            if (items != null && service != null) {
                String stack = lower(service.stackName()) + "." + ZONE;
                String search = targets.primary(service) + "." + stack;
                items.put(
                        "workload/" + instance.id(),
                        new DesiredItem.Workload(
                                instance.id(),
                                instance.containerName(),
                                instance.spec(),
                                List.of(search, stack, ZONE)));
            }
        }
    }

    private static DesiredItem.Listener listener(
            Service service, int port, String protocol, List<DesiredItem.Target> targets) {
        return new DesiredItem.Listener(
                nameOf(service) + ":" + port, port, protocol, "round-robin", List.copyOf(targets));
    }

    private static String listenerKey(Service service, int port) {
        return "listener/" + service.id() + "/" + port;
    }

    static String nameOf(Service service) {
        return lower(service.name()) + "." + lower(service.stackName());
    }

    static String lower(String name) {
        return name.toLowerCase(Locale.ROOT);
    }
}
