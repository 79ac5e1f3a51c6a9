package dev.drover.controlplane.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.controlplane.Samples;
import dev.drover.controlplane.compose.Compose;
import dev.drover.controlplane.compose.ServiceDraft;
import dev.drover.controlplane.link.DesiredItem.Listener;
import dev.drover.controlplane.link.DesiredItem.Target;
import dev.drover.controlplane.link.DesiredItem.Workload;
import dev.drover.controlplane.links.FakeNode;
import dev.drover.controlplane.links.LinkFixture;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.model.Service.PortRule;
import dev.drover.controlplane.model.Stack;
import dev.drover.controlplane.repository.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ControllerTest {
    private LinkFixture fixture;
    private final List<FakeNode> nodes = new ArrayList<>();

    @BeforeEach
    void start() {
        fixture = new LinkFixture();
        for (int n = 1; n <= 3; n++) {
            nodes.add(fixture.join(n).connect(fixture.port()));
        }
        await().until(() -> List.of("h1", "h2", "h3").stream()
                .allMatch(id -> fixture.links.status(id).listed()));
    }

    @AfterEach
    void stop() {
        fixture.close();
    }

    @Test
    void composeFileBecomesSpreadInstancesNamesAndListeners() {
        deploy("""
                services:
                  httpserver:
                    image: python
                    command: python -m http.server 8000
                    scale: 3
                  lb:
                    image: drover/lb
                    lb_config:
                      port_rules:
                      - {source_port: 9898, target_port: 8000, service: httpserver}
                """);
        await().untilAsserted(() -> {
            for (FakeNode node : nodes) {
                assertThat(node.desired(Workload.class)).hasSize(1);
                assertThat(node.name("httpserver.hello")).hasSize(3);
                assertThat(node.desired(Listener.class))
                        .singleElement()
                        .satisfies(listener -> assertThat(listener.targets()).hasSize(3));
            }
        });
        assertThat(nodes.getFirst().name("hello-httpserver-1")).hasSize(1);
        await().untilAsserted(
                        () -> assertThat(fixture.live.state("svc-httpserver")).hasValue("active"));
        await().untilAsserted(() -> assertThat(fixture.live.state("svc-lb")).hasValue("active"));
    }

    @Test
    void upgradeReplacesOneByOneAndNeverServesFewer() {
        put(Samples.service(3), Samples.balancer(new PortRule(9898, "http", "web", 80)));
        await().untilAsserted(() -> assertThat(serving(nodes.getFirst())).hasSize(3));
        List<Integer> counts = new ArrayList<>();
        Service before = service();
        fixture.repository.update(tx -> tx.put(
                Kind.SERVICE,
                Samples.changed(tx.get(Kind.SERVICE, Samples.ENV, before.id()).orElseThrow(), 3, 2, false)));
        await().pollInterval(2, TimeUnit.MILLISECONDS).untilAsserted(() -> {
            counts.add(serving(nodes.getFirst()).size());
            assertThat(instances())
                    .hasSize(3)
                    .allSatisfy(each -> assertThat(each.version()).isEqualTo(2));
        });
        assertThat(counts).allSatisfy(count -> assertThat(count).isBetween(3, 4));
        assertThat(instances().stream().map(Instance::hostId)).containsExactlyInAnyOrder("h1", "h2", "h3");
        await().untilAsserted(() -> assertThat(fixture.live.state(before.id())).hasValue("active"));
    }

    @Test
    void removedStackIsDrainedAndForgotten() {
        put(Samples.service(2));
        fixture.repository.update(tx -> tx.put(Kind.STACK, new Stack("st1", Samples.ENV, "hello", "", "", false)));
        await().untilAsserted(() -> assertThat(serving()).hasSize(2));
        fixture.repository.update(tx -> {
            tx.put(Kind.STACK, new Stack("st1", Samples.ENV, "hello", "", "", true));
            Service service = tx.get(Kind.SERVICE, Samples.ENV, "svc-web").orElseThrow();
            tx.put(Kind.SERVICE, Samples.changed(service, 2, 1, true));
        });
        await().untilAsserted(() -> {
            assertThat(fixture.repository.list(Kind.STACK)).isEmpty();
            assertThat(fixture.repository.list(Kind.SERVICE)).isEmpty();
            assertThat(fixture.repository.list(Kind.CONTAINER)).isEmpty();
        });
    }

    private void deploy(String compose) {
        for (ServiceDraft draft : Compose.parse(compose, "", Map.of())) {
            put(new Service(
                    "svc-" + draft.name(),
                    Samples.ENV,
                    "st1",
                    "hello",
                    draft.name(),
                    draft.kind(),
                    draft.scale() == null ? 1 : draft.scale(),
                    draft.global(),
                    1,
                    draft.spec(),
                    draft.portRules(),
                    draft.labels(),
                    1,
                    draft.drainTimeoutMs(),
                    false));
        }
    }

    private void put(Service... services) {
        fixture.repository.update(tx -> List.of(services).forEach(each -> tx.put(Kind.SERVICE, each)));
    }

    private Service service() {
        return fixture.repository.get(Kind.SERVICE, Samples.ENV, "svc-web").orElseThrow();
    }

    private List<Instance> instances() {
        return fixture.repository.list(Kind.INSTANCE, Samples.ENV);
    }

    private List<String> serving() {
        List<String> addresses = nodes.getFirst().name("web.hello");
        return addresses == null ? List.of() : addresses;
    }

    private static List<Target> serving(FakeNode node) {
        return node.desired(Listener.class).stream()
                .flatMap(listener -> listener.targets().stream())
                .filter(target -> !target.draining())
                .toList();
    }
}
