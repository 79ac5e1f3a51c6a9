package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.drover.controlplane.security.ServerKey;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A joined node on a real Docker engine, with a real control plane, in one namespace. */
@Tag("root")
@Timeout(240)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class NodeOnDockerTest {
    private static final Duration SOON = Duration.ofSeconds(20);
    private static final int SYNC_SECONDS = 2;
    private static final String NETWORK = "io.rancher.container.network=true";
    private static final Pattern PASSWORD = Pattern.compile("admin password: (\\S+)");

    @TempDir
    static Path temporary;

    private TestHost host;
    private Door door;
    private Process node;
    private int syncSeconds = SYNC_SECONDS;
    private String adminPassword;
    private String session;
    private String token;

    @BeforeAll
    void startEverything() {
        host = new TestHost(temporary);
        host.startEngine();
        door = new Door(temporary.resolve("door.sock"), host.socket());
        host.drover(
                "server", "server", "--state-dir", temporary.resolve("server").toString());
        await().atMost(Duration.ofSeconds(90)).until(() -> host.output("server").contains("next: "));
        Matcher password = PASSWORD.matcher(host.output("server"));
        assertThat(password.find()).isTrue();
        adminPassword = password.group(1);
        session = host.api("POST", "/v1/login", "", "{\"user\":\"admin\",\"password\":\"" + password.group(1) + "\"}")
                .path("token")
                .asText();
        host.api("POST", "/v1/environments", session, "{\"name\":\"test\",\"orchestrator\":\"cattle\"}");
        token = host.api("POST", "/v1/environments/test/join-tokens", session, "{}")
                .path("token")
                .asText();
        node = startNode();
        await().atMost(Duration.ofSeconds(90))
                .until(() -> host.admin("/node").path("connected").asBoolean());
    }

    private Process startNode(String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "node",
                "--server",
                "https://127.0.0.1:8443",
                "--token",
                token,
                "--name",
                "host1",
                "--vtep",
                TestHost.ADDRESS,
                "--state-dir",
                temporary.resolve("node").toString(),
                "--docker",
                "unix://" + temporary.resolve("door.sock"),
                "--sync-interval",
                String.valueOf(syncSeconds)));
        arguments.addAll(List.of(more));
        return host.drover("node", arguments.toArray(String[]::new));
    }

    @AfterAll
    void stopEverything() {
        if (door != null) {
            door.close();
        }
        host.close();
    }

    @AfterEach
    void removeContainers() {
        TestHost.Result ids = host.dockerResult("ps", "-aq");
        ids.out().lines().forEach(id -> host.dockerResult("rm", "-f", id));
    }

    private JsonNode known(String name) {
        for (JsonNode container : host.admin("/containers")) {
            if (container.path("name").asText().equals(name)) {
                return container;
            }
        }
        return MissingNode.getInstance();
    }

    private JsonNode attached(String name) {
        await().atMost(SOON).until(() -> known(name).path("address").isTextual());
        return known(name);
    }

    private JsonNode reported(String name) {
        for (JsonNode container : host.api("GET", "/v1/environments/test/containers", session, "")) {
            if (container.path("name").asText().equals(name)) {
                return container;
            }
        }
        return MissingNode.getInstance();
    }

    @Test
    void aContainerThatIsOnlyCreatedIsKnownAndReportedAtOnce() {
        host.docker("create", "--name", "made", "busybox");
        await().atMost(SOON).until(() -> reported("made").path("state").asText().equals("created"));
        host.docker("rename", "made", "renamed");
        await().atMost(SOON)
                .until(() -> reported("renamed").path("state").asText().equals("created"));
        host.docker("rm", "renamed");
        await().atMost(SOON).until(() -> reported("renamed").isMissingNode());
    }

    @Test
    void aLabelledContainerIsAttachedAndResolves() {
        host.docker("run", "-d", "--name", "web1", "-l", NETWORK, "busybox");
        host.docker("run", "-d", "--name", "web2", "--net", "none", "-l", NETWORK, "busybox");
        String address = attached("web1").path("address").asText();
        attached("web2");
        assertThat(address).startsWith("10.42.");
        assertThat(host.docker("exec", "web2", "/bin/cat", "/etc/resolv.conf")).contains("nameserver 169.254.169.250");
        await().atMost(SOON)
                .until(() -> host.dockerResult("exec", "web2", "/bin/ping", "-c1", "-W1", "web1")
                                .code()
                        == 0);
        await().atMost(SOON)
                .until(() -> reported("web1").path("address").asText().equals(address));
    }

    @Test
    void aNetworkPolicyComesFromTheCommandLineToTheContainersWires() throws Exception {
        drover("login", "https://127.0.0.1:8443", "--password", adminPassword);
        for (String name : List.of("web1", "web2", "db1")) {
            String tier = name.startsWith("web") ? "front" : "back";
            host.docker("run", "-d", "--name", name, "-l", NETWORK, "-l", "tier=" + tier, "busybox");
        }
        attached("web1");
        String web2 = attached("web2").path("address").asText();
        String db1 = attached("db1").path("address").asText();
        await().atMost(SOON).until(() -> pings("web1", web2) && pings("web1", db1));
        Path file = temporary.resolve("policy.yaml");
        Files.writeString(file, """
                defaultPolicyAction: deny
                policy:
                  - within: stack
                    action: allow
                  - between: { groupBy: tier }
                    action: allow
                """);
        try {
            assertThat(drover("env", "policy", "test", "--file", file.toString()))
                    .contains(
                            "network policy of environment test replaced",
                            "rule 2: allow between containers of the same tier",
                            "default: deny");
            await().atMost(SOON).until(() -> !pings("web1", db1));
            assertThat(pings("web1", web2)).isTrue();
            assertThat(host.docker("exec", "web1", "/bin/ping", "-c1", "-W1", "169.254.169.250"))
                    .as("the host is exempt")
                    .contains("1 packets received");
            JsonNode trace = host.admin("/overlay/trace?address=" + db1 + "&from=" + web2);
            assertThat(trace.path("verdict").asText()).isEqualTo("LOCAL");
            assertThat(trace.path("policy").path("allowed").asBoolean(true)).isFalse();
            assertThat(trace.path("policy").path("reason").asText())
                    .startsWith("web2 (" + web2 + ") to db1 (" + db1 + "): no rule fits, denied by default");
            assertThat(denied()).isPositive();
        } finally {
            Files.writeString(file, "{\"defaultPolicyAction\": \"allow\"}");
            drover("env", "policy", "test", "--file", file.toString());
        }
        await().atMost(SOON).until(() -> pings("web1", db1));
        assertThat(drover("env", "policy", "test")).contains("default: allow").doesNotContain("rule");
    }

    @Test
    void withinLinkedGoesByTheLinksOfStacksAndFollowsThem() throws Exception {
        drover("login", "https://127.0.0.1:8443", "--password", adminPassword);
        String app = "    image: busybox\n    command: [/bin/sh, -c, 'trap exit TERM; while :; do sleep 1; done']\n";
        String linked = "services:\n  web:\n" + app + "    links: [db]\n  db:\n" + app;
        makeStack("linked", linked, "");
        String web = attached("linked-web-1").path("address").asText();
        String db = attached("linked-db-1").path("address").asText();
        Path file = temporary.resolve("linked.yaml");
        Files.writeString(file, """
                defaultPolicyAction: deny
                policy:
                  - { within: linked, action: allow }
                """);
        try {
            drover("env", "policy", "test", "--file", file.toString());
            await().atMost(SOON).until(() -> !pings("linked-db-1", web) && pings("linked-web-1", db));
            JsonNode trace = host.admin("/overlay/trace?address=" + db + "&from=" + web);
            assertThat(trace.path("policy").path("reason").asText())
                    .endsWith("allowed by rule 1, within linked: allow, since linked/web is linked to linked/db");
            replaceStack("linked", linked.replace("    links: [db]\n", ""));
            await().atMost(SOON).until(() -> !pings("linked-web-1", db));
            replaceStack("linked", linked);
            await().atMost(SOON).until(() -> pings("linked-web-1", db));
            assertThat(pings("linked-db-1", web)).isFalse();
            assertThat(attached("linked-web-1").path("address").asText())
                    .as("a change of links is no upgrade")
                    .isEqualTo(web);
        } finally {
            Files.writeString(file, "{\"defaultPolicyAction\": \"allow\"}");
            drover("env", "policy", "test", "--file", file.toString());
        }
        removeStack("linked");
    }

    private void replaceStack(String name, String compose) {
        host.api(
                "PUT",
                "/v1/environments/test/stacks/" + name,
                session,
                "{\"name\":\"" + name + "\",\"compose\":\"" + compose.replace("\n", "\\n")
                        + "\",\"rancherCompose\":\"\"}");
    }

    private long denied() {
        for (JsonNode drop : host.admin("/overlay/drops")) {
            if (drop.path("reason").asText().equals("policy_denied")) {
                return drop.path("count").asLong();
            }
        }
        return -1;
    }

    @Test
    void aDeletedBridgeComesBackWithItsContainers() {
        host.docker("run", "-d", "--name", "web1", "-l", NETWORK, "busybox");
        host.docker("run", "-d", "--name", "web2", "-l", NETWORK, "busybox");
        attached("web2");
        String address = attached("web1").path("address").asText();
        host.inside(
                "ip",
                "link",
                "del",
                host.admin("/overlay").path("status").path("bridge").asText());
        await().atMost(SOON).until(() -> pings("web2", address));
        TestHost.Result trace = host.droverOnce("overlay", "trace", address);
        assertThat(trace.out())
                .as(trace.err())
                .contains("port drv"
                        + host.docker("inspect", "-f", "{{.Id}}", "web1").substring(0, 12))
                .contains(address + " is on this host");
    }

    private boolean pings(String container, String address) {
        return host.dockerResult("exec", container, "/bin/ping", "-c1", "-W1", address)
                        .code()
                == 0;
    }

    @Test
    void flushedRulesComeBackAndANewMtuReachesTheContainers() {
        host.docker("run", "-d", "--name", "sized", "-l", NETWORK, "--net", "none", "busybox");
        attached("sized");
        assertThat(host.docker("exec", "sized", "/bin/ip", "link", "show", "eth0"))
                .contains("mtu 1450");
        assertThat(host.inside("iptables", "-S", "DROVER-FORWARD")).contains("-A DROVER-FORWARD");
        host.inside("iptables", "-F", "DROVER-FORWARD");
        host.inside("ip", "link", "set", "eth0", "mtu", "1400");
        try {
            await().atMost(Duration.ofSeconds(40)).untilAsserted(() -> {
                assertThat(host.inside("iptables", "-S", "DROVER-FORWARD")).contains("-A DROVER-FORWARD");
                assertThat(host.docker("exec", "sized", "/bin/ip", "link", "show", "eth0"))
                        .contains("mtu 1350");
            });
        } finally {
            host.inside("ip", "link", "set", "eth0", "mtu", "1500");
        }
        await().atMost(Duration.ofSeconds(40))
                .until(() -> host.docker("exec", "sized", "/bin/ip", "link", "show", "eth0")
                        .contains("mtu 1450"));
    }

    @Test
    void aContainerInTheHostsNetworkIsLeftAloneWithAReason() {
        host.docker("run", "-d", "--name", "hostnet", "--net", "host", "-l", NETWORK, "busybox");
        await().atMost(SOON)
                .until(() -> known("hostnet").path("problem").asText().startsWith("network mode: host (expected:"));
        assertThat(known("hostnet").path("address").isNull()).isTrue();
    }

    @Test
    void aContainerWithoutTheLabelIsListedAndNotTouched() {
        host.docker("run", "-d", "--name", "plain", "busybox");
        await().atMost(SOON).until(() -> known("plain").path("state").asText().equals("running"));
        assertThat(known("plain").path("address").isNull()).isTrue();
        assertThat(host.docker("exec", "plain", "/bin/cat", "/etc/resolv.conf")).doesNotContain("169.254.169.250");
    }

    @Test
    void theRequestedAddressIsGivenAndKeptOverRestarts() {
        String block = host.admin("/node").path("block").asText();
        String wanted = block.substring(0, block.lastIndexOf('.')) + ".240";
        host.docker(
                "run",
                "-d",
                "--name",
                "fixed",
                "-l",
                NETWORK,
                "-l",
                "io.rancher.container.requested_ip=" + wanted,
                "busybox");
        JsonNode before = attached("fixed");
        assertThat(before.path("address").asText()).isEqualTo(wanted);
        host.docker("restart", "-t", "0", "fixed");
        await().atMost(SOON)
                .until(() -> !known("fixed").path("startedAt").equals(before.path("startedAt"))
                        && known("fixed").path("address").isTextual());
        assertThat(known("fixed").path("address")).isEqualTo(before.path("address"));
        assertThat(known("fixed").path("mac")).isEqualTo(before.path("mac"));
        assertThat(host.docker("exec", "fixed", "/bin/ip", "addr")).contains(wanted + "/16");
    }

    @Test
    void serviceContainersRunAreRestartedAndRemoved() {
        host.docker("run", "-d", "--name", "bystander", "busybox");
        String compose =
                "services:\\n  app:\\n    image: busybox\\n    command: [/bin/sh, -c, 'trap exit TERM; while :; do sleep 1; done']\\n";
        host.api(
                "POST",
                "/v1/environments/test/stacks",
                session,
                "{\"name\":\"hello\",\"compose\":\"" + compose + "\",\"rancherCompose\":\"\"}");
        JsonNode first = attached("hello-app-1");
        assertThat(host.docker("exec", "hello-app-1", "/bin/cat", "/etc/resolv.conf"))
                .contains("app.hello.rancher.internal");
        host.docker("kill", "hello-app-1");
        await().atMost(SOON)
                .until(() -> !known("hello-app-1").path("startedAt").equals(first.path("startedAt"))
                        && known("hello-app-1").path("address").equals(first.path("address")));
        host.inside(
                "curl",
                "-sS",
                "-X",
                "DELETE",
                "-H",
                "Authorization: Bearer " + session,
                "http://127.0.0.1:8080/v1/environments/test/stacks/hello");
        await().atMost(Duration.ofSeconds(60)).until(() -> known("hello-app-1").isMissingNode());
        assertThat(host.docker("ps", "-q", "--filter", "name=bystander")).isNotBlank();
    }

    @Test
    void aKilledServiceContainerIsStartedAgainWithoutASync() throws Exception {
        restartNode(3600);
        try {
            makeStack("again", "services:\\n  app:\\n    image: busybox\\n", "");
            String startedAt = attached("again-app-1").path("startedAt").asText();
            host.docker("kill", "again-app-1");
            await().atMost(SOON).until(() -> {
                JsonNode now = known("again-app-1");
                return now.path("address").isTextual()
                        && !now.path("startedAt").asText().equals(startedAt);
            });
        } finally {
            removeStack("again");
            restartNode(SYNC_SECONDS);
        }
    }

    private void restartNode(int sync) throws Exception {
        node.destroyForcibly().waitFor();
        syncSeconds = sync;
        node = startNode();
        await().atMost(SOON).until(() -> host.admin("/node").path("connected").asBoolean());
    }

    @Test
    void whatHappensWhileTheEngineCannotBeReachedIsRepairedAfterwards() {
        host.docker("run", "-d", "--name", "steady", "-l", NETWORK, "busybox");
        host.docker("run", "-d", "--name", "leaving", "-l", NETWORK, "busybox");
        String address = attached("steady").path("address").asText();
        attached("leaving");
        door.lock();
        host.docker("rm", "-f", "leaving");
        host.docker("run", "-d", "--name", "coming", "-l", NETWORK, "busybox");
        host.docker("restart", "-t", "0", "steady");
        await().atMost(SOON)
                .until(() -> host.admin("/node").path("engine").asText().equals("unreachable"));
        assertThat(known("leaving").path("state").asText())
                .as("nothing is deleted on silence")
                .isEqualTo("running");
        door.unlock();
        await().atMost(Duration.ofSeconds(SYNC_SECONDS + 10))
                .until(() -> known("leaving").isMissingNode());
        assertThat(attached("coming").path("address").isTextual()).isTrue();
        await().atMost(SOON)
                .until(() -> host.dockerResult("exec", "coming", "/bin/ping", "-c1", "-W1", address)
                                .code()
                        == 0);
        await().atMost(SOON).until(() -> reported("leaving").isMissingNode());
    }

    @Test
    void aKilledNodeAdoptsWhatRunsAndLocalTrafficNeverStops() throws Exception {
        host.docker("run", "-d", "--name", "one", "-l", NETWORK, "busybox");
        host.docker("run", "-d", "--name", "two", "-l", NETWORK, "busybox");
        String address = attached("one").path("address").asText();
        String mac = attached("one").path("mac").asText();
        attached("two");
        node.destroyForcibly().waitFor();
        host.docker("exec", "two", "/bin/ping", "-c1", "-W1", address);
        host.docker("run", "-d", "--name", "meanwhile", "-l", NETWORK, "busybox");
        node = startNode("--overlay-mode", "plain");
        attached("meanwhile");
        JsonNode overlay = host.admin("/overlay").path("status");
        assertThat(overlay.path("mode").asText()).isEqualTo("PLAIN");
        assertThat(overlay.path("modeReason").asText()).isEqualTo("configured");
        assertThat(attached("one").path("address").asText()).isEqualTo(address);
        assertThat(known("one").path("mac").asText()).isEqualTo(mac);
        host.docker("exec", "two", "/bin/ping", "-c1", "-W1", address);
        await().atMost(SOON).until(() -> host.admin("/node").path("connected").asBoolean());
    }

    /** What the metadata service says to a container. */
    private String metadata(String container, String path) {
        return host.docker("exec", container, "/bin/busybox", "wget", "-qO-", "http://rancher-metadata/latest/" + path);
    }

    private void makeStack(String name, String compose, String rancherCompose) {
        host.api(
                "POST",
                "/v1/environments/test/stacks",
                session,
                "{\"name\":\"" + name + "\",\"compose\":\"" + compose.replace("\n", "\\n") + "\",\"rancherCompose\":\""
                        + rancherCompose.replace("\n", "\\n") + "\"}");
    }

    private void removeStack(String name) {
        host.api("DELETE", "/v1/environments/test/stacks/" + name, session, "");
        await().atMost(Duration.ofSeconds(60))
                .until(() -> host.api("GET", "/v1/environments/test/stacks", session, "")
                        .isEmpty());
    }

    @Test
    void aContainerReadsWhoItIsAndHearsWhenItsServiceGrowsBesideALoadBalancerOnPort80() throws Exception {
        makeStack("shop", """
                services:
                  app:
                    image: busybox
                    environment: {SECRET: hunter2}
                    command: [/bin/busybox, httpd, -f, -p, '8000', -h, /bin]
                  lb: {image: rancher/lb-service-haproxy, ports: ['80']}
                """, """
                version: '2'
                services:
                  app: {scale: 1, metadata: {motd: hello}}
                  lb: {lb_config: {port_rules: [{source_port: 80, protocol: http, service: app, target_port: 8000}]}}
                """);
        attached("shop-app-1");
        assertThat(metadata("shop-app-1", "self/container/name")).isEqualTo("shop-app-1");
        assertThat(metadata("shop-app-1", "self/service/metadata/motd")).isEqualTo("hello");
        assertThat(metadata("shop-app-1", "self/stack/name")).isEqualTo("shop");
        assertThat(metadata("shop-app-1", "self/host/agent_ip")).isEqualTo(TestHost.ADDRESS);
        String whole = host.docker(
                "exec",
                "shop-app-1",
                "/bin/busybox",
                "wget",
                "-qO-",
                "--header",
                "Accept: application/json",
                "http://rancher-metadata/latest");
        assertThat(whole).contains("shop-app-1").doesNotContain("hunter2", session, token, adminPassword);
        // The balancer serves the same port of every address; this one stays the metadata service's.
        await().atMost(SOON)
                .until(() -> host.inside(
                                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://" + TestHost.ADDRESS)
                        .equals("404"));
        assertThat(metadata("shop-app-1", "self/service/scale")).isEqualTo("1");

        CompletableFuture<String> grown = CompletableFuture.supplyAsync(
                () -> metadata("shop-app-1", "self/service/containers/1/name?wait=true&value=&maxWait=50"));
        host.api("POST", "/v1/environments/test/stacks/shop/services/app/scale", session, "{\"scale\":2}");
        assertThat(grown.get(50, TimeUnit.SECONDS)).isEqualTo("shop-app-2");
        assertThat(metadata("shop-app-2", "self/service/containers")).isEqualTo("0=shop-app-1\n1=shop-app-2");
        assertThat(host.inside("curl", "-s", "http://169.254.169.250/latest/self/container"))
                .contains("is no container of this environment on this host");
        removeStack("shop");
    }

    @Test
    void noRequestForMetadataIsLostWhenTheNodeIsReplaced() throws Exception {
        host.docker("run", "-d", "--name", "asking", "-l", NETWORK, "busybox");
        attached("asking");
        assertThat(metadata("asking", "self/container/name")).isEqualTo("asking");
        host.docker(
                "exec",
                "-d",
                "asking",
                "/bin/sh",
                "-c",
                "while :; do echo $(/bin/busybox wget -qO- http://rancher-metadata/latest/self/container/name 2>&1)"
                        + " >> /answers; done");
        await().atMost(SOON).until(() -> answers().size() > 20);
        Process former = node;
        node = startNode("--take-over");
        assertThat(former.waitFor(60, TimeUnit.SECONDS))
                .as("the former node leaves")
                .isTrue();
        int before = answers().size();
        await().atMost(SOON).until(() -> answers().size() > before + 20);
        assertThat(answers().stream().distinct()).as(host.output("node")).containsExactly("asking");
        await().atMost(SOON).until(() -> host.admin("/node").path("connected").asBoolean());
    }

    /** Whole lines: the last may be under way. */
    private List<String> answers() {
        String text = host.docker("exec", "asking", "/bin/cat", "/answers");
        List<String> lines = text.lines().toList();
        return lines.subList(0, Math.max(0, lines.size() - 1));
    }

    private String refusedJoin(String joinToken, String stateDir) {
        TestHost.Result result = host.droverOnce(
                "node",
                "--server",
                "https://127.0.0.1:8443",
                "--token",
                joinToken,
                "--name",
                "host1",
                "--vtep",
                "192.0.2.99",
                "--admin",
                "off",
                "--state-dir",
                temporary.resolve(stateDir).toString(),
                "--docker",
                "unix://" + host.socket());
        assertThat(result.code()).as(result.err()).isEqualTo(1);
        return result.err().lines().reduce("", (_, line) -> line);
    }

    @Test
    void aLoadBalancerOfAStackTerminatesTlsWithACertificateOfTheEnvironment() {
        drover("login", "https://127.0.0.1:8443", "--password", adminPassword);
        Path first = certificate("first");
        Path second = certificate("second");
        assertThat(addCertificate(first)).contains("certificate web valid until ");
        String compose =
                "services:\\n  app:\\n    image: busybox\\n    command: [/bin/busybox, httpd, -f, -p, '8000', -h, /etc]"
                        + "\\n    labels: {tier: front}\\n  lb:\\n    image: drover/lb\\n    lb_config:\\n      default_cert: web"
                        + "\\n      port_rules: [{source_port: 9443, target_port: 8000, protocol: https, selector: tier=front}]\\n";
        host.api(
                "POST",
                "/v1/environments/test/stacks",
                session,
                "{\"name\":\"tls\",\"compose\":\"" + compose + "\",\"rancherCompose\":\"\"}");
        attached("tls-app-1");
        await().atMost(SOON).until(() -> served(first));
        assertThat(served(second)).isFalse();
        addCertificate(second);
        await().atMost(SOON).until(() -> served(second));
        assertThat(served(first)).isFalse();
        assertThat(host.output("node") + host.output("server") + drover("cert", "ls", "--json"))
                .doesNotContain("PRIVATE KEY");
        assertThat(host.droverOnce("cert", "rm", "web").err()).contains("in use", "tls/lb");
        drover("stack", "rm", "tls");
        await().atMost(Duration.ofSeconds(60)).until(() -> known("tls-app-1").isMissingNode());
        assertThat(drover("cert", "rm", "web")).contains("deleted");
        assertThat(temporary.resolve("node/certificates")).isEmptyDirectory();
    }

    /** A key and a certificate for localhost. */
    private static Path certificate(String name) {
        Path directory = temporary.resolve(name);
        assertThat(directory.toFile().mkdir()).isTrue();
        ServerKey.loadOrCreate(directory);
        return directory;
    }

    private String addCertificate(Path directory) {
        return drover(
                "cert",
                "add",
                "web",
                "--cert",
                directory.resolve("server.crt").toString(),
                "--key",
                directory.resolve("server.key").toString());
    }

    private boolean served(Path certificate) {
        return host.succeeds(
                "curl",
                "-sSf",
                "--cacert",
                certificate.resolve("server.crt").toString(),
                "--resolve",
                "localhost:9443:127.0.0.1",
                "https://localhost:9443/hostname");
    }

    @Test
    void aSecondHostOfTheSameNameIsRefused() {
        assertThat(refusedJoin(token, "twin"))
                .startsWith("error: join refused: ")
                .contains("host1");
    }

    @Test
    void aServerWithAnotherKeyThanTheTokensIsRefused() {
        String otherPin = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        String forged = token.substring(0, token.lastIndexOf('.') + 1) + otherPin;
        assertThat(refusedJoin(forged, "pinned")).contains("server key: ").contains("expected: " + otherPin);
    }

    @Test
    void aCopyOfAServiceContainerMadeByCommitIsNobodysInstance() {
        host.docker(
                "create",
                "--name",
                "copy",
                "-l",
                "dev.drover.instance=ins_x",
                "-l",
                "io.rancher.container.name=original",
                "busybox");
        await().atMost(SOON).until(() -> known("copy").path("state").asText().equals("created"));
        assertThat(known("copy").path("instanceId").isNull()).isTrue();
        host.docker("start", "copy");
        await().atMost(SOON).until(() -> known("copy").path("state").asText().equals("running"));
        assertThat(known("copy").path("address").isNull()).isTrue();
    }

    private String drover(String... arguments) {
        TestHost.Result result = host.droverOnce(arguments);
        assertThat(result.code()).as(result.err()).isZero();
        return result.out();
    }

    @Test
    void theCommandLineTellsHowAContainerSeesAName() {
        host.docker("run", "-d", "--name", "seen", "-l", NETWORK, "busybox");
        host.docker("run", "-d", "--name", "seeing", "-l", NETWORK, "busybox");
        String seen = attached("seen").path("address").asText();
        String seeing = attached("seeing").path("address").asText();
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(drover("dns", "lookup", "seen", "--as", "seeing")
                                .replaceAll(" +", " ")
                                .lines()
                                .map(String::strip))
                        .contains(
                                "question seen A",
                                "client " + seeing + ", view of everybody",
                                "answer seen. 1 IN A " + seen,
                                "verdict answered"));
        assertThat(drover("dns", "lookup", "nowhere.rancher.internal", "--as", seeing))
                .contains("no such name");
        TestHost.Result stranger = host.droverOnce("dns", "lookup", "seen", "--as", "stranger");
        assertThat(stranger.code()).isEqualTo(1);
        assertThat(stranger.err())
                .contains("as: stranger (expected: an address, or the name of a container that runs)");
    }

    @Test
    void theCommandLineLogsInOverPinnedTlsAndShowsWhatIsThere() {
        TestHost.Result before = host.droverOnce("ps");
        assertThat(before.code()).isEqualTo(1);
        assertThat(before.err()).startsWith("error: not logged in (expected: drover login");
        assertThat(drover("login", "https://127.0.0.1:8443", "--password", adminPassword))
                .contains("logged in at https://127.0.0.1:8443 as admin")
                .contains("server key (SHA-256): ");
        assertThat(drover("env", "ls")).contains("test", "cattle", "10.42.0.0/16");
        assertThat(drover("host", "ls", "--json")).contains("\"host1\"");
        TestHost.Result unknown = host.droverOnce("host", "ls", "--env", "nowhere");
        assertThat(unknown.code()).isEqualTo(1);
        assertThat(unknown.err()).startsWith("error: ").contains("nowhere");
    }
}
