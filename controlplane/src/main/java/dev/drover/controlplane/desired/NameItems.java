package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.DesiredItem.Endpoints;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The names of an environment: of containers, services and their sidekicks, of what is outside, and of aliases. A name
 * exists as long as its service does, so that a stopped service is not a wrong name.
 */
final class NameItems {
    private static final Pattern NAME = Pattern.compile("[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?");
    /** An alias of an alias, and so on; a longer chain, or a circle, ends there. */
    private static final int MAX_DEPTH = 8;

    private final EnvironmentState state;
    private final Targets targets;
    private final SortedMap<String, DesiredItem> common;
    private final Map<String, SortedMap<String, DesiredItem>> own;

    /** What the endpoints of a service are, gathered along its aliases. */
    private static final class Gathered {
        final Set<String> visited = new HashSet<>();
        final List<String> addresses = new ArrayList<>();
        final List<String> unhealthy = new ArrayList<>();
        final Map<String, String> containers = new HashMap<>();
        final Set<String> ports = new TreeSet<>();
        final Set<String> hostnames = new LinkedHashSet<>();
        boolean onEveryHost;
    }

    NameItems(
            EnvironmentState state,
            Targets targets,
            SortedMap<String, DesiredItem> common,
            Map<String, SortedMap<String, DesiredItem>> own) {
        this.state = state;
        this.targets = targets;
        this.common = common;
        this.own = own;
    }

    void add() {
        containers();
        for (Service service : state.services()) {
            if (!service.removed()) {
                common.put("service/" + service.id(), view(service));
                service(Desired.nameOf(service), service);
                for (Service sidekick : targets.sidekicks(service)) {
                    service(Desired.lower(sidekick.name()) + "." + Desired.nameOf(service), sidekick);
                }
            }
        }
    }

    /** Of two containers of one name the newest started has it; one that does not run has none. */
    private void containers() {
        Map<String, ContainerFact> names = new HashMap<>();
        for (Versioned<Container> container : state.containers()) {
            ContainerFact fact = container.value().fact();
            if (fact.address() != null && own.containsKey(container.value().hostId()) && Running.runs(fact)) {
                String name = Desired.lower(fact.name());
                if (NAME.matcher(name).matches()) {
                    names.merge(name, fact, (a, b) -> Running.startedAt(a).isAfter(Running.startedAt(b)) ? a : b);
                }
            }
        }
        names.forEach((name, fact) -> put(common, new DesiredItem.Name(name, List.of(String.valueOf(fact.address())))));
    }

    private DesiredItem.Service view(Service service) {
        String stack = Desired.lower(service.stackName());
        Map<String, String> links = new TreeMap<>();
        service.names().links().forEach((alias, target) -> {
            boolean whole = target.indexOf('/') >= 0 || target.startsWith(Discovery.CONTAINER);
            links.put(alias, whole ? target : stack + "/" + target);
        });
        return new DesiredItem.Service(
                Desired.lower(service.name()),
                stack,
                targets.primary(service),
                targets.sidekicks(service).stream()
                        .map(sidekick -> Desired.lower(sidekick.name()))
                        .toList(),
                links);
    }

    private void service(String name, Service service) {
        Gathered all = new Gathered();
        gather(service, all, 0);
        if (!all.onEveryHost) {
            put(common, item(name, all, null));
            return;
        }
        for (Host host : state.hosts()) {
            SortedMap<String, DesiredItem> items = own.get(host.id());
            if (items != null) {
                put(items, item(name, all, Blocks.firstAddress(host.block())));
            }
        }
    }

    private void gather(Service service, Gathered all, int depth) {
        if (depth > MAX_DEPTH || !all.visited.add(service.id())) {
            return;
        }
        Discovery names = service.names();
        switch (service.kind()) {
            case SERVICE -> {
                for (ContainerFact fact : targets.serving(service.id())) {
                    String address = String.valueOf(fact.address());
                    (Running.isHealthy(fact) ? all.addresses : all.unhealthy).add(address);
                    all.containers.put(address, Desired.lower(fact.name()));
                }
                all.ports.addAll(Ports.of(service));
            }
            case LOAD_BALANCER -> {
                // It runs in every node, so its name means the own node, which is always near and always right.
                all.onEveryHost = true;
                all.ports.addAll(Ports.of(service));
            }
            case EXTERNAL -> {
                all.addresses.addAll(names.externalIps());
                if (names.hostname() != null) {
                    all.hostnames.add(names.hostname());
                }
            }
            case ALIAS ->
                names.links().values().forEach(link -> {
                    Service target = targets.named(link, service.stackName());
                    if (target != null) {
                        gather(target, all, depth + 1);
                    }
                });
        }
    }

    private static DesiredItem.Name item(String name, Gathered all, @Nullable String node) {
        List<String> addresses = new ArrayList<>(all.addresses);
        if (node != null) {
            addresses.add(node);
        }
        // A name has either addresses or one hostname: beside others, a hostname could not be told.
        String hostname = addresses.isEmpty() && all.unhealthy.isEmpty() && !all.hostnames.isEmpty()
                ? all.hostnames.iterator().next()
                : null;
        boolean more = !all.unhealthy.isEmpty() || !all.ports.isEmpty() || hostname != null;
        if (!more) {
            return new DesiredItem.Name(name, List.copyOf(addresses));
        }
        List<String> containers = new ArrayList<>();
        if (!all.ports.isEmpty()) {
            addresses.forEach(address -> containers.add(all.containers.getOrDefault(address, "")));
            all.unhealthy.forEach(address -> containers.add(all.containers.getOrDefault(address, "")));
        }
        return new DesiredItem.Name(
                name,
                List.copyOf(addresses),
                new Endpoints(List.copyOf(all.unhealthy), List.copyOf(containers), List.copyOf(all.ports), hostname));
    }

    private static void put(SortedMap<String, DesiredItem> items, DesiredItem.Name name) {
        items.put("name/" + name.name(), name);
    }
}
