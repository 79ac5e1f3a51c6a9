package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.policy.CompiledPolicy;
import dev.drover.controlplane.policy.LinkGroups;
import dev.drover.controlplane.policy.NetworkPolicy;
import dev.drover.controlplane.repository.Versioned;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import org.jspecify.annotations.Nullable;

/** The network policy of an environment, and each container that it may be about, as entries for every node. */
final class PolicyItems {
    private final CompiledPolicy policy;
    private final Map<String, String> serviceOfInstance = new HashMap<>();
    private final Targets targets;
    private final LinkGroups links = new LinkGroups();

    private PolicyItems(CompiledPolicy policy, EnvironmentState state, Targets targets) {
        this.policy = policy;
        this.targets = targets;
        for (Versioned<Instance> instance : state.instances()) {
            serviceOfInstance.put(instance.value().id(), instance.value().serviceId());
        }
        if (policy.knowsLinks()) {
            state.services().forEach(this::link);
        }
    }

    /** Null for an environment in which everything is allowed: its nodes are told nothing. */
    static @Nullable PolicyItems of(EnvironmentState state, Targets targets) {
        NetworkPolicy written = state.environment().policy();
        if (written == null) {
            return null;
        }
        CompiledPolicy policy = CompiledPolicy.of(written);
        return policy.isOpen() ? null : new PolicyItems(policy, state, targets);
    }

    void rules(SortedMap<String, DesiredItem> items) {
        items.put("policy", policy.item());
    }

    /** A service on its way out keeps its links until its last instance is done. */
    private void link(Service service) {
        for (String link : service.names().links().values()) {
            if (link.startsWith(Discovery.CONTAINER)) {
                links.linkContainer(unit(service), link.substring(Discovery.CONTAINER.length()));
            } else {
                for (Service target : targets.meant(link, service.stackName())) {
                    links.link(unit(service), unit(target));
                }
            }
        }
    }

    /** A service with its sidekicks. */
    private String unit(Service service) {
        return Desired.lower(service.stackName()) + "/" + targets.primary(service);
    }

    /** Which groups are linked; after all members. */
    void links(SortedMap<String, DesiredItem> items) {
        links.pairs()
                .forEach(pair -> items.put(
                        "linked/" + pair.from() + ">" + pair.to(), new DesiredItem.Linked(pair.from(), pair.to())));
    }

    /** Also on the container's own host, which does not know its service. */
    void member(SortedMap<String, DesiredItem> items, String address, ContainerFact fact) {
        String serviceId = fact.instanceId() == null ? null : serviceOfInstance.get(fact.instanceId());
        Service service = serviceId == null ? null : targets.service(serviceId);
        items.put(
                "member/" + address,
                new DesiredItem.Member(
                        address,
                        fact.name(),
                        policy.groups(new CompiledPolicy.Container(
                                fact.labels(),
                                service == null ? "" : service.stackName(),
                                service == null ? "" : targets.primary(service),
                                links.group(service == null ? "" : unit(service), fact.name())))));
    }
}
