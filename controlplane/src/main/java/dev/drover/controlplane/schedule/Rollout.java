package dev.drover.controlplane.schedule;

import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The next steps of one service: scale and version. An upgrade makes one new instance, waits until it is ready, drains one
 * old one, waits until that is gone, and so on; an old instance that does not serve goes first, so that a bad upgrade is
 * mended by the next one. Pure; made for one pass.
 */
final class Rollout {
    private final Service service;
    private final View view;
    private final Placement placement;
    private final List<Versioned<Instance>> current = new ArrayList<>();
    private final List<Versioned<Instance>> old = new ArrayList<>();
    private final List<Versioned<Instance>> draining = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();
    private final int wanted;
    private @Nullable String message;
    private boolean waiting;

    /** @param instances of the service, by index */
    Rollout(Service service, List<Versioned<Instance>> instances, View view, Placement placement) {
        this(service, instances, null, view, placement);
    }

    /**
     * @param instances of the service, by index
     * @param leaders of a sidekick, null for any other service
     */
    Rollout(
            Service service,
            List<Versioned<Instance>> instances,
            @Nullable Leaders leaders,
            View view,
            Placement placement) {
        this.service = service;
        this.view = view;
        this.placement = placement;
        for (Versioned<Instance> each : instances) {
            if (each.value().phase() == Phase.DRAINING) {
                draining.add(each);
            } else if (each.value().version() == service.version()) {
                current.add(each);
            } else {
                old.add(each);
            }
        }
        if (service.removed()) {
            wanted = 0;
            drain(current);
            drain(old);
        } else if (leaders != null) {
            wanted = leaders.count();
            follow(leaders, instances);
        } else if (service.global()) {
            wanted = (int) view.hosts().stream()
                    .filter(host -> placement.allowed(service, host) && view.connected(host))
                    .count();
            global();
        } else {
            wanted = service.scale();
            scaled();
        }
    }

    List<Step> steps() {
        return steps;
    }

    Optional<String> message() {
        if (message == null && state() == ServiceState.ACTIVATING) {
            String problems = problems();
            return problems.isEmpty() ? Optional.empty() : Optional.of(problems);
        }
        return Optional.ofNullable(message);
    }

    private String problems() {
        List<String> problems = new ArrayList<>();
        for (Versioned<Instance> each : current) {
            String problem = view.problem(each.value());
            if (problem != null) {
                problems.add(each.value().containerName() + ": " + problem);
            }
        }
        return String.join("; ", problems);
    }

    /** True when an instance is about to be ready by time alone. */
    boolean waiting() {
        return waiting;
    }

    ServiceState state() {
        if (service.removed()) {
            return ServiceState.REMOVING;
        }
        boolean leaving = draining.stream().anyMatch(each -> each.value().version() != service.version());
        if (!old.isEmpty() || leaving) {
            return ServiceState.UPGRADING;
        }
        long announced = current.stream().filter(view::announced).count();
        return announced >= wanted ? ServiceState.ACTIVE : ServiceState.ACTIVATING;
    }

    private void scaled() {
        int active = current.size() + old.size();
        if (active > wanted) {
            shrink(active - wanted);
        } else if (active < wanted) {
            for (int i = active; i < wanted && create(placement.choose(service)); i++) {}
        } else if (!old.isEmpty() && draining.isEmpty()) {
            Versioned<Instance> next =
                    old.stream().sorted(leavingOrder()).findFirst().orElseThrow();
            create(placement.chooseSuccessor(service, next.value()));
        }
    }

    /** Takes instances away, old ones first, as long as enough ready ones are left. */
    private void shrink(int surplus) {
        List<Versioned<Instance>> victims =
                new ArrayList<>(old.stream().sorted(leavingOrder()).toList());
        victims.addAll(current.stream()
                .sorted(Comparator.comparing((Versioned<Instance> each) -> view.serves(each.value()))
                        .thenComparingInt(each -> -each.value().index()))
                .toList());
        long ready = current.stream().filter(view::ready).count()
                + old.stream().filter(each -> view.serves(each.value())).count();
        for (Versioned<Instance> victim : victims.subList(0, surplus)) {
            boolean serves = view.serves(victim.value());
            if (serves && ready <= wanted && !old.isEmpty()) {
                awaitReady();
                return;
            }
            ready -= serves ? 1 : 0;
            drain(List.of(victim));
        }
    }

    private void global() {
        Map<String, List<Versioned<Instance>>> currentByHost = byHost(current);
        Map<String, List<Versioned<Instance>>> oldByHost = byHost(old);
        boolean moving = !draining.isEmpty();
        for (Host host : view.hosts()) {
            List<Versioned<Instance>> here = currentByHost.getOrDefault(host.id(), List.of());
            List<Versioned<Instance>> before = oldByHost.getOrDefault(host.id(), List.of());
            if (!placement.allowed(service, host)) {
                drain(here);
                drain(before);
            } else if (here.isEmpty() && before.isEmpty()) {
                createOn(host);
            } else if (!here.isEmpty()) {
                drain(here.subList(1, here.size()));
                if (!before.isEmpty()) {
                    moving = true;
                    replace(here.getFirst(), before);
                }
            }
        }
        if (moving || !current.stream().allMatch(view::ready)) {
            waiting |= !old.isEmpty();
            return;
        }
        view.hosts().stream()
                .filter(host -> oldByHost.containsKey(host.id()) && !currentByHost.containsKey(host.id()))
                .filter(host -> placement.allowed(service, host) && view.connected(host))
                .min(Comparator.comparing(Host::name))
                .ifPresent(this::createOn);
    }

