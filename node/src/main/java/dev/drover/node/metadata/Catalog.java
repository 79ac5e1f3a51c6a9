package dev.drover.node.metadata;

import dev.drover.controlplane.link.DesiredItem.AboutContainer;
import dev.drover.controlplane.link.DesiredItem.AboutHost;
import dev.drover.controlplane.link.DesiredItem.AboutService;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.dataplane.Cidr;
import dev.drover.node.docker.Labels;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Hosts, services and containers of the environment at one moment, in order and by what they are looked up by. Immutable. */
final class Catalog {
    private final HostIdentity own;
    private final List<AboutHost> hosts = new ArrayList<>();
    private final List<AboutService> services = new ArrayList<>();
    private final List<AboutContainer> containers = new ArrayList<>();
    private final Map<String, AboutService> servicesById = new HashMap<>();
    private final Map<String, AboutService> servicesByName = new HashMap<>();
    private final Map<String, List<AboutContainer>> containersOf = new HashMap<>();
    private final Map<String, AboutContainer> ownByAddress = new HashMap<>();

    private Catalog(HostIdentity own) {
        this.own = own;
    }

    static Catalog of(MetadataSource source) {
        Catalog catalog = new Catalog(source.host());
        source.desired().values().forEach(item -> {
            switch (item) {
                case AboutHost host -> catalog.hosts.add(host);
                case AboutService service -> catalog.add(service);
                case AboutContainer container -> {
                    if (source.local() == null || !catalog.isOwn(container)) {
                        catalog.containers.add(container);
                    }
                }
                default -> {}
            }
        });
        if (source.local() != null) {
            catalog.addLocal(source.local());
        }
        catalog.order();
        return catalog;
    }

    private void add(AboutService service) {
        services.add(service);
        servicesById.put(service.serviceId(), service);
        servicesByName.put(key(service.stack() + "/" + service.name()), service);
    }

    private boolean isOwn(AboutContainer container) {
        return container.hostId().equals(own.hostId());
    }

    private void addLocal(List<ContainerFact> facts) {
        for (ContainerFact fact : facts) {
            if (fact.address() != null
                    && (fact.state().equals("running") || fact.state().equals("paused"))) {
                // Anybody may set the labels: they count on containers that Drover made.
                String label = fact.instanceId() == null ? null : fact.labels().get(Labels.STACK_SERVICE);
                AboutService service = label == null ? null : servicesByName.get(key(label));
                containers.add(new AboutContainer(
                        fact.dockerId(),
                        own.hostId(),
                        fact.name(),
                        fact.address(),
                        fact.mac(),
                        fact.state(),
                        fact.health(),
                        fact.labels(),
                        service == null ? null : service.serviceId(),
                        service == null ? 0 : index(fact.name())));
            }
        }
    }

    /** The number at the end of {@code STACK-SERVICE-INDEX}; 0 for another name. */
    private static int index(String name) {
        try {
            return Integer.parseInt(name.substring(name.lastIndexOf('-') + 1));
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    private void order() {
        hosts.sort(Comparator.comparing(AboutHost::name).thenComparing(AboutHost::hostId));
        services.sort(Comparator.comparing(AboutService::stack)
                .thenComparing(AboutService::name)
                .thenComparing(AboutService::serviceId));
        containers.sort(Comparator.comparing(AboutContainer::name).thenComparing(AboutContainer::dockerId));
        for (AboutContainer container : containers) {
            if (container.serviceId() != null) {
                containersOf
                        .computeIfAbsent(container.serviceId(), _ -> new ArrayList<>())
                        .add(container);
            }
            if (isOwn(container)) {
                ownByAddress.put(container.address(), container);
            }
        }
        containersOf.values().forEach(list -> list.sort(Comparator.comparingInt(AboutContainer::index)));
    }

    private static String key(String stackAndService) {
        return stackAndService.toLowerCase(Locale.ROOT);
    }

    /** This host. */
    HostIdentity own() {
        return own;
    }

    /** By name, as all of these lists. */
    List<AboutHost> hosts() {
        return hosts;
    }

    /** By stack, then by name. */
    List<AboutService> services() {
        return services;
    }

    List<AboutContainer> containers() {
        return containers;
    }

    /** By index. */
    List<AboutContainer> containersOf(AboutService service) {
        return containersOf.getOrDefault(service.serviceId(), List.of());
    }

    @Nullable
    AboutService serviceOf(AboutContainer container) {
        return container.serviceId() == null ? null : servicesById.get(container.serviceId());
    }

    @Nullable
    AboutHost host(String id) {
        return hosts.stream()
                .filter(host -> host.hostId().equals(id))
                .findFirst()
                .orElse(null);
    }

    /**
     * The container of this host that has the address. Nobody else can send from it: the node drops what a container
     * sends from an address that is not its own.
     */
    @Nullable
    AboutContainer at(InetAddress address) {
        return address instanceof Inet4Address v4 ? ownByAddress.get(Cidr.format(Cidr.toInt(v4))) : null;
    }

    /** Whether the address is one that a container of this host may just have got. */
    boolean mayBecomeKnown(InetAddress address) {
        Cidr block = Cidr.parse(own.block());
        return address instanceof Inet4Address v4
                && block.contains(Cidr.toInt(v4))
                && Cidr.toInt(v4) != block.address(1);
    }

    /** Whether it tells the same. */
    boolean sameAs(Catalog other) {
        return own.equals(other.own)
                && hosts.equals(other.hosts)
                && services.equals(other.services)
                && containers.equals(other.containers);
    }
}
