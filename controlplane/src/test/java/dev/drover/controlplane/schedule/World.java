package dev.drover.controlplane.schedule;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.desired.EnvironmentState;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Instance.Phase;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * An environment in memory with obedient hosts and a clock of its own: plans are carried out at once, containers start one
 * tick after their instance was made. A tick is one second.
 */
final class World {
    static final ScheduleConfig CONFIG = new ScheduleConfig(2_000, 1_000, 60_000, 15_000, 30_000, 5_000);

    final TreeMap<String, Host> hosts = new TreeMap<>();
    final TreeMap<String, Stack> stacks = new TreeMap<>();
    final TreeMap<String, Service> services = new TreeMap<>();
    final TreeMap<String, Versioned<Instance>> instances = new TreeMap<>();
    final TreeMap<String, Versioned<Container>> containers = new TreeMap<>();
    /** Connected hosts. */
    final Set<String> connected = new HashSet<>();
    /** Hosts that do not acknowledge, with the revision they stand at. */
    final Map<String, Long> lagging = new HashMap<>();
    /** Hosts whose engine does not answer. */
    final Set<String> engineless = new HashSet<>();
    /** Images whose containers exit at once. */
    final Set<String> broken = new HashSet<>();
    /** Whether nodes report draining targets as drained. */
    boolean drains = true;

    final List<String> log = new ArrayList<>();
    Plan last;
    long nowMs = 1_000_000;
    long revision = 1;
    private final Map<String, Long> disconnectedMs = new HashMap<>();
    private Map<String, Long> servingSinceMs = new HashMap<>();
    private int nextId = 1;

    World(int hostCount) {
        for (int n = 1; n <= hostCount; n++) {
            add(Samples.host(n));
        }
    }

    void add(Host host) {
        hosts.put(host.id(), host);
        connected.add(host.id());
        revision++;
    }

    void put(Service service) {
        services.put(service.id(), service);
        revision++;
    }

    void change(String serviceId, int scale, long version) {
        put(Samples.changed(services.get(serviceId), scale, version, false));
    }

    void disconnect(String hostId) {
        connected.remove(hostId);
        disconnectedMs.put(hostId, nowMs);
    }

    /** The container of the instance with that name ends. */
    void kill(String containerName) {
        containers.replaceAll((key, each) -> each.value().fact().name().equals(containerName)
                ? container(each.value().hostId(), each.value().fact(), "exited")
                : each);
    }

    /** One second: hosts act, then one plan is made and carried out. */
    Plan tick() {
        nowMs += 1_000;
        hostsAct();
        Plan plan = Planner.plan(view());
        plan.steps().forEach(this::apply);
        last = plan;
        return plan;
    }

    /** Ticks until nothing is left to do; what was done is in {@link #log}. */
    World settle() {
        for (int i = 0; i < 200; i++) {
            Plan plan = tick();
            if (plan.steps().isEmpty() && !plan.waiting() && !plan.states().containsValue(ServiceState.UPGRADING)) {
                hostsAct();
                last = Planner.plan(view());
                if (last.steps().isEmpty()) {
                    return this;
                }
            }
        }
        return this;
    }

    List<String> takeLog() {
        List<String> taken = List.copyOf(log);
        log.clear();
        return taken;
    }

    View view() {
        EnvironmentState state = state();
        Map<String, NodeStatus> nodes = new HashMap<>();
        Set<String> drained = new HashSet<>();
        instances.values().stream()
                .filter(each -> drains && each.value().phase() == Phase.DRAINING)
                .forEach(each -> drained.add(each.value().id()));
        for (String hostId : hosts.keySet()) {
            boolean up = connected.contains(hostId);
            long applied = lagging.getOrDefault(hostId, revision);
            nodes.put(
                    hostId,
                    new NodeStatus(
                            up,
                            up ? 0 : disconnectedMs.get(hostId),
                            up && !engineless.contains(hostId),
                            applied,
                            lagging.containsKey(hostId) ? nowMs - 1_000 : Long.MAX_VALUE,
                            Map.of(),
                            drained));
        }
        Map<String, Long> since = new HashMap<>();
        for (Versioned<Container> each : containers.values()) {
            if (each.value().fact().state().equals("running")) {
                String key = View.runKey(
                        each.value().fact().instanceId(), each.value().fact());
                since.put(key, servingSinceMs.getOrDefault(key, nowMs));
            }
        }
        servingSinceMs = since;
        return new View(state, nodes, since, CONFIG, nowMs);
    }