    /** As many on each host as there are instances to stand beside; an upgrade of its own waits until these stay. */
    private void follow(Leaders leaders, List<Versioned<Instance>> instances) {
        Map<String, List<Versioned<Instance>>> currentByHost = byHost(current);
        Map<String, List<Versioned<Instance>>> oldByHost = byHost(old);
        boolean complete = true;
        for (Host host : view.hosts()) {
            List<Versioned<Instance>> here = new ArrayList<>(oldByHost.getOrDefault(host.id(), List.of()));
            here.addAll(currentByHost.getOrDefault(host.id(), List.of()));
            int missing = leaders.on(host.id()) - here.size();
            for (int i = 0; i < missing; i++) {
                createOn(host);
            }
            if (missing < 0) {
                List<Versioned<Instance>> all = byHost(instances).getOrDefault(host.id(), List.of());
                release(here, -missing, leaders.followersOfLeaving(host.id(), all));
            }
            complete &= missing == 0;
        }
        if (complete && !old.isEmpty() && draining.isEmpty() && !leaders.moving()) {
            Versioned<Instance> next =
                    old.stream().sorted(leavingOrder()).findFirst().orElseThrow();
            Host host = view.host(next.value().hostId());
            if (host != null) {
                createOn(host);
            }
        }
    }

    /**
     * Takes sidekicks of one host away: old ones, then those whose instances leave, then the newest. One that serves stays
     * until enough others do.
     */
    private void release(List<Versioned<Instance>> here, int surplus, List<Versioned<Instance>> unled) {
        int stay = here.size() - surplus;
        long ready = here.stream()
                .filter(each ->
                        each.value().version() == service.version() ? view.ready(each) : view.serves(each.value()))
                .count();
        List<Versioned<Instance>> victims = here.stream()
                .sorted(Comparator.comparing(
                                (Versioned<Instance> each) -> each.value().version() == service.version())
                        .thenComparing(each -> !unled.contains(each))
                        .thenComparingInt(each -> -each.value().index()))
                .limit(surplus)
                .toList();
        for (Versioned<Instance> victim : victims) {
            boolean serves = view.serves(victim.value());
            if (serves && ready <= stay && stay > 0) {
                awaitReady();
                return;
            }
            ready -= serves ? 1 : 0;
            drain(List.of(victim));
        }
    }

    private void replace(Versioned<Instance> successor, List<Versioned<Instance>> predecessors) {
        for (Versioned<Instance> predecessor : predecessors) {
            if (view.ready(successor) || !view.serves(predecessor.value())) {
                drain(List.of(predecessor));
            } else {
                awaitReady();
            }
        }
    }

    private void createOn(Host host) {
        String refusal = placement.refusal(service, host);
        if (refusal == null) {
            create(new Placement.Choice(host, List.of()));
        } else if (view.connected(host)) {
            message = "no instance on " + host.name() + ": " + refusal;
        }
    }

    private boolean create(Placement.Choice choice) {
        Host host = choice.host();
        if (host == null) {
            message = choice.refusals().isEmpty()
                    ? "no host: the environment has none"
                    : "no host: " + String.join("; ", choice.refusals());
            return false;
        }
        placement.reserve(service, host);
        steps.add(new Step.Create(service.id(), service.version(), host.id()));
        return true;
    }

    private void awaitReady() {
        waiting = true;
        Set<String> names = new HashSet<>();
        for (Versioned<Instance> each : current) {
            if (!view.ready(each)) {
                String problem = view.problem(each.value());
                names.add(each.value().containerName() + (problem == null ? "" : " (" + problem + ")"));
            }
        }
        message = "waiting for " + String.join(", ", names.stream().sorted().toList());
    }

    private void drain(List<Versioned<Instance>> instances) {
        instances.forEach(each -> steps.add(new Step.Drain(each.value().id())));
    }

    /** Those that do not serve first, then the oldest. */
    private Comparator<Versioned<Instance>> leavingOrder() {
        return Comparator.comparing((Versioned<Instance> each) -> view.serves(each.value()))
                .thenComparingInt(each -> each.value().index());
    }

    private static Map<String, List<Versioned<Instance>>> byHost(List<Versioned<Instance>> instances) {
        Map<String, List<Versioned<Instance>>> byHost = new HashMap<>();
        instances.forEach(each -> byHost.computeIfAbsent(each.value().hostId(), id -> new ArrayList<>())
                .add(each));
        return byHost;
    }
}
