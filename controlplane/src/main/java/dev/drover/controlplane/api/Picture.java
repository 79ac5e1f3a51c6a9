package dev.drover.controlplane.api;

import dev.drover.controlplane.api.Views.ContainerView;
import dev.drover.controlplane.api.Views.EnvironmentView;
import dev.drover.controlplane.api.Views.HostView;
import dev.drover.controlplane.api.Views.InstanceView;
import dev.drover.controlplane.api.Views.ServiceView;
import dev.drover.controlplane.api.Views.StackView;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Environment;
import dev.drover.controlplane.model.Host;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Change;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Stored records joined into what the API shows. Either built from the repository for one answer, or kept up to date by
 * changes. Not safe for several threads.
 */
final class Picture {
    static final Set<Kind<?>> KINDS =
            Set.of(Kind.ENVIRONMENT, Kind.HOST, Kind.STACK, Kind.SERVICE, Kind.INSTANCE, Kind.CONTAINER);

    private final LiveState live;
    private final Map<String, Environment> environments = new TreeMap<>();
    private final Map<String, Host> hosts = new TreeMap<>();
    private final Map<String, Stack> stacks = new TreeMap<>();
    private final Map<String, Service> services = new TreeMap<>();
    private final Map<String, Instance> instances = new TreeMap<>();
    private final Map<String, Container> containers = new TreeMap<>();
    private final Groups hostsOf = new Groups();
    private final Groups stacksOf = new Groups();
    private final Groups servicesOf = new Groups();
    private final Groups instancesOf = new Groups();
    private final Groups containersOf = new Groups();

    /** From an instance's id to the Docker ids of its containers: one, unless a host misbehaves. */
    private final Groups containersOfInstance = new Groups();

    Picture(LiveState live) {
        this.live = live;
    }

    /** Everything of one environment, consistent. */
    static Picture of(Repository repository, LiveState live, String environmentId) {
        return of(repository, live, environmentId, KINDS);
    }

    /** Only the records of these kinds, for an answer that needs no others. */
    static Picture of(Repository repository, LiveState live, String environmentId, Set<Kind<?>> kinds) {
        Picture picture = new Picture(live);
        repository.read(() -> {
            repository.get(Kind.ENVIRONMENT, environmentId).ifPresent(e -> picture.add(e, true));
            for (Kind<?> kind : kinds) {
                repository.list(kind, environmentId).forEach(record -> picture.add(record, true));
            }
            return picture;
        });
        return picture;
    }

    void apply(Change<?> change) {
        if (change.before() != null) {
            add(change.before(), false);
        }
        if (change.after() != null) {
            add(change.after(), true);
        }
    }

    private void add(Object record, boolean there) {
        switch (record) {
            case Environment e -> put(environments, e.id(), e, there);
            case Host h -> {
                put(hosts, h.id(), h, there);
                hostsOf.put(h.environmentId(), h.id(), there);
            }
            case Stack s -> {
                put(stacks, s.id(), s, there);
                stacksOf.put(s.environmentId(), s.id(), there);
            }
            case Service s -> {
                put(services, s.id(), s, there);
                servicesOf.put(s.stackId(), s.id(), there);
            }
            case Instance i -> {
                put(instances, i.id(), i, there);
                instancesOf.put(i.serviceId(), i.id(), there);
            }
            case Container c -> {
                String id = c.fact().dockerId();
                put(containers, id, c, there);
                containersOf.put(c.hostId(), id, there);
                if (c.fact().instanceId() != null) {
                    containersOfInstance.put(c.fact().instanceId(), id, there);
                }
            }
            default -> throw new IllegalArgumentException("record: " + record.getClass() + " (expected: a shown one)");
        }
    }

    private static <T> void put(Map<String, T> map, String id, T record, boolean there) {
        if (there) {
            map.put(id, record);
        } else {
            map.remove(id);
        }
    }

    Optional<EnvironmentView> environment(String id) {
        return Optional.ofNullable(environments.get(id))
                .map(e -> new EnvironmentView(
                        e.id(),
                        e.name(),
                        lower(e.orchestrator()),
                        e.subnet(),
                        e.vni(),
                        e.port(),
                        e.blockPrefix(),
                        e.encrypted(),
                        hostsOf.get(id).size(),
                        stacksOf.get(id).size()));
    }

    Optional<HostView> host(String id) {
        return Optional.ofNullable(hosts.get(id))
                .map(h -> new HostView(
                        h.id(),
                        h.name(),
                        h.environmentId(),
                        environmentName(h.environmentId()),
                        h.vtep(),
                        h.block(),
                        live.connected(id) ? "connected" : "disconnected",
                        h.labels(),
                        h.facts(),
                        containersOf.get(id).size(),
                        live.message(id).orElse(null)));
    }

    /** @param withFiles whether the compose files are shown */
    Optional<StackView> stack(String id, boolean withFiles) {
        return Optional.ofNullable(stacks.get(id))
                .map(s -> new StackView(
                        s.id(),
                        s.name(),
                        s.environmentId(),
                        environmentName(s.environmentId()),
                        stackState(s),
                        servicesOf.get(id).size(),
                        withFiles ? s.compose() : null,
                        withFiles ? s.rancherCompose() : null));
    }

    private String stackState(Stack stack) {
        if (stack.removed()) {
            return "removing";
        }
        List<String> states = servicesOf.get(stack.id()).stream()
                .map(id -> serviceState(Objects.requireNonNull(services.get(id)), instances(id)))
                .toList();
        return List.of("upgrading", "activating").stream()
                .filter(states::contains)
                .findFirst()
                .orElse("active");
    }

