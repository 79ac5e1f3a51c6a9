package dev.drover.controlplane.desired;

import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.policy.Selector;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which services load balancers send to: those their rules name or select, and those that aliases among these link to. */
public final class Balanced {
    private final Collection<Service> services;
    private final Map<String, Service> byName = new HashMap<>();
    private final Deque<Service> found = new ArrayDeque<>();
    private final Set<String> ids = new HashSet<>();

    private Balanced(Collection<Service> services) {
        this.services = services;
        services.stream()
                .filter(service -> !service.removed())
                .forEach(service -> byName.put(key(service.stackName(), service.name()), service));
    }

    /** Ids of them among {@code services}, which are all of an environment. */
    public static Set<String> ids(Collection<Service> services) {
        return new Balanced(services).follow();
    }

    private Set<String> follow() {
        for (Service balancer : services) {
            balancer.listens().forEach(rule -> rule(balancer, rule.service()));
        }
        for (Service service = found.poll(); service != null; service = found.poll()) {
            if (service.kind() == Service.Kind.ALIAS) {
                for (String link : service.names().links().values()) {
                    add(named(service, link));
                }
            }
        }
        return ids;
    }

    private void rule(Service balancer, String to) {
        if (to.startsWith(Service.PortRule.SELECTOR)) {
            Selector selector = Selector.parse(to.substring(Service.PortRule.SELECTOR.length()));
            services.stream()
                    .filter(service -> selector.selects(service.labels()))
                    .forEach(this::add);
        } else {
            add(named(balancer, to));
        }
    }

    private void add(@Nullable Service service) {
        if (service != null && ids.add(service.id())) {
            found.add(service);
        }
    }

    private @Nullable Service named(Service by, String text) {
        if (text.startsWith(Discovery.CONTAINER)) {
            return null;
        }
        int slash = text.indexOf('/');
        return byName.get(key(slash < 0 ? by.stackName() : text.substring(0, slash), text.substring(slash + 1)));
    }

    private static String key(String stack, String service) {
        return (stack + "/" + service).toLowerCase(Locale.ROOT);
    }
}
