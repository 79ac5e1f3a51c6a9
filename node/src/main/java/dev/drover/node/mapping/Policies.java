package dev.drover.node.mapping;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.GroupPolicy;
import dev.drover.overlay.NetworkPolicy;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The network policy of the environment as this host has to enforce it.
 *
 * @param policy null where everything is allowed
 * @param problems desired key to what is wrong with the entry; such entries are left out, so that the default holds
 */
public record Policies(@Nullable NetworkPolicy policy, Map<String, String> problems) {

    /** Hosts are exempt by the first address of their blocks, from which their load balancers speak. */
    public static Policies of(HostIdentity identity, Map<String, DesiredItem> desired) {
        if (!(desired.get("policy") instanceof DesiredItem.Policy rules)) {
            return new Policies(null, Map.of());
        }
        Map<String, String> problems = new TreeMap<>();
        Map<Integer, NetworkPolicy.Member> members = new HashMap<>();
        desired.forEach((key, item) -> attempt(key, problems, () -> {
            if (item instanceof DesiredItem.Member member) {
                members.put(
                        Cidr.parseAddress(member.address()),
                        new NetworkPolicy.Member(member.name(), false, member.groups()));
            }
        }));
        desired.forEach((key, item) -> attempt(key, problems, () -> {
            if (item instanceof DesiredItem.Peer peer) {
                members.put(Cidr.parse(peer.block()).address(1), NetworkPolicy.Member.host("host of " + peer.block()));
            }
        }));
        Set<NetworkPolicy.Link> links = new HashSet<>();
        desired.values().forEach(item -> {
            if (item instanceof DesiredItem.Linked linked) {
                links.add(new NetworkPolicy.Link(linked.from(), linked.to()));
            }
        });
        members.put(Cidr.parse(identity.block()).address(1), NetworkPolicy.Member.host("this host"));
        NetworkPolicy[] policy = new NetworkPolicy[1];
        attempt(
                "policy",
                problems,
                () -> policy[0] = of(rules, List.of(Cidr.parse(identity.subnet())), members, links));
        return new Policies(policy[0], problems);
    }

    /** The rules as the overlay has them. */
    public static NetworkPolicy of(
            DesiredItem.Policy rules,
            List<Cidr> subnets,
            Map<Integer, NetworkPolicy.Member> members,
            Set<NetworkPolicy.Link> links) {
        return new NetworkPolicy(
                rules.allowByDefault(),
                subnets,
                rules.kinds(),
                rules.rules().stream().map(Policies::rule).toList(),
                members,
                links);
    }

    private static NetworkPolicy.Rule rule(DesiredItem.PolicyRule rule) {
        return new NetworkPolicy.Rule(match(rule), rule.text());
    }

    private static GroupPolicy.Rule match(DesiredItem.PolicyRule rule) {
        if (Boolean.TRUE.equals(rule.linked())) {
            return new GroupPolicy.Linked(rule.from(), rule.allow());
        }
        return rule.same()
                ? new GroupPolicy.Same(rule.from(), rule.allow())
                : new GroupPolicy.Between(rule.from(), rule.to(), rule.allow());
    }

    private static void attempt(String key, Map<String, String> problems, Runnable mapping) {
        try {
            mapping.run();
        } catch (IllegalArgumentException e) {
            problems.put(key, String.valueOf(e.getMessage()));
        }
    }
}