    EnvironmentState state() {
        return new EnvironmentState(
                Samples.environment(),
                revision,
                List.copyOf(hosts.values()),
                List.copyOf(stacks.values()),
                List.copyOf(services.values()),
                List.copyOf(instances.values()),
                List.copyOf(containers.values()));
    }

    List<Instance> active(String serviceId) {
        return instances.values().stream()
                .map(Versioned::value)
                .filter(each -> each.serviceId().equals(serviceId) && each.phase() == Phase.ACTIVE)
                .toList();
    }

    /** Active instances whose container runs on a connected host. */
    long serving(String serviceId) {
        return active(serviceId).stream()
                .filter(each -> connected.contains(each.hostId()))
                .filter(each -> containers.containsKey(each.id())
                        && containers.get(each.id()).value().fact().state().equals("running"))
                .count();
    }

    private void hostsAct() {
        for (Versioned<Instance> each : instances.values()) {
            Instance instance = each.value();
            if (connected.contains(instance.hostId()) && !containers.containsKey(instance.id())) {
                String state = broken.contains(instance.spec().image()) ? "exited" : "running";
                String number = instance.id().substring(1);
                String block = hosts.get(instance.hostId()).block();
                String address = block.substring(0, block.lastIndexOf('.') + 1) + (Integer.parseInt(number) % 250 + 2);
                containers.put(
                        instance.id(),
                        container(
                                instance.hostId(),
                                Samples.running("c" + number, instance.containerName(), address, instance.id()),
                                state));
            }
        }
        containers
                .values()
                .removeIf(each -> connected.contains(each.value().hostId())
                        && !instances.containsKey(each.value().fact().instanceId()));
    }

    private Versioned<Container> container(String hostId, ContainerFact fact, String state) {
        ContainerFact now = Samples.container(
                fact.dockerId(),
                fact.name(),
                state,
                fact.startedAt(),
                state.equals("running") ? fact.address() : null,
                fact.instanceId());
        return new Versioned<>(new Container(Samples.ENV, hostId, now), ++revision, revision);
    }

    private void apply(Step step) {
        revision++;
        switch (step) {
            case Step.Create create -> {
                Service service = services.get(create.serviceId());
                int index = service.nextIndex();
                Instance instance = new Instance(
                        "i" + nextId++,
                        Samples.ENV,
                        service.id(),
                        index,
                        service.stackName() + "-" + service.name() + "-" + index,
                        create.hostId(),
                        create.version(),
                        service.spec(),
                        Phase.ACTIVE,
                        nowMs);
                services.put(service.id(), service.withNextIndex(index + 1));
                instances.put(instance.id(), new Versioned<>(instance, revision, revision));
                log.add("create " + service.name() + "-" + index + " v" + create.version() + " on " + create.hostId());
            }
            case Step.Drain drain -> {
                Instance each = instances.get(drain.instanceId()).value();
                Instance draining = new Instance(
                        each.id(),
                        Samples.ENV,
                        each.serviceId(),
                        each.index(),
                        each.containerName(),
                        each.hostId(),
                        each.version(),
                        each.spec(),
                        Phase.DRAINING,
                        nowMs);
                instances.put(each.id(), new Versioned<>(draining, 1, revision));
                log.add("drain " + shortName(each));
            }
            case Step.RemoveInstance remove ->
                log.add("remove "
                        + shortName(instances.remove(remove.instanceId()).value()));
            case Step.RemoveService remove ->
                log.add("forget " + services.remove(remove.serviceId()).name());
            case Step.RemoveStack remove ->
                log.add("forget stack " + stacks.remove(remove.stackId()).name());
            case Step.RemoveContainer remove -> {
                containers
                        .values()
                        .removeIf(each -> each.value().fact().dockerId().equals(remove.dockerId()));
                log.add("forget container of " + remove.hostId());
            }
        }
    }

    private static String shortName(Instance instance) {
        return instance.containerName().substring("hello-".length());
    }
}
