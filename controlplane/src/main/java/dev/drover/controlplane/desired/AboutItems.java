package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.link.Up.HostFacts;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the metadata service of every node tells the containers of the environment. */
final class AboutItems {
    /** Of all labels of a container, since each is held by every node. */
    private static final int MAX_LABEL_CHARACTERS = 4_096;

    private final EnvironmentState state;
    private final Targets targets;
    private final SortedMap<String, DesiredItem> common;

    AboutItems(EnvironmentState state, Targets targets, SortedMap<String, DesiredItem> common) {
        this.state = state;
        this.targets = targets;
        this.common = common;
    }

    void add() {
        Set<String> hostIds = new HashSet<>();
        for (Host host : state.hosts()) {
            hostIds.add(host.id());
            common.put("about/host/" + host.id(), host(host));
        }
        for (Service service : state.services()) {
            if (!service.removed()) {
                common.put("about/service/" + service.id(), service(service));
            }
        }
        Map<String, Instance> instances = new HashMap<>();
        state.instances().forEach(each -> instances.put(each.value().id(), each.value()));
        for (Versioned<Container> each : state.containers()) {
            Container container = each.value();
            ContainerFact fact = container.fact();
            if (fact.address() != null
                    && hostIds.contains(container.hostId())
                    && (Running.runs(fact) || fact.state().equals("paused"))) {
                common.put("about/container/" + fact.dockerId(), container(container, instances));
            }
        }
    }

    private static DesiredItem.AboutHost host(Host host) {
        HostFacts facts = host.facts();
        return new DesiredItem.AboutHost(
                host.id(),
                host.name(),
                host.vtep(),
                host.labels(),
                facts == null ? 0 : facts.cpus(),
                facts == null ? 0 : facts.memoryBytes());
    }

    private DesiredItem.AboutService service(Service service) {
        return new DesiredItem.AboutService(
                service.id(),
                service.stackId(),
                service.stackName(),
                service.name(),
                type(service.kind()),
                service.scale(),
                service.spec() == null ? List.of() : service.spec().ports(),
                service.names().expose(),
                service.labels(),
                links(service),
                targets.sidekicks(service).stream().map(Service::name).toList(),
                service.names().externalIps(),
                service.names().hostname(),
                service.portRules().stream()
                        .map(rule -> new DesiredItem.Balancing(
                                rule.sourcePort(),
                                rule.protocol(),
                                whole(rule.service(), service),
                                rule.targetPort(),
                                rule.hostname(),
                                rule.path(),
                                rule.priority(),
                                rule.weight()))
                        .toList(),
                service.metadata());
    }

    private static String type(Service.Kind kind) {
        return switch (kind) {
            case SERVICE -> "service";
            case LOAD_BALANCER -> "loadBalancerService";
            case EXTERNAL -> "externalService";
            case ALIAS -> "dnsService";
        };
    }

    /** To other services; a load balancer is linked to its targets. */
    private static Map<String, String> links(Service service) {
        Map<String, String> links = new TreeMap<>();
        service.names().links().forEach((alias, target) -> {
            if (!target.startsWith(Discovery.CONTAINER)) {
                links.put(whole(target, service), alias);
            }
        });
        service.portRules().forEach(rule -> {
            String target = whole(rule.service(), service);
            links.putIfAbsent(target, target.substring(target.indexOf('/') + 1));
        });
        return links;
    }

    private static String whole(String target, Service service) {
        return target.indexOf('/') < 0 ? service.stackName() + "/" + target : target;
    }

    private static DesiredItem.AboutContainer container(Container container, Map<String, Instance> instances) {
        ContainerFact fact = container.fact();
        Instance instance = fact.instanceId() == null ? null : instances.get(fact.instanceId());
        if (instance != null && !instance.hostId().equals(container.hostId())) {
            instance = null;
        }
        return new DesiredItem.AboutContainer(
                fact.dockerId(),
                container.hostId(),
                fact.name(),
                String.valueOf(fact.address()),
                fact.mac(),
                fact.state(),
                fact.health(),
                bounded(fact.labels()),
                instance == null ? null : instance.serviceId(),
                instance == null ? 0 : instance.index());
    }

    /** In order of their names, as many as fit. */
    private static Map<String, String> bounded(Map<String, String> labels) {
        Map<String, String> bounded = new TreeMap<>();
        int left = MAX_LABEL_CHARACTERS;
        for (Map.Entry<String, String> label : new TreeMap<>(labels).entrySet()) {
            left -= label.getKey().length() + label.getValue().length();
            if (left < 0) {
                break;
            }
            bounded.put(label.getKey(), label.getValue());
        }
        return bounded;
    }
}
