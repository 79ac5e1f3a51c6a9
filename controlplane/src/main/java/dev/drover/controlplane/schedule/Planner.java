package dev.drover.controlplane.schedule;

import dev.drover.controlplane.desired.EnvironmentState;
import dev.drover.controlplane.desired.Sidekicks;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Decides the next steps of an environment from what is stored and what the nodes say; nothing else is remembered, so that
 * a restarted control plane goes on where the last one stopped. Steps never take away an instance that serves while fewer
 * than wanted would be left. Pure; one pass, one thread.
 */
final class Planner {
    private final View view;
    private final Placement placement;
    private final Drains drains;
    private final Sidekicks sidekicks;
    private final Map<String, List<Versioned<Instance>>> byService = new HashMap<>();
    private final List<Step> steps = new ArrayList<>();
    private final Map<String, ServiceState> states = new HashMap<>();
    private final Map<String, String> messages = new HashMap<>();
    private boolean waiting;

    private Planner(View view) {
        this.view = view;
        this.placement = new Placement(view.state(), host -> view.node(host.id()));
        this.drains = new Drains(view);
        this.sidekicks = new Sidekicks(view.state().services());
    }

    static Plan plan(View view) {
        return new Planner(view).plan();
    }

    private Plan plan() {
        EnvironmentState state = view.state();
        Set<String> serviceIds = new HashSet<>();
        state.services().forEach(service -> serviceIds.add(service.id()));
        for (Versioned<Instance> each : state.instances()) {
            Instance instance = each.value();
            if (!serviceIds.contains(instance.serviceId()) || view.host(instance.hostId()) == null) {
                steps.add(new Step.RemoveInstance(instance.id()));
            } else {
                byService
                        .computeIfAbsent(instance.serviceId(), id -> new ArrayList<>())
                        .add(each);
                String problem = view.problem(instance);
                if (problem != null) {
                    messages.put(instance.id(), problem);
                }
            }
        }
        byService
                .values()
                .forEach(list ->
                        list.sort(Comparator.comparingInt(each -> each.value().index())));
        for (Service service : state.services()) {
            plan(service, byService.getOrDefault(service.id(), List.of()));
        }
        removeOrphans(state);
        return new Plan(steps, states, messages, waiting);
    }

    private void plan(Service service, List<Versioned<Instance>> instances) {
        if (service.removed() && instances.isEmpty()) {
            steps.add(new Step.RemoveService(service.id()));
            states.put(service.id(), ServiceState.REMOVING);
            return;
        }
        if (service.kind() == Service.Kind.LOAD_BALANCER) {
            balancer(service);
            return;
        }
        if (!service.kind().hasInstances()) {
            states.put(service.id(), service.removed() ? ServiceState.REMOVING : ServiceState.ACTIVE);
            return;
        }
        Service primary = sidekicks.primary(service);
        Rollout rollout = primary == null || !primary.kind().hasInstances()
                ? new Rollout(service, instances, view, placement)
                : new Rollout(
                        service,
                        instances,
                        new Leaders(primary, byService.getOrDefault(primary.id(), List.of())),
                        view,
                        placement);
        steps.addAll(rollout.steps());
        states.put(service.id(), rollout.state());
        rollout.message().ifPresent(message -> messages.put(service.id(), message));
        waiting |= rollout.waiting();
        for (Versioned<Instance> each : instances) {
            if (each.value().phase() == Instance.Phase.DRAINING) {
                if (drains.done(service, each)) {
                    steps.add(new Step.RemoveInstance(each.value().id()));
                } else {
                    waiting = true;
                }
            }
        }
    }

    /** A load balancer has no instances: every node runs it. What a node says against it is all there is to know. */
    private void balancer(Service service) {
        List<String> problems = new ArrayList<>();
        boolean told = !view.hosts().isEmpty();
        for (var host : view.hosts()) {
            NodeStatus node = view.node(host.id());
            told &= !node.connected() || node.behindSinceMs() == Long.MAX_VALUE;
            for (Service.PortRule rule : service.portRules()) {
                String problem = node.problems().get("listener/" + service.id() + "/" + rule.sourcePort());
                if (problem != null) {
                    problems.add(host.name() + ": " + problem);
                }
            }
        }
        states.put(
                service.id(),
                service.removed()
                        ? ServiceState.REMOVING
                        : told && problems.isEmpty() ? ServiceState.ACTIVE : ServiceState.ACTIVATING);
        if (view.hosts().isEmpty()) {
            messages.put(service.id(), "the environment has no host");
        } else if (!problems.isEmpty()) {
            messages.put(service.id(), String.join("; ", problems));
        }
    }

    private void removeOrphans(EnvironmentState state) {
        Set<String> used = new HashSet<>();
        state.services().forEach(service -> used.add(service.stackId()));
        for (Stack stack : state.stacks()) {
            if (stack.removed() && !used.contains(stack.id())) {
                steps.add(new Step.RemoveStack(stack.id()));
            }
        }
        for (Versioned<Container> each : state.containers()) {
            Container container = each.value();
            if (view.host(container.hostId()) == null) {
                steps.add(new Step.RemoveContainer(
                        container.hostId(), container.fact().dockerId()));
            }
        }
    }
}
