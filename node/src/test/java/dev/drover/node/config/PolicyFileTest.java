package dev.drover.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import dev.drover.overlay.NetworkPolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PolicyFileTest {
    private static final String WHOLE = """
            overlay:
              vni: 42
              vtep: 192.0.2.1
              policy:
                default: deny
                subnets: [10.42.0.0/16]
                rules:
                  - { within: stack, action: allow }
                  - { between: { groupBy: tier }, action: allow }
                  - from: { selector: role = web }
                    to: { selector: role = db }
                    action: allow
                  - { within: linked, action: allow }
                links:
                  - { from: shop/web, to: bank/app }
                  - { from: shop/web, to: container:cache }
                hosts: [10.42.1.1]
                members:
                  - { address: 10.42.1.2, name: web, stack: shop, service: web, labels: { role: web } }
                  - address: 10.42.2.2
                    labels: { role: db, tier: back }
                  - { address: 10.42.2.3, name: app, stack: bank, service: app }
                  - { address: 10.42.2.4, name: cache }
            """;

    @Test
    void aPolicyIsRead() {
        NetworkPolicy policy = NodeFileParser.parse("node.yaml", WHOLE).policy();
        assertThat(policy).isNotNull();
        assertThat(policy.allowByDefault()).isFalse();
        assertThat(policy.kinds()).containsExactly("stack", "label tier", "role = web", "role = db", "linked");
        assertThat(policy.rules())
                .extracting(NetworkPolicy.Rule::text)
                .containsExactly(
                        "within stack: allow",
                        "between same tier: allow",
                        "from role = web to role = db: allow",
                        "within linked: allow");
        int web = Cidr.parseAddress("10.42.1.2");
        int db = Cidr.parseAddress("10.42.2.2");
        assertThat(policy.explain(web, db).allowed()).isTrue();
        assertThat(policy.explain(db, web).allowed()).isFalse();
        assertThat(policy.explain(Cidr.parseAddress("10.42.1.1"), web).reason()).contains("hosts are exempt");
        int app = Cidr.parseAddress("10.42.2.3");
        assertThat(policy.explain(web, app).reason())
                .isEqualTo(
                        "web (10.42.1.2) to app (10.42.2.3): allowed by rule 4, within linked: allow, since shop/web is"
                                + " linked to bank/app");
        assertThat(policy.explain(app, web).allowed()).isFalse();
        assertThat(policy.explain(app, web).answers()).isTrue();
        assertThat(policy.explain(web, Cidr.parseAddress("10.42.2.4")).allowed())
                .isTrue();
        assertThat(policy.explain(app, Cidr.parseAddress("10.42.2.4")).allowed())
                .isFalse();
        assertThat(policy.members().get(db).name()).isEqualTo("10.42.2.2");
    }

    @Test
    void withoutTheKeyThereIsNone() {
        assertThat(NodeFileParser.parse("n", "overlay: { vni: 42, vtep: 192.0.2.1 }\n")
                        .policy())
                .isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            default: deny        | default: maybe      | node.yaml:5: overlay.policy.default: maybe (expected: allow or deny)
            default: deny        | defualt: deny       | node.yaml:5: overlay.policy.defualt: unknown key (expected: default?)
            [10.42.0.0/16]       | []                  | node.yaml:6: overlay.policy.subnets: 0 networks (expected: 1 to 16)
            within: stack        | within: links       | node.yaml:8: overlay.policy.rules[0]: within: links (expected: stack, service or linked)
            within: stack, action: allow | within: stack | node.yaml:8: overlay.policy.rules[0]: action: null (expected: allow or deny)
            groupBy: tier        | groupby: tier       | node.yaml:9: overlay.policy.rules[1].between.groupby: unknown key (expected: groupBy?)
            role = db }          | role db }           | node.yaml:10: overlay.policy.rules[2]: to.selector: role db (expected: KEY = VALUE, KEY != VALUE, KEY in (A, B), KEY notin (A, B) or KEY, with commas)
            from: shop/web, to: b | from: web, to: b    | node.yaml:15: overlay.policy.links[0].from: web (expected: STACK/SERVICE)
            to: bank/app         | to: app             | node.yaml:15: overlay.policy.links[0].to: app (expected: STACK/SERVICE or container:NAME)
            10.42.1.1]           | 10.43.1.1]          | node.yaml:17: overlay.policy.hosts[0]: 10.43.1.1 (expected: an address within subnets)
            10.42.1.1]           | 10.42.2.2]          | node.yaml:17: overlay.policy.hosts[0]: 10.42.2.2 is given twice (expected: each address once)
            stack: shop, service | service             | node.yaml:19: overlay.policy.members[0]: service without stack (expected: both)
            address: 10.42.2.2   | name: db            | node.yaml:20: overlay.policy.members[1]: address is missing (expected: a value)
            """)
    void whatIsWrongIsNamedWithItsLine(String good, String bad, String message) {
        assertThat(WHOLE).contains(good);
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", WHOLE.replace(good, bad)))
                .isInstanceOf(ConfigException.class)
                .hasMessage(message);
    }
}
