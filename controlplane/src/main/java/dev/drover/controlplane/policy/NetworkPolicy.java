package dev.drover.controlplane.policy;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which containers of an environment may begin to speak with which, in the words of Rancher's network policy manager; part
 * of the environment.
 *
 * @param defaultPolicyAction {@code allow} or {@code deny}, for what no rule fits
 * @param policy rules in their order, the first one that fits decides; null is none
 */
public record NetworkPolicy(
        String defaultPolicyAction, @Nullable List<Rule> policy) {

    /** What holds in an environment that says nothing. */
    public static final NetworkPolicy ALLOW = new NetworkPolicy("allow", List.of());

    /** The rules, none for null. */
    public List<Rule> rules() {
        return policy == null ? List.of() : policy;
    }

    /**
     * One rule: {@code within}, {@code between}, or {@code from} and {@code to}.
     *
     * @param within {@code stack} or {@code service}: containers of the same one, in both directions, sidekicks among those
     *     of their service; or {@code linked}: from the containers of a service to those that it has a link to
     * @param from containers that begin, with {@code to}
     * @param action {@code allow} or {@code deny}
     */
    public record Rule(
            @Nullable String within,
            @Nullable Between between,
            @Nullable Selected from,
            @Nullable Selected to,
            @Nullable String action) {}

    /**
     * Containers among each other, in both directions.
     *
     * @param groupBy label: those with the same value of it
     * @param selector those that it selects
     */
    public record Between(
            @Nullable String groupBy, @Nullable String selector) {}

    /** @param selector on the labels of containers, as {@code role = web, tier != test} */
    public record Selected(@Nullable String selector) {}
}
