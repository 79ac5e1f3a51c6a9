package dev.drover.node.config;

import dev.drover.controlplane.model.Discovery;
import dev.drover.controlplane.policy.CompiledPolicy;
import dev.drover.controlplane.policy.LinkGroups;
import dev.drover.controlplane.policy.NetworkPolicy.Between;
import dev.drover.controlplane.policy.NetworkPolicy.Rule;
import dev.drover.controlplane.policy.NetworkPolicy.Selected;
import dev.drover.controlplane.policy.PolicyException;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.GroupPolicy;
import dev.drover.node.mapping.Policies;
import dev.drover.overlay.NetworkPolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Section {@code overlay.policy} of the node file: rules as those of an environment, and who the containers are. */
final class PolicySection {
    private static final Pattern SERVICE = Pattern.compile("[^/\\s]+/[^/\\s]+");
    private static final Pattern RULE = Pattern.compile("policy\\[(\\d+)](.*)");

    private PolicySection() {}

    static NetworkPolicy read(YamlNode node) {
        Map<String, YamlNode> keys =
                node.map(List.of("default", "subnets", "rules", "links", "hosts", "members"), List.of("ports"));
        YamlNode byDefault = node.required(keys, "default");
        List<Cidr> subnets = subnets(node.required(keys, "subnets"));
        YamlNode rules = YamlValues.present(keys.get("rules"));
        CompiledPolicy policy = compile(byDefault, rules);
        LinkGroups links = links(YamlValues.present(keys.get("links")));
        Map<Integer, NetworkPolicy.Member> members = new HashMap<>();
        YamlNode list = YamlValues.present(keys.get("members"));
        for (YamlNode item : list == null ? List.<YamlNode>of() : list.list()) {
            Map<String, YamlNode> member =
                    item.map(List.of("address", "name", "stack", "service", "labels"), List.of());
            YamlNode address = item.required(member, "address");
            String name = member.containsKey("name") ? text(member.get("name")) : address.text();
            put(
                    members,
                    address,
                    subnets,
                    new NetworkPolicy.Member(name, false, policy.groups(container(item, member, links, name))));
        }
        YamlNode hosts = YamlValues.present(keys.get("hosts"));
        for (YamlNode item : hosts == null ? List.<YamlNode>of() : hosts.list()) {
            put(members, item, subnets, NetworkPolicy.Member.host("host"));
        }
        Set<NetworkPolicy.Link> linked = links.pairs().stream()
                .map(pair -> new NetworkPolicy.Link(pair.from(), pair.to()))
                .collect(Collectors.toSet());
        return Policies.of(policy.item(), subnets, members, linked);
    }

    private static LinkGroups links(@Nullable YamlNode list) {
        LinkGroups links = new LinkGroups();
        for (YamlNode item : list == null ? List.<YamlNode>of() : list.list()) {
            Map<String, YamlNode> keys = item.map(List.of("from", "to"), List.of());
            String from = service(item.required(keys, "from"), "STACK/SERVICE");
            YamlNode to = item.required(keys, "to");
            if (to.text().startsWith(Discovery.CONTAINER)) {
                links.linkContainer(from, to.text().substring(Discovery.CONTAINER.length()));
            } else {
                links.link(from, service(to, "STACK/SERVICE or container:NAME"));
            }
        }
        return links;
    }

    private static String service(YamlNode node, String expected) {
        if (!SERVICE.matcher(node.text()).matches()) {
            throw node.error(node.text() + " (expected: " + expected + ")");
        }
        return node.text();
    }

    private static List<Cidr> subnets(YamlNode node) {
        List<Cidr> subnets = node.list().stream().map(YamlValues::cidr).toList();
        if (subnets.isEmpty() || subnets.size() > GroupPolicy.MAX_SUBNETS) {
            throw node.error(subnets.size() + " networks (expected: 1 to " + GroupPolicy.MAX_SUBNETS + ")");
        }
        return subnets;
    }

    private static void put(
            Map<Integer, NetworkPolicy.Member> members,
            YamlNode address,
            List<Cidr> subnets,
            NetworkPolicy.Member member) {
        int number = address(address);
        if (subnets.stream().noneMatch(subnet -> subnet.contains(number))) {
            throw address.error(address.text() + " (expected: an address within subnets)");
        }
        if (members.put(number, member) != null) {
            throw address.error(address.text() + " is given twice (expected: each address once)");
        }
    }

    private static int address(YamlNode node) {
        try {
            return Cidr.parseAddress(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }

    private static CompiledPolicy.Container container(
            YamlNode item, Map<String, YamlNode> keys, LinkGroups links, String name) {
        Map<String, String> labels = new HashMap<>();
        YamlNode given = YamlValues.present(keys.get("labels"));
        if (given != null) {
            given.map().forEach((key, value) -> labels.put(key, value.text()));
        }
        String stack = text(keys.get("stack"));
        if (stack.isEmpty() && keys.containsKey("service")) {
            throw item.error("service without stack (expected: both)");
        }
        String service = text(keys.get("service"));
        String group = links.group(service.isEmpty() ? "" : stack + "/" + service, name);
        return new CompiledPolicy.Container(labels, stack, service, group);
    }

    private static String text(@Nullable YamlNode node) {
        return node == null ? "" : node.text();
    }

    private static CompiledPolicy compile(YamlNode byDefault, @Nullable YamlNode list) {
        List<YamlNode> items = list == null ? List.of() : list.list();
        List<Rule> rules = new ArrayList<>();
        for (YamlNode item : items) {
            rules.add(rule(item));
        }
        try {
            return CompiledPolicy.of(new dev.drover.controlplane.policy.NetworkPolicy(byDefault.text(), rules));
        } catch (PolicyException e) {
            Matcher matcher = RULE.matcher(e.field());
            YamlNode where = matcher.matches()
                    ? items.get(Integer.parseInt(matcher.group(1)))
                    : e.field().startsWith("policy") && list != null ? list : byDefault;
            String below = matcher.matches() ? matcher.group(2).replaceFirst("^\\.", "") : "";
            String what = String.valueOf(e.getMessage()).substring(e.field().length() + 2);
            ConfigException error = where.error(below.isEmpty() ? what : below + ": " + what);
            error.initCause(e);
            throw error;
        }
    }

    private static Rule rule(YamlNode item) {
        Map<String, YamlNode> keys = item.map(List.of("within", "between", "from", "to", "action"), List.of("ports"));
        YamlNode within = keys.get("within");
        YamlNode action = keys.get("action");
        YamlNode betweenNode = keys.get("between");
        Between between = null;
        if (betweenNode != null) {
            Map<String, YamlNode> parts = betweenNode.map(List.of("groupBy", "selector"), List.of());
            between = new Between(optional(parts.get("groupBy")), optional(parts.get("selector")));
        }
        return new Rule(
                optional(within), between, selected(keys.get("from")), selected(keys.get("to")), optional(action));
    }

    private static @Nullable Selected selected(@Nullable YamlNode node) {
        return node == null
                ? null
                : new Selected(optional(node.map(List.of("selector"), List.of()).get("selector")));
    }

    private static @Nullable String optional(@Nullable YamlNode node) {
        return node == null ? null : node.text();
    }
}
