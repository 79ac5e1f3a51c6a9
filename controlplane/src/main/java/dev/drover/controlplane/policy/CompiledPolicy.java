package dev.drover.controlplane.policy;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.DesiredItem.PolicyRule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A network policy taken apart: the kinds of groups that its rules speak of, and the rules in terms of these. Nodes get the
 * rules once and for each container the names of its groups; they know nothing of labels and selectors.
 */
public final class CompiledPolicy {
    private static final int MAX_RULES = 64;
    private static final int MAX_KINDS = 15;
    private static final int MAX_LABEL = 256;
    private static final String IN = "1";
    private static final String LINKED = "linked";

    /** Group of a container in one kind; empty for none. */
    private interface Grouping extends Function<Container, String> {}

    /**
     * What a policy looks at.
     *
     * @param stack empty for none
     * @param service name within the stack of its service, or of the one whose sidekick that is; empty for none
     * @param linkGroup as {@link LinkGroups} tells it, empty for none
     */
    public record Container(Map<String, String> labels, String stack, String service, String linkGroup) {}

    private final boolean allowByDefault;
    private final Map<String, Grouping> kinds = new LinkedHashMap<>();
    private final List<PolicyRule> rules = new ArrayList<>();

    private CompiledPolicy(boolean allowByDefault) {
        this.allowByDefault = allowByDefault;
    }

    /** @throws PolicyException naming the field that is wrong */
    public static CompiledPolicy of(NetworkPolicy policy) {
        CompiledPolicy compiled = new CompiledPolicy(action("defaultPolicyAction", policy.defaultPolicyAction()));
        List<NetworkPolicy.Rule> rules = policy.rules();
        if (rules.size() > MAX_RULES) {
            throw new PolicyException("policy", rules.size() + " rules (expected: at most " + MAX_RULES + ")");
        }
        for (int i = 0; i < rules.size(); i++) {
            compiled.add("policy[" + i + "]", rules.get(i));
        }
        if (compiled.kinds.size() > MAX_KINDS) {
            throw new PolicyException(
                    "policy",
                    compiled.kinds.size() + " different labels, selectors and kinds of within (expected: at most "
                            + MAX_KINDS + ")");
        }
        return compiled;
    }

    /** Whether everything is allowed. */
    public boolean isOpen() {
        return allowByDefault && rules.stream().allMatch(PolicyRule::allow);
    }

    /** Whether a rule asks who is linked to whom. */
    public boolean knowsLinks() {
        return rules.stream().anyMatch(rule -> Boolean.TRUE.equals(rule.linked()));
    }

    public DesiredItem.Policy item() {
        return new DesiredItem.Policy(allowByDefault, List.copyOf(kinds.keySet()), List.copyOf(rules));
    }

    /** Names of a container's groups, one of each kind, empty for none. */
    public List<String> groups(Container container) {
        return kinds.values().stream()
                .map(grouping -> grouping.apply(container))
                .toList();
    }

    private void add(String field, NetworkPolicy.@Nullable Rule rule) {
        if (rule == null) {
            throw new PolicyException(field, "null (expected: a rule)");
        }
        int ways = (rule.within() == null ? 0 : 1)
                + (rule.between() == null ? 0 : 1)
                + (rule.from() == null && rule.to() == null ? 0 : 1);
        if (ways != 1) {
            throw new PolicyException(
                    field,
                    (ways == 0 ? "about nobody" : "several things at once")
                            + " (expected: one of within, between, or from and to)");
        }
        boolean allow = action(field + ".action", rule.action());
        String verdict = allow ? ": allow" : ": deny";
        if (rule.within() != null) {
            int kind = kind(rule.within(), within(field + ".within", rule.within()));
            boolean linked = rule.within().equals(LINKED);
            rules.add(new PolicyRule(
                    kind, kind, !linked, allow, "within " + rule.within() + verdict, linked ? true : null));
        } else if (rule.between() != null) {
            between(field + ".between", rule.between(), allow, verdict);
        } else {
            int from = selector(field + ".from", rule.from());
            int to = selector(field + ".to", rule.to());
            rules.add(new PolicyRule(from, to, false, allow, "from " + name(from) + " to " + name(to) + verdict));
        }
    }

    private void between(String field, NetworkPolicy.Between between, boolean allow, String verdict) {
        String label = between.groupBy();
        if ((label == null) == (between.selector() == null)) {
            throw new PolicyException(field, "groupBy and selector (expected: one of both)");
        }
        if (label == null) {
            int kind = selector(field, new NetworkPolicy.Selected(between.selector()));
            rules.add(new PolicyRule(kind, kind, false, allow, "between " + name(kind) + verdict));
            return;
        }
        if (label.isBlank() || label.length() > MAX_LABEL) {
            throw new PolicyException(
                    field + ".groupBy", "\"" + label + "\" (expected: a label of 1 to " + MAX_LABEL + " characters)");
        }
        int kind = kind("label " + label, container -> container.labels.getOrDefault(label, ""));
        rules.add(new PolicyRule(kind, kind, true, allow, "between same " + label + verdict));
    }

    private static Grouping within(String field, String what) {
        return switch (what) {
            case "stack" -> container -> container.stack;
            case "service" -> container -> container.service.isEmpty() ? "" : container.stack + "/" + container.service;
            case LINKED -> Container::linkGroup;
            default -> throw new PolicyException(field, what + " (expected: stack, service or linked)");
        };
    }

    private int selector(String field, NetworkPolicy.@Nullable Selected selected) {
        if (selected == null || selected.selector() == null) {
            throw new PolicyException(field, "no selector (expected: one, as role = web)");
        }
        String text = selected.selector().strip();
        try {
            Selector selector = Selector.parse(text);
            return kind(text, container -> selector.selects(container.labels) ? IN : "");
        } catch (IllegalArgumentException e) {
            throw new PolicyException(field + ".selector", String.valueOf(e.getMessage()));
        }
    }

    /** Number of a kind; rules that speak of the same share it. */
    private int kind(String name, Grouping grouping) {
        kinds.putIfAbsent(name, grouping);
        return List.copyOf(kinds.keySet()).indexOf(name);
    }

    private String name(int kind) {
        return List.copyOf(kinds.keySet()).get(kind);
    }

    private static boolean action(String field, @Nullable String text) {
        boolean allow = "allow".equals(text);
        if (allow || "deny".equals(text)) {
            return allow;
        }
        throw new PolicyException(field, text + " (expected: allow or deny)");
    }
}