    Optional<ServiceView> service(String id) {
        return Optional.ofNullable(services.get(id)).map(s -> {
            List<Instance> own = instances(id);
            return new ServiceView(
                    s.id(),
                    s.name(),
                    s.stackId(),
                    s.stackName(),
                    s.environmentId(),
                    lower(s.kind()),
                    s.scale(),
                    s.global(),
                    s.version(),
                    serviceState(s, own),
                    live.message(id).orElse(null),
                    s.spec() == null ? null : s.spec().image(),
                    own.stream().map(this::instance).toList(),
                    s.listens());
        });
    }

    private String serviceState(Service service, List<Instance> own) {
        return live.state(service.id())
                .filter(state -> !state.equals("active") || isInPlace(service, own))
                .orElseGet(() -> estimatedState(service, own));
    }

    /** False right after a change, until the scheduler has looked at it: what it said before is out of date then. */
    private static boolean isInPlace(Service service, List<Instance> own) {
        long active = own.stream()
                .filter(i -> i.phase() == Instance.Phase.ACTIVE && i.version() == service.version())
                .count();
        return !service.kind().hasInstances() || active == (service.global() ? own.size() : service.scale());
    }

    /** Until the scheduler has looked at it. */
    private String estimatedState(Service service, List<Instance> own) {
        if (service.removed()) {
            return "removing";
        }
        if (own.stream().anyMatch(i -> i.version() != service.version())) {
            return "upgrading";
        }
        if (!service.kind().hasInstances()) {
            return "active";
        }
        int wanted = service.global() ? hostsOf.get(service.environmentId()).size() : service.scale();
        long running = own.stream()
                .filter(i -> i.phase() == Instance.Phase.ACTIVE && "running".equals(containerState(i.id())))
                .count();
        return running < wanted || (service.global() && !own.isEmpty() && running < own.size())
                ? "activating"
                : "active";
    }

    private InstanceView instance(Instance instance) {
        ContainerFact fact = containerOf(instance.id());
        return new InstanceView(
                instance.id(),
                instance.containerName(),
                instance.hostId(),
                hostName(instance.hostId()),
                containerState(instance.id()),
                fact == null ? null : fact.address(),
                instance.version(),
                lower(instance.phase()),
                live.message(instance.id()).orElse(fact == null ? null : fact.problem()));
    }

    Optional<ContainerView> container(String dockerId) {
        return Optional.ofNullable(containers.get(dockerId)).map(c -> {
            ContainerFact fact = c.fact();
            Instance instance = fact.instanceId() == null ? null : instances.get(fact.instanceId());
            Service service = instance == null ? null : services.get(instance.serviceId());
            return new ContainerView(
                    fact.dockerId(),
                    fact.name(),
                    c.environmentId(),
                    c.hostId(),
                    hostName(c.hostId()),
                    fact.image(),
                    fact.state(),
                    fact.createdAt(),
                    fact.startedAt(),
                    fact.exitCode(),
                    fact.address(),
                    fact.mac(),
                    fact.instanceId(),
                    service == null ? null : service.name(),
                    service == null ? null : service.stackName(),
                    fact.labels(),
                    fact.problem());
        });
    }

    Optional<String> serviceOfInstance(String instanceId) {
        return Optional.ofNullable(instances.get(instanceId)).map(Instance::serviceId);
    }

    Optional<String> stackOfService(String serviceId) {
        return Optional.ofNullable(services.get(serviceId)).map(Service::stackId);
    }

    /** Docker ids. */
    Set<String> containersOfInstance(String instanceId) {
        return containersOfInstance.get(instanceId);
    }

    List<HostView> hosts() {
        return views(hosts.keySet(), this::host, HostView::name);
    }

    List<EnvironmentView> environments() {
        return views(environments.keySet(), this::environment, EnvironmentView::name);
    }

    List<StackView> stacks() {
        return views(stacks.keySet(), id -> stack(id, false), StackView::name);
    }

    List<ServiceView> services() {
        return views(services.keySet(), this::service, view -> view.stack() + "/" + view.name());
    }

    List<ContainerView> containers() {
        return views(containers.keySet(), this::container, view -> view.host() + "/" + view.name());
    }

    private static <V> List<V> views(
            Collection<String> ids, Function<String, Optional<V>> view, Function<V, String> order) {
        return ids.stream()
                .flatMap(id -> view.apply(id).stream())
                .sorted(Comparator.comparing(order))
                .toList();
    }

    private List<Instance> instances(String serviceId) {
        return instancesOf.get(serviceId).stream()
                .map(id -> Objects.requireNonNull(instances.get(id)))
                .sorted(Comparator.comparingInt(Instance::index))
                .toList();
    }

    private @Nullable ContainerFact containerOf(String instanceId) {
        return containersOfInstance.get(instanceId).stream()
                .map(id -> Objects.requireNonNull(containers.get(id)).fact())
                .max(Comparator.comparing(ContainerFact::createdAt))
                .orElse(null);
    }

    private String containerState(String instanceId) {
        ContainerFact fact = containerOf(instanceId);
        return fact == null ? "pending" : fact.state();
    }

    private String hostName(String hostId) {
        Host host = hosts.get(hostId);
        return host == null ? hostId : host.name();
    }

    private String environmentName(String environmentId) {
        Environment environment = environments.get(environmentId);
        return environment == null ? environmentId : environment.name();
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
