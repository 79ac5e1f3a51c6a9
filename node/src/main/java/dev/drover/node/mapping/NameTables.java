package dev.drover.node.mapping;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.DesiredItem.Endpoints;
import dev.drover.dataplane.Cidr;
import dev.drover.dns.DnsConfig;
import dev.drover.dns.NameData;
import dev.drover.dns.NameData.Srv;
import dev.drover.dns.Names;
import dev.drover.dns.View;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * From desired names and local containers to the names this host serves, and to how each of its containers sees them. A
 * name that DNS cannot carry, or a link that leads nowhere, is left out alone.
 */
final class NameTables {
    private static final String METADATA = "rancher-metadata";
    private static final String CONTAINER_LINK = "container:";
    private static final int WEIGHT = 1;

    private final String zone;
    private final Predicate<InetAddress> alive;
    private final Map<String, String> problems;
    private final Map<String, NameData> common = new HashMap<>();
    private final Map<String, DesiredItem.Service> services = new HashMap<>();
    private final Map<InetAddress, String> pointers = new HashMap<>();

    private NameTables(String zone, Predicate<InetAddress> alive, Map<String, String> problems) {
        this.zone = zone;
        this.alive = alive;
        this.problems = problems;
    }

    /**
     * @param alive false for an address of this host that no running container holds
     * @param local null while they are not known
     * @param problems gets what could not be mapped, by desired key
     */
    static Names of(
            String zone,
            Cidr subnet,
            Collection<DesiredItem> desired,
            @Nullable List<LocalContainer> local,
            Predicate<InetAddress> alive,
            Map<String, String> problems) {
        NameTables tables = new NameTables(zone, alive, problems);
        List<LocalContainer> containers = local == null ? List.of() : local;
        for (DesiredItem item : desired) {
            switch (item) {
                case DesiredItem.Name name -> tables.attempt("name/" + name.name(), () -> tables.name(name));
                case DesiredItem.Service service ->
                    tables.services.put(service.stack() + "/" + service.name(), service);
                default -> {}
            }
        }
        containers.forEach(tables::container);
        // Last: no container takes the name from the service that tells containers who they are.
        tables.common.put(METADATA, new NameData(List.of(Tables.RESOLVER), null, List.of(), List.of()));
        tables.pointers(desired, containers);
        return new Names(tables.common, tables.pointers, List.of(subnet), tables.views(containers));
    }

    private void attempt(String key, Runnable mapping) {
        try {
            mapping.run();
        } catch (IllegalArgumentException e) {
            problems.put(key, String.valueOf(e.getMessage()));
        }
    }

    private void name(DesiredItem.Name item) {
        String name = item.name().toLowerCase(Locale.ROOT);
        requireName(name);
        Endpoints more = item.more();
        if (more != null && more.hostname() != null) {
            common.put(name, NameData.alias(more.hostname()));
            return;
        }
        List<String> containers = more == null ? List.of() : more.containers();
        Map<InetAddress, String> serving = serving(item.addresses(), containers, 0);
        if (serving.isEmpty() && more != null) {
            // All of them sick: perhaps it is the check that is. A wrong address costs a try, none costs the service.
            serving = serving(more.unhealthy(), containers, item.addresses().size());
        }
        List<Srv> all = new ArrayList<>();
        for (String port : more == null ? List.<String>of() : more.ports()) {
            int slash = port.indexOf('/');
            List<Srv> records = services(name, Integer.parseInt(port.substring(0, slash)), serving.values());
            all.addAll(records);
            String owner = "_" + port.substring(0, slash) + "._" + port.substring(slash + 1) + "." + name;
            if (DnsConfig.isName(owner, zone)) {
                common.put(owner, new NameData(List.of(), null, records, List.of()));
            }
        }
        // A name whose containers are all down still exists: "no data" instead of "no such name".
        common.put(name, new NameData(List.copyOf(serving.keySet()), null, all, List.of()));
    }

    private void requireName(String name) {
        if (!DnsConfig.isName(name, zone)) {
            throw new IllegalArgumentException("name: " + name + " (expected: a name that DNS can carry)");
        }
    }

