package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Certificate;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
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
        if (policy != null) {
            policy.links(common);
        }
        new NameItems(state, targets, common, own).add();
        new AboutItems(state, targets, common).add();
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
        SortedMap<Integer, List<Service.PortRule>> ports = new TreeMap<>();
        for (Service.PortRule rule : targets.expanded(service)) {
            ports.computeIfAbsent(rule.sourcePort(), port -> new ArrayList<>()).add(rule);
        }
        ports.forEach((port, rules) -> {
            if (targets.isOwner(service, port)) {
                common.put(listenerKey(service, port), listener(service, port, rules));
                Service.Tls tls = rules.getFirst().tls();
                if (tls != null) {
                    certificates(tls.all());
                }
            }
        });
    }

    /** Those that a load balancer needs, which runs on every host. */
    private void certificates(List<String> names) {
        for (Certificate certificate : state.certificates()) {
            if (names.contains(certificate.name())) {
                common.put(
                        "certificate/" + certificate.name(),
                        new DesiredItem.Certificate(certificate.name(), certificate.certificate(), certificate.key()));
            }
        }
    }

    /** The listener that the rules of one port make. */
    private DesiredItem.Listener listener(Service service, int port, List<Service.PortRule> rules) {
        Service.PortRule first = rules.getFirst();
        if (rules.size() == 1 && first.equals(plain(first)) && targets.healthCheck(service, first) == null) {
            return listener(service, port, first.protocol(), targets.of(service, first));
        }
        return new DesiredItem.Listener(
                nameOf(service) + ":" + port,
                port,
                first.protocol(),
                first.balance() == null ? "round-robin" : first.balance(),
                List.of(),
                routes(service, rules),
                tls(first.tls()),
                first.serving() == null || first.serving().limits().isEmpty()
                        ? null
                        : first.serving().limits(),
                first.serving() == null ? null : first.serving().accessLog());
    }

    private static DesiredItem.@Nullable Cookie cookie(Service.@Nullable Serving serving) {
        return serving == null || serving.cookieDomain() == null && !serving.cookiePostOnly()
                ? null
                : new DesiredItem.Cookie(serving.cookieDomain(), serving.cookiePostOnly());
    }

    private static DesiredItem.@Nullable TargetTls targetTls(Service.@Nullable TargetTls tls) {
        return tls == null ? null : new DesiredItem.TargetTls(tls.pins(), tls.name(), tls.verify());
    }

    private static DesiredItem.@Nullable Tls tls(Service.@Nullable Tls tls) {
        return tls == null ? null : new DesiredItem.Tls(tls.all(), tls.fallback() == null);
    }

    private static DesiredItem.@Nullable HealthCheck health(Service.@Nullable HealthCheck check) {
        return check == null
                ? null
                : new DesiredItem.HealthCheck(
                        check.port(), check.path(), check.intervalMs(), check.timeoutMs(), check.rise(), check.fall());
    }

    /** The rule without all that takes a route of its own. */
    private static Service.PortRule plain(Service.PortRule rule) {
        return new Service.PortRule(rule.sourcePort(), rule.protocol(), rule.service(), rule.targetPort());
    }

    /** Rules of the same conditions share a route and its requests, as in Rancher. */
    private List<DesiredItem.Route> routes(Service service, List<Service.PortRule> rules) {
        Map<List<String>, DesiredItem.Route> routes = new LinkedHashMap<>();
        for (Service.PortRule rule : rules) {
            List<DesiredItem.Target> own = targets.of(service, rule).stream()
                    .map(target -> new DesiredItem.Target(
                            target.instanceId(), target.address(), target.draining(), rule.weight()))
                    .toList();
            List<String> conditions = List.of(
                    String.valueOf(rule.hostname()), String.valueOf(rule.path()), String.valueOf(rule.priority()));
            routes.merge(
                    conditions,
                    new DesiredItem.Route(
                            rule.hostname(),
                            rule.path(),
                            rule.priority(),
                            rule.stickyCookie(),
                            own,
                            health(targets.healthCheck(service, rule)),
                            rule.stickyCookie() == null ? null : cookie(rule.serving()),
                            targetTls(rule.targetTls())),
                    Desired::joined);
        }
        return List.copyOf(routes.values());
    }

    /** A target that two rules name is one target. */
    private static DesiredItem.Route joined(DesiredItem.Route a, DesiredItem.Route b) {
        Map<String, DesiredItem.Target> byAddress = new LinkedHashMap<>();
        a.targets().forEach(target -> byAddress.put(target.address(), target));
        b.targets().forEach(target -> byAddress.putIfAbsent(target.address(), target));
        return new DesiredItem.Route(
                a.hostname(),
                a.path(),
                a.priority(),
                a.stickyCookie(),
                List.copyOf(byAddress.values()),
                a.health() == null ? b.health() : a.health(),
                a.cookie(),
                a.targetTls());
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
