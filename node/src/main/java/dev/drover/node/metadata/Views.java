package dev.drover.node.metadata;

import dev.drover.controlplane.link.DesiredItem.AboutContainer;
import dev.drover.controlplane.link.DesiredItem.AboutHost;
import dev.drover.controlplane.link.DesiredItem.AboutService;
import dev.drover.controlplane.link.DesiredItem.Balancing;
import dev.drover.node.metadata.Tree.Branch;
import dev.drover.node.metadata.Tree.Listing;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The catalog as one container sees it, with the keys of Rancher's metadata service. */
final class Views {
    private static final long MILLI_CPU = 1_000;

    private final Catalog catalog;
    private final Release release;
    private final String version;

    /** @param version changes with everything that is told */
    Views(Catalog catalog, Release release, String version) {
        this.catalog = catalog;
        this.release = release;
        this.version = version;
    }

    private record Stack(String name, String id, List<AboutService> services) {}

    Branch root(AboutContainer self) {
        Map<String, Supplier<@Nullable Object>> root = new TreeMap<>();
        root.put(
                "containers",
                () -> new Listing<>(
                        catalog.containers(), AboutContainer::name, AboutContainer::dockerId, this::container));
        root.put("environment", this::environment);
        root.put("hosts", () -> new Listing<>(catalog.hosts(), AboutHost::name, AboutHost::hostId, Views::host));
        root.put("networks", () -> List.of(network()));
        root.put("self", () -> self(self));
        root.put(
                "services",
                () -> new Listing<>(catalog.services(), AboutService::name, AboutService::serviceId, this::service));
        root.put("stacks", () -> new Listing<>(stacks(), Stack::name, Stack::id, this::stack));
        root.put("version", () -> version);
        return new Branch(root);
    }

    /** A container that belongs to no service has the keys of one, with nothing behind them, as in Rancher. */
    private Branch self(AboutContainer self) {
        AboutService service = catalog.serviceOf(self);
        Map<String, Supplier<@Nullable Object>> own = new TreeMap<>();
        own.put("container", () -> container(self));
        own.put("service", () -> service == null ? null : service(service));
        own.put(
                "stack",
                () -> service == null
                        ? null
                        : stacks().stream()
                                .filter(stack -> stack.id().equals(service.stackId()))
                                .findFirst()
                                .map(this::stack)
                                .orElse(null));
        own.put("host", () -> {
            AboutHost host = catalog.host(self.hostId());
            return host == null ? null : host(host);
        });
        return new Branch(own);
    }

    private Map<String, @Nullable Object> environment() {
        Map<String, @Nullable Object> environment = new TreeMap<>();
        environment.put("name", catalog.own().environmentName());
        environment.put("uuid", catalog.own().environmentId());
        return environment;
    }

    private Map<String, @Nullable Object> network() {
        Map<String, @Nullable Object> network = new TreeMap<>();
        network.put("name", "vxlan");
        network.put("uuid", catalog.own().environmentId());
        network.put("is_default", true);
        network.put("subnet", catalog.own().subnet());
        return network;
    }

    private static Map<String, @Nullable Object> host(AboutHost host) {
        Map<String, @Nullable Object> view = new TreeMap<>();
        view.put("agent_ip", host.agentIp());
        view.put("hostname", host.name());
        view.put("labels", host.labels());
        view.put("memory", host.memoryBytes());
        view.put("milli_cpu", host.cpus() * MILLI_CPU);
        view.put("name", host.name());
        view.put("uuid", host.hostId());
        return view;
    }

    private Map<String, @Nullable Object> container(AboutContainer container) {
        AboutService service = catalog.serviceOf(container);
        Map<String, @Nullable Object> view = new TreeMap<>();
        view.put("create_index", service == null ? null : container.index());
        view.put("environment_uuid", catalog.own().environmentId());
        view.put("external_id", container.dockerId());
        view.put("health_state", health(container.health()));
        view.put("host_uuid", container.hostId());
        view.put("ips", List.of(container.address()));
        view.put("labels", container.labels());
        view.put("name", container.name());
        view.put("network_uuid", catalog.own().environmentId());
        view.put("ports", service == null ? List.of() : ports(container, service));
        view.put("primary_ip", container.address());
        view.put("primary_mac_address", container.mac());
        view.put("service_index", service == null ? null : String.valueOf(container.index()));
        view.put("service_name", service == null ? null : service.name());
        view.put("service_uuid", service == null ? null : service.serviceId());
        view.put("stack_name", service == null ? null : service.stack());
        view.put("stack_uuid", service == null ? null : service.stackId());
        view.put("state", container.state());
        view.put("system", false);
        view.put("uuid", container.dockerId());
        return view;
    }