    /** Address to the name of its container, empty for none; in order. */
    private Map<InetAddress, String> serving(List<String> addresses, List<String> containers, int first) {
        Map<InetAddress, String> serving = new LinkedHashMap<>();
        for (int i = 0; i < addresses.size(); i++) {
            InetAddress address = InetAddress.ofLiteral(addresses.get(i));
            if (alive.test(address)) {
                serving.put(address, first + i < containers.size() ? containers.get(first + i) : "");
            }
        }
        return serving;
    }

    /** One for each container; what runs in every node has but the name itself. */
    private List<Srv> services(String name, int port, Collection<String> containers) {
        Set<String> targets = new LinkedHashSet<>();
        containers.forEach(
                container -> targets.add((DnsConfig.isName(container, zone) ? container : name) + "." + zone));
        return targets.stream().map(target -> new Srv(0, WEIGHT, port, target)).toList();
    }

    /** A container of this host has its name before the control plane knows of it. */
    private void container(LocalContainer container) {
        String name = container.name().toLowerCase(Locale.ROOT);
        attempt("container/" + container.name(), () -> {
            requireName(name);
            NameData known = common.get(name);
            Set<InetAddress> addresses = new LinkedHashSet<>(known == null ? List.of() : known.addresses());
            addresses.add(container.address());
            common.put(
                    name,
                    new NameData(
                            List.copyOf(addresses),
                            null,
                            known == null ? List.of() : known.services(),
                            known == null ? List.of() : known.texts()));
        });
    }

    /** An address has one name: its container's, which is every name that is no service's. */
    private void pointers(Collection<DesiredItem> desired, List<LocalContainer> local) {
        Set<String> ofServices = new HashSet<>();
        services.values().forEach(service -> {
            String name = service.name() + "." + service.stack();
            ofServices.add(name);
            service.sidekicks().forEach(sidekick -> ofServices.add(sidekick + "." + name));
        });
        for (DesiredItem item : desired) {
            if (item instanceof DesiredItem.Name name && !ofServices.contains(name.name())) {
                NameData data = common.get(name.name());
                if (data != null) {
                    data.addresses().forEach(address -> pointer(address, name.name()));
                }
            }
        }
        local.forEach(container -> pointer(container.address(), container.name()));
    }

    private void pointer(InetAddress address, String container) {
        String name = container.toLowerCase(Locale.ROOT);
        NameData data = common.get(name);
        if (data != null && data.addresses().contains(address)) {
            pointers.put(address, name);
        }
    }

    /** One for each service that has a container here. */
    private List<View> views(List<LocalContainer> local) {
        Map<String, List<Cidr>> sources = new TreeMap<>();
        Set<Inet4Address> taken = new HashSet<>();
        for (LocalContainer container : local) {
            if (container.service() != null
                    && services.containsKey(container.service())
                    && taken.add(container.address())) {
                sources.computeIfAbsent(container.service(), service -> new ArrayList<>())
                        .add(new Cidr(Cidr.toInt(container.address()), Integer.SIZE));
            }
        }
        List<View> views = new ArrayList<>();
        sources.forEach((key, addresses) -> {
            DesiredItem.Service service = services.get(key);
            if (service != null) {
                addresses.sort((a, b) -> Integer.compareUnsigned(a.network(), b.network()));
                views.add(new View(key, addresses, search(service), links(service)));
            }
        });
        return views;
    }

    private List<String> search(DesiredItem.Service service) {
        List<String> search = new ArrayList<>();
        for (String domain : List.of(service.primary() + "." + service.stack(), service.stack())) {
            if (DnsConfig.isName(domain, zone)) {
                search.add(domain);
            }
        }
        return search;
    }

    /** What a link means, under its alias alone and within the stack that it leads to. */
    private Map<String, NameData> links(DesiredItem.Service service) {
        Map<String, NameData> names = new HashMap<>();
        service.links().forEach((alias, target) -> {
            int slash = target.indexOf('/');
            NameData data = common.get(
                    target.startsWith(CONTAINER_LINK)
                            ? target.substring(CONTAINER_LINK.length())
                            : target.substring(slash + 1) + "." + target.substring(0, Math.max(slash, 0)));
            if (data == null) {
                return;
            }
            if (DnsConfig.isName(alias, zone)) {
                names.put(alias, data);
            }
            String inStack = alias + "." + target.substring(0, Math.max(slash, 0));
            if (slash > 0 && DnsConfig.isName(inStack, zone)) {
                names.put(inStack, data);
            }
        });
        return names;
    }
}
