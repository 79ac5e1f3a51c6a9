package dev.drover.node.mapping;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.GroupPolicy;
import dev.drover.overlay.NetworkPolicy;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class PoliciesTest {
    private static final HostIdentity IDENTITY = new HostIdentity(
            "h1", "host1", "e1", "test", "10.42.1.0/24", "10.42.0.0/16", 1042, 4789, "rancher.internal");
    private static final DesiredItem.Peer PEER = new DesiredItem.Peer("h2", "192.0.2.12", "10.42.2.0/24");
    private static final DesiredItem.Member WEB = new DesiredItem.Member("10.42.1.2", "web1", List.of("shop", ""));

    private static DesiredItem.Policy rules(DesiredItem.PolicyRule... rules) {
        return new DesiredItem.Policy(false, List.of("stack", "role = web"), List.of(rules));
    }

    @Test
    void rulesMembersAndHostsAreMapped() {
        Policies mapped = Policies.of(
                IDENTITY,
                Map.of(
                        "policy",
                        rules(
                                new DesiredItem.PolicyRule(0, 0, true, true, "within stack: allow"),
                                new DesiredItem.PolicyRule(1, 0, false, false, "from web")),
                        "peer/h2",
                        PEER,
                        "member/10.42.1.2",
                        WEB));
        assertThat(mapped.problems()).isEmpty();
        NetworkPolicy policy = mapped.policy();
        assertThat(policy).isNotNull();
        assertThat(policy.subnets()).containsExactly(Cidr.parse("10.42.0.0/16"));
        assertThat(policy.rules())
                .extracting(NetworkPolicy.Rule::match)
                .containsExactly(new GroupPolicy.Same(0, true), new GroupPolicy.Between(1, 0, false));
        assertThat(policy.members())
                .containsOnly(
                        Map.entry(address("10.42.1.1"), NetworkPolicy.Member.host("this host")),
                        Map.entry(address("10.42.2.1"), NetworkPolicy.Member.host("host of 10.42.2.0/24")),
                        Map.entry(address("10.42.1.2"), new NetworkPolicy.Member("web1", false, List.of("shop", ""))));
    }

    @Test
    void linkedGroupsAreMapped() {
        DesiredItem.PolicyRule rule = new DesiredItem.PolicyRule(1, 1, false, true, "within linked: allow", true);
        NetworkPolicy policy = Policies.of(
                        IDENTITY,
                        Map.of(
                                "policy",
                                rules(rule),
                                "member/10.42.1.2",
                                WEB,
                                "linked/a>b",
                                new DesiredItem.Linked("a", "b")))
                .policy();
        assertThat(policy).isNotNull();
        assertThat(policy.rules())
                .extracting(NetworkPolicy.Rule::match)
                .containsExactly(new GroupPolicy.Linked(1, true));
        assertThat(policy.links()).containsExactly(new NetworkPolicy.Link("a", "b"));
    }

    private static int address(String text) {
        return Cidr.parseAddress(text);
    }

    @Test
    void withoutAPolicyThereIsNoneAndWrongEntriesAreLeftOut() {
        assertThat(Policies.of(IDENTITY, Map.of("peer/h2", PEER)).policy()).isNull();
        Policies mapped = Policies.of(
                IDENTITY,
                Map.of("policy", rules(), "member/x", new DesiredItem.Member("x", "web1", List.of()), "peer/h2", PEER));
        assertThat(mapped.problems()).containsOnlyKeys("member/x");
        assertThat(mapped.policy()).isNotNull();
        assertThat(Policies.of(IDENTITY, Map.of("policy", rules(new DesiredItem.PolicyRule(99, 0, true, true, ""))))
                        .problems())
                .containsEntry("policy", "kind: 99 (expected: 0 to 14)");
    }
}
