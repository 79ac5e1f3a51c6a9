package dev.drover.controlplane.schedule;

import dev.drover.controlplane.desired.EnvironmentState;
import dev.drover.controlplane.desired.PublishedPorts;
import dev.drover.controlplane.desired.Sidekicks;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Chooses hosts: the one with the fewest instances of the service, then with the fewest instances at all, then by name.
 * Each choice counts at once for the next, so that several made together spread too. Used by one thread, for one pass.
 */
final class Placement {
    private final List<Host> hosts;
    private final Function<Host, NodeStatus> status;
    private final Map<String, Integer> perHost = new HashMap<>();
    private final Map<String, Integer> perServiceAndHost = new HashMap<>();
    private final Map<String, String> portOwners = new HashMap<>();
    private final Map<Integer, String> balancerPorts = new HashMap<>();
    private final Map<String, Service> services = new HashMap<>();
    private final Sidekicks sidekicks;

    /**
     * The answer for one instance.
     *
     * @param host null when there is none
     * @param refusals why each host was refused; of interest when there is no host
     */
    record Choice(@Nullable Host host, List<String> refusals) {}

    Placement(EnvironmentState state, Function<Host, NodeStatus> status) {
        this.hosts = state.hosts();
        this.sidekicks = new Sidekicks(state.services());
        this.status = status;
        for (Service service : state.services()) {
            services.put(service.id(), service);
            if (!service.removed()) {
                service.listens().forEach(rule -> balancerPorts.putIfAbsent(rule.sourcePort(), nameOf(service)));
            }
        }
        for (Versioned<Instance> instance : state.instances()) {
            count(instance.value());
        }
    }

    private void count(Instance instance) {
        if (instance.phase() == Instance.Phase.ACTIVE) {
            add(instance.serviceId(), instance.hostId(), 1);
        }
        takePorts(instance.serviceId(), instance.spec(), instance.hostId());
    }

    /** Makes a new instance of {@code service} on {@code host} count. */
    void reserve(Service service, Host host) {
        add(service.id(), host.id(), 1);
        if (service.spec() != null) {
            takePorts(service.id(), service.spec(), host.id());
        }
    }

    /** {@link #choose} for the successor of an instance that will go: its place is as good as free. */
    Choice chooseSuccessor(Service service, Instance predecessor) {
        add(service.id(), predecessor.hostId(), -1);
        Choice choice = choose(service);
        add(service.id(), predecessor.hostId(), 1);
        return choice;
    }

    private void add(String serviceId, String hostId, int change) {
        perHost.merge(hostId, change, Integer::sum);
        perServiceAndHost.merge(serviceId + "/" + hostId, change, Integer::sum);
    }

    private void takePorts(String serviceId, ContainerSpec spec, String hostId) {
        PublishedPorts.of(spec).keySet().forEach(port -> portOwners.putIfAbsent(port + "/" + hostId, serviceId));
    }

    Choice choose(Service service) {
        List<String> refusals = new ArrayList<>();
        List<Host> candidates = new ArrayList<>();
        for (Host host : hosts) {
            String refusal = refusal(service, host);
            if (refusal == null) {
                candidates.add(host);
            } else {
                refusals.add(host.name() + ": " + refusal);
            }
        }
        List<HostRule> soft =
                HostRule.of(service.labels()).stream().filter(HostRule::soft).toList();
        Host best = candidates.stream()
                .min(Comparator.comparingInt((Host host) -> broken(soft, host))
                        .thenComparingInt(host -> countOf(service.id(), host.id()))
                        .thenComparingInt(host -> perHost.getOrDefault(host.id(), 0))
                        .thenComparing(Host::name))
                .orElse(null);
        return new Choice(best, refusals);
    }

    /** Why the host cannot take an instance of the service, and one of each of its sidekicks, now; null when it can. */
    @Nullable
    String refusal(Service service, Host host) {
        for (Service each : unit(service)) {
            if (!fits(each, host)) {
                return "labels do not fit " + hardRules(each);
            }
        }
        if (!status.apply(host).connected()) {
            return "not connected";
        }
        if (!status.apply(host).listed()) {
            return "its Docker engine does not answer";
        }
        for (Service each : unit(service)) {
            String conflict = portConflict(each, host);
            if (conflict != null) {
                return conflict;
            }
        }
        return null;
    }

    /** What runs side by side. */
    private List<Service> unit(Service service) {
        List<Service> unit = new ArrayList<>(List.of(service));
        unit.addAll(sidekicks.of(service));
        return unit;
    }

    /** True when the hard rules on host labels let the service and its sidekicks onto the host, whatever its present state. */
    boolean allowed(Service service, Host host) {
        return unit(service).stream().allMatch(each -> fits(each, host));
    }

    private static boolean fits(Service service, Host host) {
        return HostRule.of(service.labels()).stream().allMatch(rule -> rule.soft() || rule.holds(host));
    }

    /** Instances of one service on one host share its listener, so only other services are in the way. */
    private @Nullable String portConflict(Service service, Host host) {
        if (service.spec() == null) {
            return null;
        }
        for (int port : PublishedPorts.of(service.spec()).keySet()) {
            String balancer = balancerPorts.get(port);
            if (balancer != null) {
                return "port " + port + " is used by " + balancer;
            }
            String owner = portOwners.get(port + "/" + host.id());
            if (owner != null && !owner.equals(service.id())) {
                Service other = services.get(owner);
                return "port " + port + " is used by " + (other == null ? owner : nameOf(other));
            }
        }
        return null;
    }

    private int countOf(String serviceId, String hostId) {
        return perServiceAndHost.getOrDefault(serviceId + "/" + hostId, 0);
    }

    private static int broken(List<HostRule> soft, Host host) {
        return (int) soft.stream().filter(rule -> !rule.holds(host)).count();
    }

    private static String hardRules(Service service) {
        return String.join(
                ", ",
                HostRule.of(service.labels()).stream()
                        .filter(rule -> !rule.soft())
                        .map(rule -> (rule.negated() ? "not " : "") + rule)
                        .toList());
    }

    static String nameOf(Service service) {
        return service.stackName() + "/" + service.name();
    }
}