    /** Docker says {@code starting}, Rancher said {@code initializing}. */
    private static @Nullable String health(@Nullable String docker) {
        return "starting".equals(docker) ? "initializing" : docker;
    }

    private List<String> ports(AboutContainer container, AboutService service) {
        AboutHost host = release.portsOnEveryAddress() ? null : catalog.host(container.hostId());
        String address = host == null ? "0.0.0.0" : host.agentIp();
        return service.ports().stream().map(port -> address + ":" + port).toList();
    }

    private Map<String, @Nullable Object> service(AboutService service) {
        List<AboutContainer> containers = catalog.containersOf(service);
        Map<String, @Nullable Object> view = new TreeMap<>();
        view.put(
                "containers",
                release.nested()
                        ? containers.stream().map(this::container).toList()
                        : containers.stream().map(AboutContainer::name).toList());
        view.put("environment_uuid", catalog.own().environmentId());
        view.put("expose", service.expose());
        view.put("external_ips", service.externalIps());
        view.put("fqdn", null);
        view.put("hostname", service.hostname());
        view.put("kind", service.type());
        view.put("labels", service.labels());
        view.put("lb_config", service.balancing().isEmpty() ? null : balancing(service.balancing()));
        view.put("links", service.links());
        view.put("metadata", service.metadata() == null ? Map.of() : service.metadata());
        view.put("name", service.name());
        view.put("ports", service.ports());
        view.put("primary_service_name", primary(service));
        view.put("scale", service.scale());
        view.put("sidekicks", service.sidekicks());
        view.put("stack_name", service.stack());
        view.put("stack_uuid", service.stackId());
        view.put("system", false);
        view.put("token", null);
        view.put("uuid", service.serviceId());
        view.put("vip", null);
        return view;
    }

    private String primary(AboutService service) {
        return catalog.services().stream()
                .filter(other -> other.stackId().equals(service.stackId())
                        && other.sidekicks().contains(service.name()))
                .findFirst()
                .orElse(service)
                .name();
    }

    private static Map<String, @Nullable Object> balancing(List<Balancing> rules) {
        List<Object> views = new ArrayList<>();
        for (Balancing rule : rules) {
            Map<String, @Nullable Object> view = new TreeMap<>();
            view.put("hostname", rule.hostname());
            view.put("path", rule.path());
            view.put("priority", rule.priority());
            view.put("protocol", rule.protocol());
            view.put("service", rule.service());
            view.put("source_port", rule.sourcePort());
            view.put("target_port", rule.targetPort());
            view.put("weight", rule.weight());
            views.add(view);
        }
        Map<String, @Nullable Object> config = new TreeMap<>();
        config.put("port_rules", views);
        return config;
    }

    private List<Stack> stacks() {
        Map<String, Stack> stacks = new LinkedHashMap<>();
        for (AboutService service : catalog.services()) {
            stacks.computeIfAbsent(service.stackId(), id -> new Stack(service.stack(), id, new ArrayList<>()))
                    .services()
                    .add(service);
        }
        return List.copyOf(stacks.values());
    }

    private Map<String, @Nullable Object> stack(Stack stack) {
        Map<String, @Nullable Object> view = new TreeMap<>();
        view.put("environment_name", catalog.own().environmentName());
        view.put("environment_uuid", catalog.own().environmentId());
        view.put("name", stack.name());
        view.put(
                "services",
                release.nested()
                        ? stack.services().stream().map(this::service).toList()
                        : stack.services().stream().map(AboutService::name).toList());
        view.put("system", false);
        view.put("uuid", stack.id());
        return view;
    }
}
