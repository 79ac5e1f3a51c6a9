package dev.drover.controlplane.policy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Containers in groups as {@code within: linked} sees them, and which of these groups are linked. The containers of a service
 * and its sidekicks are one group, at either end of a link, as in Rancher; a container that a link names is a group of its
 * own, which has the links of its service as well. Links have a direction.
 *
 * <p>First all links are told, then all containers, then the pairs are asked. One thread.
 */
public final class LinkGroups {
    /** Service to what it has links to: services, and names of containers. */
    private final Map<String, Targets> links = new HashMap<>();

    private final Set<String> named = new HashSet<>();
    /** The groups of each service. */
    private final Map<String, Set<String>> groups = new HashMap<>();
    /** The groups of the containers of each name that a link names. */
    private final Map<String, Set<String>> groupsOfName = new HashMap<>();

    private record Targets(Set<String> services, Set<String> containers) {
        Targets() {
            this(new TreeSet<>(), new TreeSet<>());
        }
    }

    /** One group is linked to another. */
    public record Pair(String from, String to) {}

    /** @param service {@code stack/service}, as {@code to} */
    public void link(String service, String to) {
        links.computeIfAbsent(service, _ -> new Targets()).services.add(to);
    }

    /** @param service {@code stack/service} */
    public void linkContainer(String service, String containerName) {
        String name = containerName.toLowerCase(Locale.ROOT);
        links.computeIfAbsent(service, _ -> new Targets()).containers.add(name);
        named.add(name);
    }

    /**
     * Takes note of a container.
     *
     * @param service {@code stack/service} of its service or the one whose sidekick that is; empty for none
     * @return its group, empty for none
     */
    public String group(String service, String containerName) {
        String name = containerName.toLowerCase(Locale.ROOT);
        String group =
                named.contains(name) ? "container:" + name + (service.isEmpty() ? "" : " of " + service) : service;
        if (!service.isEmpty()) {
            groups.computeIfAbsent(service, _ -> new HashSet<>()).add(group);
        }
        if (named.contains(name)) {
            groupsOfName.computeIfAbsent(name, _ -> new HashSet<>()).add(group);
        }
        return group;
    }

    /** Pairs of groups of which both have containers. */
    public List<Pair> pairs() {
        List<Pair> pairs = new ArrayList<>();
        links.forEach((service, targets) -> {
            Set<String> linked = new TreeSet<>();
            targets.services.forEach(to -> linked.addAll(groups.getOrDefault(to, Set.of())));
            targets.containers.forEach(to -> linked.addAll(groupsOfName.getOrDefault(to, Set.of())));
            for (String from : groups.getOrDefault(service, Set.of())) {
                linked.forEach(to -> pairs.add(new Pair(from, to)));
            }
        });
        return pairs;
    }
}
