package dev.drover.node.names;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.node.metadata.MetadataServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What Rancher's own validation suite asked of the metadata service ({@code test_rancher_compose_metadata}, 16 cases), by
 * the names they had there. Each case is played from compose files to answers over HTTP, as a container of the first host
 * and, by name, as a container of no service. {@code metadata_hostnet} needs a service on the host's network, which is not
 * available in this version and refused by name; a client there is refused with the reason.
 */
@Timeout(60)
final class UpstreamMetadataTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String COMPOSE = """
            version: '2'
            services:
              test: {image: busybox, ports: ["6000:22/tcp"], environment: {TOKEN: hunter2}, labels: {color: blue}}
            """;
    private static final String RANCHER = """
            version: '2'
            services:
              test:
                scale: 2
                metadata:
                  test1: {name: t1name, value: t1value}
                  test2: {name: [1, 2, 3, 4]}
            """;

    record Case(String name, Consumer<Asking> play) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** A world, and the metadata service of its first host. */
    private static final class Asking implements AutoCloseable {
        private final NamesWorld world = new NamesWorld();
        private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
        private final MetadataServer server =
                new MetadataServer(lanes.sockets(), new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
        private final int port = server.listen().getPort();

        Asking() {
            world.docker("client", 1);
        }

        HttpResponse<String> get(String from, String path) {
            server.publish(world.metadata());
            String source = from.equals(NamesWorld.HOST) ? from : world.address(from);
            try (HttpClient client = HttpClient.newBuilder()
                    .localAddress(InetAddress.ofLiteral(source))
                    .build()) {
                return client.send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                                .header("Accept", "application/json")
                                .timeout(Duration.ofSeconds(10))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(e);
            }
        }

        JsonNode json(String from, String path) {
            HttpResponse<String> response = get(from, path);
            assertThat(response.statusCode()).as(path + ": " + response.body()).isEqualTo(200);
            try {
                return MAPPER.readTree(response.body());
            } catch (IOException e) {
                throw new UncheckedIOException(response.body(), e);
            }
        }

        @Override
        public void close() {
            server.close();
            lanes.close();
            world.close();
        }
    }

    private static Case named(String name, Consumer<Asking> play) {
        return new Case(name, play);
    }

    private static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(item -> texts.add(item.asText()));
        return texts;
    }

    private static List<String> names(JsonNode array) {
        List<String> names = new ArrayList<>();
        array.forEach(item -> names.add(item.path("name").asText()));
        return names;
    }

    private static JsonNode metadata(String json) {
        try {
            return MAPPER.readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void service(Asking asking, String version, JsonNode service) {
        assertThat(service.path("name").asText()).isEqualTo("test");
        assertThat(texts(service.path("ports"))).containsExactly("6000:22/tcp");
        assertThat(service.path("stack_name").asText()).isEqualTo("app");
        assertThat(service.path("kind").asText()).isEqualTo("service");
        assertThat(service.path("labels")).isEqualTo(metadata("{\"color\":\"blue\"}"));
        assertThat(service.path("metadata"))
                .isEqualTo(metadata(
                        "{\"test1\":{\"name\":\"t1name\",\"value\":\"t1value\"},\"test2\":{\"name\":[1,2,3,4]}}"));
        assertThat(service.path("uuid").asText()).isEqualTo("svc-app-test");
        JsonNode containers = service.path("containers");
        if (version.equals("2015-07-25")) {
            assertThat(texts(containers)).containsExactly("app-test-1", "app-test-2");
        } else {
            assertThat(names(containers)).containsExactly("app-test-1", "app-test-2");
            containers.forEach(container -> assertThat(asking.json(
                            "client",
                            "/" + version + "/containers/"
                                    + container.path("name").asText()))
                    .isEqualTo(container));
        }
    }

    private static void stack(String version, JsonNode stack, JsonNode service) {
        assertThat(stack.path("environment_name").asText()).isEqualTo("test");
        assertThat(stack.path("name").asText()).isEqualTo("app");
        assertThat(stack.path("uuid").asText()).isEqualTo("stk-app");
        if (version.equals("2015-07-25")) {
            assertThat(texts(stack.path("services"))).containsExactly("test");
        } else {
            assertThat(stack.path("services").path(0)).isEqualTo(service);
        }
    }

    private static void container(Asking asking, JsonNode container, String ports) {
        assertThat(container.path("create_index").asInt()).isEqualTo(1);
        assertThat(container.path("host_uuid").asText()).isEqualTo("h1");
        assertThat(texts(container.path("ips"))).containsExactly(asking.world.address("app-test-1"));
        assertThat(container
                        .path("labels")
                        .path("io.rancher.stack_service.name")
                        .asText())
                .isEqualTo("app/test");
        assertThat(container.path("name").asText()).isEqualTo("app-test-1");
        assertThat(texts(container.path("ports"))).containsExactly(ports);
        assertThat(container.path("primary_ip").asText()).isEqualTo(asking.world.address("app-test-1"));
        assertThat(container.path("service_name").asText()).isEqualTo("test");
        assertThat(container.path("stack_name").asText()).isEqualTo("app");
        assertThat(container.path("uuid").asText()).isEqualTo("id-app-test-1");
    }

    private static void self(Asking asking, String version, String ports) {
        asking.world.up("app", COMPOSE, RANCHER);
        JsonNode service = asking.json("app-test-1", "/" + version + "/self/service");
        service(asking, version, service);
        JsonNode host = asking.json("app-test-1", "/" + version + "/self/host");
        assertThat(host.path("agent_ip").asText()).isEqualTo("192.0.2.1");
        assertThat(host.path("name").asText()).isEqualTo("host1");
        assertThat(host.path("uuid").asText()).isEqualTo("h1");
        stack(version, asking.json("app-test-1", "/" + version + "/self/stack"), service);
        container(asking, asking.json("app-test-1", "/" + version + "/self/container"), ports);
        assertThat(asking.get("app-test-1", "/" + version).body())
                .as("what containers are started with is where secrets are")
                .contains("app-test-2")
                .doesNotContain("hunter2");
    }

    private static void byName(Asking asking, String version, String ports) {
        asking.world.up("app", COMPOSE, RANCHER);
        JsonNode service = asking.json("client", "/" + version + "/services/test");
        service(asking, version, service);
        stack(version, asking.json("client", "/" + version + "/stacks/app"), service);
        container(asking, asking.json("client", "/" + version + "/containers/app-test-1"), ports);
        assertThat(asking.json("client", "/" + version + "/stacks/app/services/0"))
                .isNotNull();
        assertThat(asking.json("client", "/" + version + "/self/service").isNull())
                .as("made with the Docker CLI")
                .isTrue();
    }

    private static void scaled(Asking asking, int from, int to) {
        asking.world.up("app", "version: '2'\nservices: {test4: {image: busybox, scale: " + from + "}}\n");
        assertThat(asking.json("client", "/latest/services/test4/containers")).hasSize(from);
        asking.world.scale("app/test4", to);
        JsonNode containers = asking.json("client", "/latest/services/test4/containers");
        assertThat(containers).hasSize(to);
        containers.forEach(container -> assertThat(asking.json(
                        "client", "/latest/containers/" + container.path("name").asText()))
                .isEqualTo(container));
    }

    private static void balancer(Asking asking, String... targets) {
        StringBuilder rules = new StringBuilder();
        StringBuilder services = new StringBuilder();
        for (String target : targets) {
            rules.append("{source_port: 80, protocol: http, hostname: ")
                    .append(target)
                    .append(".example.com, target_port: 80, service: ")
                    .append(target)
                    .append("},");
            services.append("  ").append(target).append(": {image: busybox}\n");
        }
        asking.world.up(
                "app",
                "version: '2'\nservices:\n  lb-1: {image: rancher/lb-service-haproxy, ports: [\"80\"]}\n" + services,
                "version: '2'\nservices:\n  lb-1: {lb_config: {port_rules: [" + rules + "]}}\n");
        JsonNode service = asking.json("client", "/latest/services/lb-1");
        assertThat(service.path("kind").asText()).isEqualTo("loadBalancerService");
        for (String target : targets) {
            assertThat(service.path("links").path("app/" + target).asText()).isEqualTo(target);
        }
        assertThat(service.path("links")).hasSize(targets.length);
        assertThat(service.path("lb_config").path("port_rules")).hasSize(targets.length);
    }

    static Stream<Case> metadata() {
        return Stream.of(
                named("metadata_self_2016_07_29", asking -> self(asking, "2016-07-29", "0.0.0.0:6000:22/tcp")),
                named("metadata_byname_2016_07_29", asking -> byName(asking, "2016-07-29", "0.0.0.0:6000:22/tcp")),
                named("metadata_self_2015_12_19", asking -> self(asking, "2015-12-19", "192.0.2.1:6000:22/tcp")),
                named("metadata_byname_2015_12_19", asking -> byName(asking, "2015-12-19", "192.0.2.1:6000:22/tcp")),
                named("metadata_self_2015_07_25", asking -> self(asking, "2015-07-25", "192.0.2.1:6000:22/tcp")),
                named("metadata_byname_2015_07_25", asking -> byName(asking, "2015-07-25", "192.0.2.1:6000:22/tcp")),
                named("metadata_update", asking -> {
                    asking.world.up("app", COMPOSE, RANCHER);
                    asking.json("client", "/latest/services/test/metadata");
                    asking.world.up("app", COMPOSE, """
                            version: '2'
                            services:
                              test: {scale: 2, metadata: {test1: {name: t2name}, test2: {name: [1, 2, 5]}, test3: {name: t3name}}}
                            """);
                    assertThat(asking.json("client", "/latest/services/test/metadata"))
                            .isEqualTo(
                                    metadata(
                                            "{\"test1\":{\"name\":\"t2name\"},\"test2\":{\"name\":[1,2,5]},\"test3\":{\"name\":\"t3name\"}}"));
                }),
                named("metadata_scaleup", asking -> scaled(asking, 2, 3)),
                named("metadata_scaledown", asking -> scaled(asking, 2, 1)),
                named("metadata_sidekick", asking -> {
                    asking.world.up("app", """
                            version: '2'
                            services:
                              testsk: {image: busybox, labels: {io.rancher.sidekicks: "sk1,sk2"}}
                              sk1: {image: busybox}
                              sk2: {image: busybox}
                            """);
                    assertThat(texts(asking.json("client", "/latest/services/testsk/sidekicks")))
                            .containsExactly("sk1", "sk2");
                    assertThat(asking.json("client", "/latest/services/sk1/primary_service_name")
                                    .asText())
                            .isEqualTo("testsk");
                }),
                named("metadata_links", asking -> {
                    asking.world.up("testlink", "version: '2'\nservices: {testl1: {image: busybox}}\n");
                    asking.world.up("app", """
                            version: '2'
                            services:
                              testl2: {image: busybox}
                              testl3: {image: busybox, links: ["testl2:linktest"], external_links: ["testlink/testl1:linkexttest"]}
                            """);
                    assertThat(asking.json("client", "/latest/services/testl3/links"))
                            .isEqualTo(metadata("{\"testlink/testl1\":\"linkexttest\",\"app/testl2\":\"linktest\"}"));
                }),
                named("metadata_hostnet", asking -> {
                    assertThatThrownBy(() -> asking.world.up(
                                    "app", "version: '2'\nservices: {test: {image: busybox, network_mode: host}}\n"))
                            .hasMessageContaining("network_mode: not available in this version");
                    HttpResponse<String> refused = asking.get(NamesWorld.HOST, "/latest/self/host");
                    assertThat(refused.statusCode()).isEqualTo(403);
                    assertThat(refused.body()).contains("127.0.0.1 is no container of this environment on this host");
                }),
                named("metadata_externalservice_ip", asking -> {
                    asking.world.up(
                            "app",
                            "version: '2'\nservices: {ext: {image: rancher/external-service}}\n",
                            "version: '2'\nservices: {ext: {external_ips: [1.1.1.1, 2.2.2.2]}}\n");
                    JsonNode service = asking.json("client", "/latest/services/ext");
                    assertThat(texts(service.path("external_ips"))).containsExactly("1.1.1.1", "2.2.2.2");
                    assertThat(service.path("kind").asText()).isEqualTo("externalService");
                }),
                named("metadata_externalservice_cname", asking -> {
                    asking.world.up(
                            "app",
                            "version: '2'\nservices: {ext: {image: rancher/external-service}}\n",
                            "version: '2'\nservices: {ext: {hostname: www.example.com}}\n");
                    JsonNode service = asking.json("client", "/latest/services/ext");
                    assertThat(service.path("hostname").asText()).isEqualTo("www.example.com");
                    assertThat(service.path("kind").asText()).isEqualTo("externalService");
                }),
                named("metadata_lb", asking -> balancer(asking, "web1", "web2")),
                named("metadata_lb_updatetarget", asking -> {
                    balancer(asking, "web1", "web2");
                    balancer(asking, "web1", "web2", "web3");
                }));
    }

    @ParameterizedTest
    @MethodSource("metadata")
    void metadata(Case upstream) {
        try (Asking asking = new Asking()) {
            upstream.play().accept(asking);
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void theNameOfTheServiceItselfResolves(String name) {
        try (NamesWorld world = new NamesWorld()) {
            world.docker("client", 1);
            assertThat(world.resolve("client", name)).containsExactly("169.254.169.250");
            world.docker("rancher-metadata", 2);
            assertThat(world.resolve("client", name))
                    .as("no container takes the name")
                    .containsExactly("169.254.169.250");
        }
    }

    static Stream<String> names() {
        return Stream.of("rancher-metadata", "rancher-metadata.rancher.internal");
    }
}
