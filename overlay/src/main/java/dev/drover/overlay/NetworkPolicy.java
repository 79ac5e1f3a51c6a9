package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.GroupPolicy;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which containers of an overlay may begin to speak with which others. A container is in at most one group of each kind,
 * such as its stack; the first rule that fits a packet decides, else the default.
 *
 * @param allowByDefault what becomes of packets that no rule fits; and of those from or to an address that is no member
 * @param subnets the overlay's addresses; what comes from elsewhere or goes there is none of the policy's business
 * @param kinds of groups in words, at most {@link GroupPolicy#KINDS}
 * @param members by address in host order
 * @param links groups that are linked, for rules about these; at most {@link GroupPolicy#MAX_PAIRS}
 */
public record NetworkPolicy(
        boolean allowByDefault,
        List<Cidr> subnets,
        List<String> kinds,
        List<Rule> rules,
        Map<Integer, Member> members,
        Set<Link> links) {
    /** @throws IllegalArgumentException {@code key: value (expected: …)} */
    public NetworkPolicy {
        subnets = List.copyOf(subnets);
        kinds = List.copyOf(kinds);
        rules = List.copyOf(rules);
        members = Map.copyOf(members);
        links = Set.copyOf(links);
        if (links.size() > GroupPolicy.MAX_PAIRS) {
            throw new IllegalArgumentException(
                    "links: " + links.size() + " (expected: at most " + GroupPolicy.MAX_PAIRS + ")");
        }
        if (kinds.size() > GroupPolicy.KINDS) {
            throw new IllegalArgumentException(
                    "rules: " + kinds.size() + " kinds of groups (expected: at most " + GroupPolicy.KINDS + ")");
        }
        groupPolicy(allowByDefault, subnets, rules);
    }

    /** Without links. */
    public NetworkPolicy(
            boolean allowByDefault,
            List<Cidr> subnets,
            List<String> kinds,
            List<Rule> rules,
            Map<Integer, Member> members) {
        this(allowByDefault, subnets, kinds, rules, members, Set.of());
    }

    /** What is in the one group may begin to speak with what is in the other; not the other way round. */
    public record Link(String from, String to) {}

    /**
     * @param match by number of kind
     * @param text the rule as the operator wrote it
     */
    public record Rule(GroupPolicy.Rule match, String text) {}

    /**
     * An address that the policy knows.
     *
     * @param exempt a host, for which the policy does not hold
     * @param groups name of its group of each kind, in the order of the kinds; empty for none
     */
    public record Member(String name, boolean exempt, List<String> groups) {
        public Member {
            groups = List.copyOf(groups);
        }

        /** A host: its load balancer and resolver serve every container. */
        public static Member host(String name) {
            return new Member(name, true, List.of());
        }
    }

    /**
     * What the policy says about one packet.
     *
     * @param answers whether it passes all the same when it answers one that the receiver has sent
     * @param reason a sentence without a full stop
     */
    public record Finding(boolean allowed, boolean answers, String reason) {}

    GroupPolicy groupPolicy() {
        return groupPolicy(allowByDefault, subnets, rules);
    }

    private static GroupPolicy groupPolicy(boolean allowByDefault, List<Cidr> subnets, List<Rule> rules) {
        return new GroupPolicy(
                subnets, allowByDefault, rules.stream().map(Rule::match).toList());
    }

    /** For people: what the kernel does with a packet between these addresses, host order. */
    public Finding explain(int from, int to) {
        if (!covers(from) || !covers(to)) {
            return new Finding(true, false, "not asked, it is about " + joined(subnets) + " alone");
        }
        Finding there = judge(from, to);
        boolean answers = !there.allowed && judge(to, from).allowed;
        return new Finding(
                there.allowed,
                answers,
                there.reason
                        + (answers
                                ? "; what answers " + Cidr.format(to) + " passes, it may begin the conversation"
                                : ""));
    }

    private Finding judge(int from, int to) {
        Member sender = members.get(from);
        Member receiver = members.get(to);
        String who = told(from, sender) + " to " + told(to, receiver);
        if (sender != null && sender.exempt || receiver != null && receiver.exempt) {
            return new Finding(true, false, who + ": allowed, hosts are exempt");
        }
        if (sender == null || receiver == null) {
            return byDefault(who + ": an unknown address");
        }
        for (int i = 0; i < rules.size(); i++) {
            Rule rule = rules.get(i);
            if (fits(rule.match, sender.groups, receiver.groups)) {
                boolean allowed = rule.match.allow();
                return new Finding(
                        allowed,
                        false,
                        who + (allowed ? ": allowed" : ": denied") + " by rule " + (i + 1) + ", " + rule.text
                                + because(rule.match, sender.groups, receiver.groups));
            }
        }
        return byDefault(who + ": no rule fits");
    }

    private Finding byDefault(String what) {
        return new Finding(allowByDefault, false, what + (allowByDefault ? ", allowed" : ", denied") + " by default");
    }

    private static String because(GroupPolicy.Rule rule, List<String> from, List<String> to) {
        return rule instanceof GroupPolicy.Linked linked
                ? ", since " + group(from, linked.kind()) + " is linked to " + group(to, linked.kind())
                : "";
    }

    private boolean fits(GroupPolicy.Rule rule, List<String> from, List<String> to) {
        return switch (rule) {
            case GroupPolicy.Same same ->
                !group(from, same.kind()).isEmpty() && group(from, same.kind()).equals(group(to, same.kind()));
            case GroupPolicy.Between between ->
                !group(from, between.from()).isEmpty()
                        && !group(to, between.to()).isEmpty();
            case GroupPolicy.Linked linked ->
                links.contains(new Link(group(from, linked.kind()), group(to, linked.kind())));
        };
    }

    private static String group(List<String> groups, int kind) {
        return kind < groups.size() ? groups.get(kind) : "";
    }

    private boolean covers(int address) {
        return subnets.stream().anyMatch(subnet -> subnet.contains(address));
    }

    private static String told(int address, @Nullable Member member) {
        return member == null ? Cidr.format(address) : member.name + " (" + Cidr.format(address) + ")";
    }

    private static String joined(List<Cidr> subnets) {
        return String.join(", ", subnets.stream().map(Cidr::toString).toList());
    }
}
