package dev.drover.controlplane.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.linecorp.armeria.common.HttpResponse;
import dev.drover.controlplane.Client;
import dev.drover.controlplane.Client.Answer;
import dev.drover.controlplane.compose.Compose;
import dev.drover.controlplane.link.DesiredItem.ContainerSpec;
import dev.drover.controlplane.link.Up;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.model.Container;
import dev.drover.controlplane.model.Instance;
import dev.drover.controlplane.model.Service;
import dev.drover.controlplane.repository.Kind;
import dev.drover.controlplane.repository.LiveState;
import dev.drover.controlplane.repository.Repository;
import dev.drover.controlplane.security.Accounts;
import dev.drover.controlplane.security.HostKeys;
import dev.drover.controlplane.security.JoinTokens;
import dev.drover.controlplane.security.ServerKey;
import dev.drover.controlplane.store.MemoryStore;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The API over a real port; the store is in memory, and no scheduler runs, so that nothing moves by itself. */
@Timeout(60)
class ApiTest {
    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final String WEB = "version: '2'\nservices:\n  web:\n    image: busybox\n    command: httpd -f\n";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** A server lets its acceptors idle for two seconds before it has stopped; the next test does not wait for that. */
    private static final ExecutorService ENDING = Executors.newVirtualThreadPerTaskExecutor();

    @TempDir
    static Path directory;

    private static ServerKey key;

    private final MemoryStore store = new MemoryStore();
    private final Repository repository = new Repository(store);
    private final LiveState live = new LiveState();
    private final AtomicLong nowMs = new AtomicLong(System.currentTimeMillis());
    private ApiServer server;
    private String password;
    private Client anonymous;
    private Client admin;

    @BeforeAll
    static void createKey() {
        key = ServerKey.loadOrCreate(directory);
    }

    @BeforeEach
    void start() {
        Accounts accounts = new Accounts(repository, this::now, () -> nowMs.get() * 1_000_000);
        server = new ApiServer(
                new ApiServer.Parts(
                        repository,
                        live,
                        accounts,
                        new JoinTokens(repository, this::now, key.spkiPin()),
                        Compose.parser(),
                        (context, request) -> HttpResponse.of(418),
                        new PrometheusRegistry(),
                        "test"),
                key,
                ANY,
                ANY);
        password = accounts.createAdminIfNone().orElseThrow();
        anonymous = new Client(server.plain(), "");
        admin = new Client(
                server.plain(), accounts.createApiToken("admin", "test").secret());
    }

    private Instant now() {
        return Instant.ofEpochMilli(nowMs.get());
    }

    @AfterEach
    void stop() {
        ENDING.execute(() -> {
            server.close();
            repository.close();
            store.close();
        });
    }

    @AfterAll
    static void awaitStopped() {
        ENDING.close();
    }

    private String environment(String name) {
        Answer created = admin.post("/v1/environments", Map.of("name", name));
        assertThat(created.status()).as(created.raw().body()).isEqualTo(201);
        return created.json().path("id").asText();
    }

    private String joinToken(String environment) {
        return admin.post("/v1/environments/" + environment + "/join-tokens", null)
                .json()
                .path("token")
                .asText();
    }

    private Answer join(String token, String hostName, String machineId, String vtep) {
        return anonymous.post(
                "/v1/join",
                Map.of("token", token, "hostName", hostName, "machineId", machineId, "vtep", vtep, "labels", Map.of()));
    }

    private static void assertRefused(Answer answer, int status, String field, String... says) {
        assertThat(answer.status()).as(answer.raw().body()).isEqualTo(status);
        assertThat(answer.field()).isEqualTo(field);
        assertThat(List.of(says))
                .allSatisfy(each -> assertThat(answer.message()).contains(each));
        assertThat(answer.json().path("error").path("code").asText()).isNotEmpty();
    }

    @Test
    void logsInAndOut() {
        Answer login = anonymous.post("/v1/login", Map.of("user", "admin", "password", password));
        assertThat(login.status()).isEqualTo(200);
        assertThat(Instant.parse(login.json().path("expiresAt").asText())).isAfter(now());
        Client session = new Client(server.plain(), login.json().path("token").asText());
        assertThat(session.get("/v1/environments").status()).isEqualTo(200);
        assertThat(session.post("/v1/logout", null).status()).isEqualTo(204);
        assertRefused(session.get("/v1/environments"), 401, "", "unknown or expired token");
        assertRefused(anonymous.post("/v1/login", Map.of("user", "admin", "password", "x")), 401, "", "user, password");
    }

    @Test
    void slowsDownGuessing() {
        for (int i = 0; i < 10; i++) {
            anonymous.post("/v1/login", Map.of("user", "admin", "password", "guess" + i));
        }
        Answer throttled = anonymous.post("/v1/login", Map.of("user", "admin", "password", password));
        assertRefused(throttled, 429, "", "too many attempts", "expected: the next one in 5 s");
    }

    @Test
    void asksForATokenEverywhereButWhereItSaysSo() {
        String environment = environment("test");
        JsonNode paths = anonymous.get("/v1/openapi.json").json().path("paths");
        int checked = 0;
        for (Map.Entry<String, JsonNode> path : paths.properties()) {
            for (Map.Entry<String, JsonNode> operation : path.getValue().properties()) {
                if (operation.getValue().path("security").isArray()
                        || path.getKey().equals("/v1/link")) {
                    continue;
                }
                String real =
                        path.getKey().replace("{environment}", environment).replaceAll("\\{\\w+}", "x");
                String method = operation.getKey().toUpperCase(Locale.ROOT);
                Answer answer = anonymous.send(method, real, method.equals("GET") ? null : "{}", Map.of());
                assertThat(answer.status()).as(method + " " + real).isEqualTo(401);
                checked++;
            }
        }
        assertThat(checked).isGreaterThan(20);
    }

    @Test
    void takesTheCookieOfTheUiFromItsOwnPagesOnly() {
        Answer login = anonymous.post("/v1/login", Map.of("user", "admin", "password", password));
        String setCookie = login.raw().headers().firstValue("set-cookie").orElseThrow();
        assertThat(setCookie).containsIgnoringCase("HttpOnly").contains("SameSite=Strict", "Path=/");
        String cookie = setCookie.substring(0, setCookie.indexOf(';'));
        String own = "http://127.0.0.1:" + server.plain().getPort();
        String body = "{\"name\":\"test\"}";
        assertThat(anonymous
                        .send("GET", "/v1/environments", null, Map.of("cookie", cookie))
                        .status())
                .isEqualTo(200);
        assertThat(anonymous
                        .send("POST", "/v1/environments", body, Map.of("cookie", cookie))
                        .status())
                .as("no origin")
                .isEqualTo(403);
        assertThat(anonymous
                        .send(
                                "POST",
                                "/v1/environments",
                                body,
                                Map.of("cookie", cookie, "origin", "http://127.0.0.1:1"))
                        .status())
                .as("foreign origin")
                .isEqualTo(403);
        assertThat(anonymous
                        .send("POST", "/v1/environments", body, Map.of("cookie", cookie, "origin", own))
                        .status())
                .isEqualTo(201);
    }

    @Test
    void createsEnvironmentsWithDefaultsAndTellsDuplicates() {
        Answer first = admin.post("/v1/environments", Map.of("name", "test"));
        assertThat(first.status()).isEqualTo(201);
        assertThat(first.json().path("vni").asInt()).isEqualTo(1042);
        assertThat(first.json().path("port").asInt()).isEqualTo(4789);
        assertThat(first.json().path("orchestrator").asText()).isEqualTo("cattle");
        assertThat(admin.post("/v1/environments", Map.of("name", "dev"))
                        .json()
                        .path("vni")
                        .asInt())
                .as("the same subnet needs another VNI")
                .isEqualTo(1043);
        assertRefused(admin.post("/v1/environments", Map.of("name", "test")), 409, "name", "test exists already");
        assertRefused(
                admin.post("/v1/environments", Map.of("name", "third", "vni", 1042)),
                409,
                "vni",
                "used by environment test");
        assertThat(admin.get("/v1/environments").json()).hasSize(2);
        assertThat(admin.get("/v1/environments/" + first.json().path("id").asText())
                        .json())
                .isEqualTo(admin.get("/v1/environments/test").json());
    }

    @Test
    void namesFieldAndExpectationOfBadInput() {
        assertRefused(
                admin.post("/v1/environments", Map.of("name", "Test")), 422, "name", "expected: 1 to 63 lower-case");
        assertRefused(admin.post("/v1/environments", Map.of()), 422, "name", "name: missing (expected: a string)");
        assertRefused(admin.post("/v1/environments", "{\"name\":5}"), 422, "name", "expected: a string");
        assertRefused(
                admin.post("/v1/environments", "{\"name\":\"a\",\"vni\":\"x\"}"),
                422,
                "vni",
                "expected: a whole number");
        assertRefused(admin.post("/v1/environments", "{\"name\":\"a\",\"vnl\":1}"), 422, "vnl", "unknown field", "vni");
        assertRefused(admin.post("/v1/environments", Map.of("name", "a", "vni", 1 << 24)), 422, "vni", "1 to 16777215");
        assertRefused(admin.post("/v1/environments", Map.of("name", "a", "port", 0)), 422, "port", "1 to 65535");
        for (String subnet : List.of("10.42.0.1/16", "10.42.0.0", "10.0.0.0/4", "10.0.0.0/30", "300.0.0.0/16", "x")) {
            assertRefused(admin.post("/v1/environments", Map.of("name", "a", "subnet", subnet)), 422, "subnet", subnet);
        }
        for (String subnet : List.of("127.0.0.0/16", "224.0.0.0/16", "169.254.0.0/16")) {
            assertRefused(
                    admin.post("/v1/environments", Map.of("name", "a", "subnet", subnet)), 422, "subnet", "unicast");
        }
        assertRefused(
                admin.post("/v1/environments", Map.of("name", "a", "subnet", "10.1.0.0/16", "blockPrefix", 16)),
                422,
                "blockPrefix",
                "17 to 29");
        assertRefused(admin.post("/v1/environments", "{\"name\":\"a\",\"name\":\"b\"}"), 400, "", "not JSON at line 1");
        assertRefused(admin.post("/v1/environments", "{\"name\":"), 400, "", "not JSON at line 1");
        assertRefused(admin.post("/v1/environments", "[]"), 400, "", "a JSON object with [name, orchestrator");
        assertRefused(admin.post("/v1/environments", "null"), 400, "", "a JSON object");
        assertRefused(admin.post("/v1/environments", "{\"name\":\"a\"} x"), 400, "", "not JSON");
        assertThat(admin.get("/v1/environments").json()).isEmpty();
    }

    @Test
    void refusesOtherMediaTypesAndOversizedBodies() {
        Answer plain = new Client(server.plain(), admin.token())
                .send("POST", "/v1/environments", null, Map.of("content-type", "text/plain"));
        assertRefused(plain, 415, "", "application/json");
        Answer large = admin.post("/v1/environments", "{\"name\":\"" + "a".repeat(2 << 20) + "\"}");
        assertRefused(large, 413, "", "too large (expected: at most 1048576 bytes)");
    }

    @Test
    void answersUnknownPathsAndMethodsAsJson() {
        assertRefused(admin.get("/v1/nothing"), 404, "", "/v1/nothing", "openapi.json");
        assertRefused(admin.put("/v1/environments", Map.of()), 405, "", "GET, POST");
        assertRefused(admin.get("/v1/environments/nowhere"), 404, "environment", "nowhere does not exist");
        environment("test");
        assertRefused(admin.get("/v1/environments/test/stacks/none"), 404, "stack", "none does not exist");
        assertRefused(admin.delete("/v1/environments/test/hosts/none"), 404, "host", "none does not exist");
    }

    @Test
    void refusesOrchestratorsThatAreNotThereByName() {
        assertRefused(
                admin.post("/v1/environments", Map.of("name", "a", "orchestrator", "nomad")),
                422,
                "orchestrator",
                "cattle, swarm, kubernetes, mesos");
        assertRefused(
                admin.post("/v1/environments", Map.of("name", "a", "orchestrator", "swarm")),
                422,
                "orchestrator",
                "not available in this version");
    }

    @Test
    void refusesToChangeTheOrchestratorWhileServicesRun() {
        environment("test");
        assertThat(admin.put("/v1/environments/test", Map.of("orchestrator", "cattle"))
                        .status())
                .isEqualTo(200);
        assertRefused(
                admin.put("/v1/environments/test", Map.of("orchestrator", "mesos")),
                422,
                "orchestrator",
                "not available");
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB));
        Answer blocked = admin.put("/v1/environments/test", Map.of("orchestrator", "swarm"));
        assertRefused(blocked, 409, "orchestrator", "while services run", "service hello/web");
        assertThat(blocked.json().path("error").path("blockers").get(0).asText())
                .isEqualTo("service hello/web");
    }

    @Test
    void deletesAnEnvironmentOnlyWhenItIsEmpty() {
        environment("test");
        String token = joinToken("test");
        join(token, "h1", "m1", "192.0.2.11");
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB));
        Answer blocked = admin.delete("/v1/environments/test");
        assertRefused(blocked, 409, "environment", "host h1", "stack hello");
        assertThat(blocked.json().path("error").path("blockers")).hasSize(2);
        admin.delete("/v1/environments/test/hosts/h1");
        admin.delete("/v1/environments/test/stacks/hello");
        assertRefused(admin.delete("/v1/environments/test"), 409, "environment", "being removed");
        repository.update(tx -> {
            tx.list(Kind.SERVICE).forEach(service -> tx.delete(Kind.SERVICE, service));
            tx.list(Kind.STACK).forEach(stack -> tx.delete(Kind.STACK, stack));
        });
        assertThat(admin.delete("/v1/environments/test").status()).isEqualTo(204);
        assertThat(admin.get("/v1/environments").json()).isEmpty();
        assertThat(repository.list(Kind.JOIN_TOKEN)).isEmpty();
        assertRefused(join(token, "h2", "m2", "192.0.2.12"), 401, "", "token: unknown");
    }

    @Test
    void joinsHostsAndLeasesTheFirstFreeBlock() {
        String id = environment("test");
        Answer token = admin.post("/v1/environments/test/join-tokens", null);
        assertThat(token.status()).isEqualTo(201);
        assertThat(token.json().path("command").asText())
                .startsWith("drover node --server https://127.0.0.1:"
                        + server.https().getPort() + " --token drv1.");
        String text = token.json().path("token").asText();
        assertThat(text).startsWith("drv1." + id + ".").endsWith("." + key.spkiPin());
        Answer first = join(text, "h1", "m1", "192.0.2.11");
        assertThat(first.status()).as(first.raw().body()).isEqualTo(200);
        JsonNode identity = first.json().path("identity");
        assertThat(identity.path("block").asText()).isEqualTo("10.42.0.0/24");
        assertThat(identity.path("zone").asText()).isEqualTo("rancher.internal");
        assertThat(identity.path("vni").asInt()).isEqualTo(1042);
        assertThat(HostKeys.authenticate(
                        repository, first.json().path("hostKey").asText()))
                .isPresent();
        assertThat(join(text, "h2", "m2", "192.0.2.12")
                        .json()
                        .path("identity")
                        .path("block")
                        .asText())
                .isEqualTo("10.42.1.0/24");
        assertThat(admin.delete("/v1/environments/test/hosts/h1").status()).isEqualTo(204);
        assertThat(HostKeys.authenticate(
                        repository, first.json().path("hostKey").asText()))
                .as("revoked")
                .isEmpty();
        assertThat(join(text, "h3", "m3", "192.0.2.13")
                        .json()
                        .path("identity")
                        .path("block")
                        .asText())
                .isEqualTo("10.42.0.0/24");
        assertThat(repository.list(Kind.HOST)).noneMatch(host -> host.keyHash().contains("drvh1"));
    }

    @Test
    void tellsAHostThatJoinsTwiceWhatToDo() {
        environment("test");
        String token = joinToken("test");
        Answer first = join(token, "h1", "m1", "192.0.2.11");
        String hostId = first.json().path("identity").path("hostId").asText();
        live.setConnected(hostId, true);
        assertRefused(
                join(token, "h1", "m1", "192.0.2.11"), 409, "hostName", "host: h1 already joined and is connected");
        assertRefused(join(token, "H1", "m2", "192.0.2.12"), 409, "hostName", "another machine");
        assertRefused(join(token, "h2", "m2", "192.0.2.11"), 409, "vtep", "used by host h1");
        assertRefused(join(token, "h2", "m2", "2001:db8::2"), 409, "vtep", "expected: IPv4 as host h1 with 192.0.2.11");
        live.setConnected(hostId, false);
        assertRefused(join(token, "h1", "m2", "192.0.2.11"), 409, "hostName", "another machine");
        Answer again = join(token, "h1", "m1", "192.0.2.21");
        assertThat(again.json().path("identity").path("hostId").asText()).isEqualTo(hostId);
        assertThat(again.json().path("identity").path("block").asText()).isEqualTo("10.42.0.0/24");
        assertThat(HostKeys.authenticate(
                        repository, first.json().path("hostKey").asText()))
                .as("the old key")
                .isEmpty();
        assertThat(HostKeys.authenticate(
                        repository, again.json().path("hostKey").asText()))
                .isPresent();
    }

    @Test
    void refusesBadJoins() {
        environment("test");
        String token = joinToken("test");
        assertRefused(join("nonsense", "h1", "m1", "192.0.2.11"), 401, "", "not a join token");
        assertRefused(join(token, "h_1", "m1", "192.0.2.11"), 422, "hostName", "h_1");
        assertRefused(join(token, "h1", "", "192.0.2.11"), 422, "machineId");
        assertRefused(join(token, "h1", "m1", "host.example"), 422, "vtep", "host.example");
        assertRefused(join(token, "h1", "m1", "127.0.0.1"), 422, "vtep", "127.0.0.1");
        assertRefused(join(token, "h1", "m1", "fe80::1"), 422, "vtep", "fe80::1");
        assertRefused(join(token, "h1", "m1", "2001:db8::x"), 422, "vtep", "2001:db8::x");
        assertRefused(anonymous.post("/v1/join", Map.of("token", token)), 422, "hostName", "missing");
        assertRefused(anonymous.post("/v1/join", "[1]"), 400, "");
        nowMs.addAndGet(Duration.ofDays(2).toMillis());
        assertRefused(join(token, "h1", "m1", "192.0.2.11"), 401, "", "expired");
        assertThat(repository.list(Kind.HOST)).isEmpty();
    }

    @Test
    void aNetworkPolicyIsReplacedAndErrorsNameTheirField() {
        environment("test");
        String path = "/v1/environments/test/policy";
        assertThat(admin.get(path).json().path("defaultPolicyAction").asText()).isEqualTo("allow");
        Map<String, Object> policy = Map.of(
                "defaultPolicyAction",
                "deny",
                "policy",
                List.of(
                        Map.of("within", "stack", "action", "allow"),
                        Map.of("between", Map.of("groupBy", "tier"), "action", "allow"),
                        Map.of(
                                "from",
                                Map.of("selector", "role = web"),
                                "to",
                                Map.of("selector", "role in (db, cache), !"),
                                "action",
                                "allow")));
        assertRefused(
                admin.put(path, policy), 422, "policy[2].to.selector", "expected: KEY = VALUE, KEY != VALUE, KEY in");
        assertThat(admin.get(path).json().path("policy")).isEmpty();
        Map<String, Object> good = Map.of(
                "defaultPolicyAction",
                "deny",
                "policy",
                List.of(
                        Map.of("within", "linked", "action", "allow"),
                        Map.of(
                                "from",
                                Map.of("selector", "role = web"),
                                "to",
                                Map.of("selector", "role in (db, cache)"),
                                "action",
                                "allow")));
        assertThat(admin.put(path, good).status()).isEqualTo(200);
        assertThat(admin.get(path).json()).isEqualTo(MAPPER.valueToTree(good));
        assertRefused(put(path, "deny", Map.of("within", "linked")), 422, "policy[0].action", "allow or deny");
        assertRefused(
                put(path, "deny", Map.of("within", "links", "action", "allow")),
                422,
                "policy[0].within",
                "stack, service or linked");
        assertRefused(put(path, "deny", Map.of("action", "allow")), 422, "policy[0]", "one of within, between");
        assertRefused(
                put(path, "deny", Map.of("between", Map.of(), "action", "allow")),
                422,
                "policy[0].between",
                "one of both");
        assertRefused(
                put(path, "deny", Map.of("from", Map.of("selector", "a"), "action", "allow")),
                422,
                "policy[0].to",
                "no selector");
        assertRefused(put(path, "forbid", Map.of()), 422, "defaultPolicyAction", "forbid (expected: allow or deny)");
        assertThat(admin.get(path).json()).isEqualTo(MAPPER.valueToTree(good));
        assertThat(admin.put(path, Map.of("defaultPolicyAction", "allow")).status())
                .isEqualTo(200);
        assertThat(repository.list(Kind.ENVIRONMENT).getFirst().policy()).isNull();
    }

    private Answer put(String path, String byDefault, Map<String, Object> rule) {
        return admin.put(path, Map.of("defaultPolicyAction", byDefault, "policy", List.of(rule)));
    }

    @Test
    void encryptionIsFixedAtCreationAndToldToHosts() {
        Answer created = admin.post("/v1/environments", Map.of("name", "secret", "encryption", true));
        assertThat(created.json().path("encryption").asBoolean()).isTrue();
        Answer open = admin.post("/v1/environments", Map.of("name", "open"));
        assertThat(open.json().path("encryption").isBoolean()).isTrue();
        assertThat(open.json().path("encryption").asBoolean()).isFalse();
        Answer joined = join(joinToken("secret"), "h1", "m1", "192.0.2.11");
        assertThat(joined.json().path("identity").path("encryption").asBoolean())
                .isTrue();
        joined = join(joinToken("open"), "h1", "m1", "192.0.2.11");
        assertThat(joined.json().path("identity").path("encryption").asBoolean())
                .isFalse();
    }

    @Test
    void saysWhenTheSubnetIsExhausted() {
        admin.post("/v1/environments", Map.of("name", "small", "subnet", "10.1.0.0/23", "blockPrefix", 24));
        String token = joinToken("small");
        assertThat(join(token, "h1", "m1", "192.0.2.11").status()).isEqualTo(200);
        assertThat(join(token, "h2", "m2", "192.0.2.12").status()).isEqualTo(200);
        assertRefused(join(token, "h3", "m3", "192.0.2.13"), 409, "environment", "all 2 of 10.1.0.0/23 are leased");
    }

    @Test
    void storesStacksAndUpgradesOnlyWhatChanged() {
        environment("test");
        String two = WEB + "  db:\n    image: postgres\n";
        Answer created = admin.post("/v1/environments/test/stacks", Map.of("name", "Hello", "compose", two));
        assertThat(created.status()).as(created.raw().body()).isEqualTo(201);
        assertThat(created.json().path("services").asInt()).isEqualTo(2);
        assertThat(created.json().path("compose").asText()).isEqualTo(two);
        assertRefused(
                admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB)),
                409,
                "name",
                "exists already");
        Map<String, String> changed = Map.of(
                "name",
                "hello",
                "compose",
                WEB.replace("busybox", "busybox:2") + "  cache:\n    image: redis\n",
                "rancherCompose",
                "version: '2'\nservices:\n  web:\n    scale: 3\n");
        assertThat(admin.put("/v1/environments/test/stacks/hello", changed).status())
                .isEqualTo(200);
        JsonNode web =
                admin.get("/v1/environments/test/stacks/hello/services/web").json();
        assertThat(web.path("version").asLong()).isEqualTo(2);
        assertThat(web.path("scale").asInt()).isEqualTo(3);
        assertThat(web.path("image").asText()).isEqualTo("busybox:2");
        List<Service> services = repository.list(Kind.SERVICE);
        assertThat(services)
                .filteredOn(Service::removed)
                .extracting(Service::name)
                .containsExactly("db");
        assertThat(services).filteredOn(s -> s.name().equals("cache")).hasSize(1);
        long revision = store.revision();
        assertThat(admin.put("/v1/environments/test/stacks/hello", changed).status())
                .isEqualTo(200);
        assertThat(store.revision()).as("the same files change nothing").isEqualTo(revision);
        assertRefused(
                admin.put("/v1/environments/test/stacks/hello", Map.of("name", "other", "compose", WEB)),
                422,
                "name",
                "keeps its name");
    }

    @Test
    void tellsWhereAComposeFileIsWrong() {
        environment("test");
        Answer wrong = admin.post(
                "/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB.replace("command", "comand")));
        assertThat(wrong.status()).isEqualTo(422);
        assertThat(wrong.field()).startsWith("compose.").contains("comand");
        assertThat(wrong.message()).contains("comand");
        assertRefused(admin.post("/v1/environments/test/stacks", Map.of("name", "hello")), 422, "compose", "missing");
        assertRefused(
                admin.post("/v1/environments/test/stacks", Map.of("name", "he_llo", "compose", WEB)), 422, "name");
        assertThat(repository.list(Kind.STACK)).isEmpty();
    }

    @Test
    void removesAStackByDrainingItsServicesAndFreesItsName() {
        environment("test");
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB));
        assertThat(admin.delete("/v1/environments/test/stacks/hello").status()).isEqualTo(204);
        assertThat(admin.get("/v1/environments/test/stacks")
                        .json()
                        .get(0)
                        .path("state")
                        .asText())
                .isEqualTo("removing");
        Service removed = repository.list(Kind.SERVICE).getFirst();
        assertThat(removed.removed()).isTrue();
        assertThat(admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB))
                        .status())
                .isEqualTo(201);
        assertThat(repository.list(Kind.SERVICE)).hasSize(2);
    }

    @Test
    void sidekicksAreScaledWithTheirServiceAndNotByThemselves() {
        environment("test");
        Answer made = admin.post(
                "/v1/environments/test/stacks",
                Map.of(
                        "name",
                        "hello",
                        "compose",
                        "log: {image: busybox}\nweb: {image: busybox, scale: 2, labels: {io.rancher.sidekicks: log}}\n"));
        assertThat(made.status()).as(made.raw().body()).isEqualTo(201);
        String services = "/v1/environments/test/stacks/hello/services/";
        assertThat(admin.get(services + "log").json().path("scale").asInt()).isEqualTo(2);
        assertThat(admin.post(services + "web/scale", Map.of("scale", 5)).status())
                .isEqualTo(200);
        assertThat(admin.get(services + "log").json().path("scale").asInt()).isEqualTo(5);
        assertRefused(
                admin.post(services + "log/scale", Map.of("scale", 1)),
                422,
                "scale",
                "log is a sidekick (expected: the scale of web)");
    }

    @Test
    void scalesAndUpgradesServices() {
        environment("test");
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB));
        String web = "/v1/environments/test/stacks/hello/services/web";
        assertThat(admin.post(web + "/scale", Map.of("scale", 3))
                        .json()
                        .path("scale")
                        .asInt())
                .isEqualTo(3);
        assertRefused(admin.post(web + "/scale", Map.of("scale", -1)), 422, "scale", "0 to 10000");
        assertRefused(admin.post(web + "/scale", Map.of()), 422, "scale", "missing");
        assertRefused(admin.post(web + "/scale", "{\"scale\":1.5}"), 422, "scale", "whole number");
        Answer upgraded = admin.post(
                web + "/upgrade",
                Map.of("image", "busybox:2", "environment", Map.of("A", "1"), "command", List.of("x")));
        assertThat(upgraded.json().path("version").asLong()).isEqualTo(2);
        assertThat(admin.post(web + "/upgrade", Map.of("image", "busybox:2"))
                        .json()
                        .path("version")
                        .asLong())
                .as("no change, no upgrade")
                .isEqualTo(2);
        ContainerSpec spec = repository.list(Kind.SERVICE).getFirst().spec();
        assertThat(spec.environment()).containsEntry("A", "1");
        assertThat(spec.command()).containsExactly("x");
        assertRefused(admin.post(web + "/upgrade", Map.of()), 422, "image", "nothing to change");
        assertRefused(admin.post(web + "/upgrade", Map.of("image", " ")), 422, "image", "a Docker image");
        assertRefused(admin.post(web + "/upgrade", Map.of("imagee", "x")), 422, "imagee", "unknown field");
    }

    @Test
    void showsContainersAndJoinsThemWithTheirServices() {
        String environmentId = environment("test");
        String hostId = join(joinToken("test"), "h1", "m1", "192.0.2.11")
                .json()
                .path("identity")
                .path("hostId")
                .asText();
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB));
        Service service = repository.list(Kind.SERVICE).getFirst();
        repository.update(tx -> {
            tx.create(
                    Kind.INSTANCE,
                    new Instance(
                            "ins_1",
                            environmentId,
                            service.id(),
                            1,
                            "hello-web-1",
                            hostId,
                            1,
                            service.spec(),
                            Instance.Phase.ACTIVE,
                            0));
            tx.create(Kind.CONTAINER, container(environmentId, hostId, "d1", "hello-web-1", "running", "ins_1"));
            tx.create(Kind.CONTAINER, container(environmentId, hostId, "d2", "plain", "created", null));
        });
        JsonNode containers = admin.get("/v1/environments/test/containers").json();
        assertThat(containers).hasSize(2);
        assertThat(containers.get(0).path("service").asText()).isEqualTo("web");
        assertThat(containers.get(0).path("stack").asText()).isEqualTo("hello");
        assertThat(containers.get(0).path("host").asText()).isEqualTo("h1");
        assertThat(containers.get(1).path("state").asText()).isEqualTo("created");
        assertThat(containers.get(1).has("service")).isFalse();
        JsonNode web =
                admin.get("/v1/environments/test/stacks/hello/services/web").json();
        assertThat(web.path("state").asText()).isEqualTo("active");
        assertThat(web.path("instances").get(0).path("address").asText()).isEqualTo("10.42.0.2");
        assertThat(web.path("instances").get(0).path("phase").asText()).isEqualTo("active");
        assertThat(admin.get("/v1/environments/test/hosts/h1")
                        .json()
                        .path("containers")
                        .asInt())
                .isEqualTo(2);
    }

    @Test
    void flowsHaveTheNamesOfTheirContainersAndAddUpWhatBothHostsTell() {
        String environmentId = environment("test");
        String token = joinToken("test");
        String one = join(token, "h1", "m1", "192.0.2.11")
                .json()
                .path("identity")
                .path("hostId")
                .asText();
        String two = join(token, "h2", "m2", "192.0.2.12")
                .json()
                .path("identity")
                .path("hostId")
                .asText();
        repository.update(
                tx -> tx.create(Kind.CONTAINER, container(environmentId, one, "d1", "plain", "running", null)));
        assertThat(admin.get("/v1/environments/test/flows").json()).isEmpty();
        live.setFlows(
                one,
                new Up.Flows(
                        10_000,
                        List.of(
                                new Up.Flow("10.42.0.2", "10.42.1.9", 100, 20_000, 0, null),
                                new Up.Flow("10.42.0.2", "10.42.1.8", 100, 90_000, 0, null))));
        live.setFlows(
                two, new Up.Flows(10_000, List.of(new Up.Flow("10.42.0.2", "10.42.1.9", 0, 0, 5, "bad_checksum"))));
        JsonNode flows = admin.get("/v1/environments/test/flows").json();
        assertThat(flows).hasSize(2);
        assertThat(flows.get(0).path("bytesPerSecond").asDouble()).isEqualTo(9000);
        JsonNode second = flows.get(1);
        assertThat(second.path("source").path("container").asText()).isEqualTo("plain");
        assertThat(second.path("source").path("host").asText()).isEqualTo("h1");
        assertThat(second.path("destination").path("address").asText()).isEqualTo("10.42.1.9");
        assertThat(second.path("destination").has("container")).isFalse();
        assertThat(second.path("packetsPerSecond").asDouble()).isEqualTo(10);
        assertThat(second.path("bytesPerSecond").asDouble()).isEqualTo(2000);
        assertThat(second.path("droppedPerSecond").asDouble()).isEqualTo(0.5);
        assertThat(second.path("drop").asText()).isEqualTo("bad_checksum");
    }

    private static Container container(
            String environmentId, String hostId, String id, String name, String state, String instanceId) {
        return new Container(
                environmentId,
                hostId,
                new ContainerFact(
                        id,
                        name,
                        "busybox",
                        state,
                        "2026-11-22T10:00:00Z",
                        null,
                        null,
                        "10.42.0.2",
                        "02:00:00:00:00:01",
                        instanceId,
                        Map.of(),
                        null));
    }

    @Test
    void keepsThePortsOfLoadBalancersApart() {
        environment("test");
        String balanced = WEB + "  lb:\n    image: rancher/lb-service-haproxy\n    ports: [\"9898:9898\"]\n";
        String rancher = """
                version: '2'
                services:
                  lb:
                    lb_config:
                      port_rules:
                        - {source_port: 9898, target_port: 8000, service: web, protocol: http}
                """;
        Answer first = admin.post(
                "/v1/environments/test/stacks", Map.of("name", "one", "compose", balanced, "rancherCompose", rancher));
        assertThat(first.status()).as(first.raw().body()).isEqualTo(201);
        JsonNode lb = admin.get("/v1/environments/test/stacks/one/services/lb").json();
        assertThat(lb.path("kind").asText()).isEqualTo("load-balancer");
        assertThat(lb.path("portRules").get(0).path("sourcePort").asInt()).isEqualTo(9898);
        Answer second = admin.post(
                "/v1/environments/test/stacks", Map.of("name", "two", "compose", balanced, "rancherCompose", rancher));
        assertRefused(second, 409, "compose.services.lb.ports", "port: 9898", "load balancer one/lb");
        assertThat(repository.list(Kind.STACK)).as("nothing of it is kept").hasSize(1);
        assertRefused(admin.post("/v1/environments/test/stacks/one/services/lb", null), 405, "", "GET");
        assertRefused(
                admin.post("/v1/environments/test/stacks/one/services/lb/scale", Map.of("scale", 2)),
                422,
                "scale",
                "is a load balancer");
        assertRefused(
                admin.post(
                        "/v1/environments/test/stacks",
                        Map.of("name", "three", "compose", "web:\n  image: busybox\n  ports: ['9898:80']\n")),
                409,
                "compose.services.web.ports",
                "load balancer one/lb");
    }

    @Test
    void certificatesGoInAndTheirKeysNeverComeOut() throws Exception {
        environment("test");
        String path = "/v1/environments/test/certificates";
        String certificate = Files.readString(directory.resolve("server.crt"));
        String secret = Files.readString(directory.resolve("server.key"));
        Answer added = admin.put(path + "/Shop.Example", Map.of("certificate", certificate, "key", secret));
        assertThat(added.status()).as(added.raw().body()).isEqualTo(200);
        assertThat(added.json().path("name").asText()).isEqualTo("shop.example");
        assertThat(added.json().path("names").toString()).contains("localhost");
        Answer listed = admin.get(path);
        assertThat(listed.json()).hasSize(1);
        String body = secret.lines().toList().get(1);
        for (Answer answer : List.of(added, listed)) {
            assertThat(answer.raw().body()).doesNotContain("PRIVATE KEY").doesNotContain(body);
        }
        assertThat(repository.list(Kind.CERTIFICATE).toString()).doesNotContain(body);

        Path other = Files.createDirectory(directory.resolve("other"));
        ServerKey.loadOrCreate(other);
        String strange = Files.readString(other.resolve("server.key"));
        assertRefused(
                admin.put(path + "/x", Map.of("certificate", certificate, "key", strange)),
                422,
                "key",
                "is not the key of the certificate");
        assertRefused(
                admin.put(path + "/x", Map.of("certificate", "none", "key", secret)),
                422,
                "certificate",
                "expected: PEM");
        assertRefused(
                admin.put(path + "/x", Map.of("certificate", certificate, "key", certificate)),
                422,
                "key",
                "has no BEGIN PRIVATE KEY");
        assertRefused(
                admin.put(path + "/-x", Map.of("certificate", certificate, "key", secret)), 422, "certificate", "-x");

        String compose = WEB + "  lb:\n    image: drover/lb\n    lb_config: {default_cert: %s, port_rules:"
                + " [{source_port: 443, target_port: 8000, service: web, protocol: https}]}\n";
        assertRefused(
                admin.post("/v1/environments/test/stacks", Map.of("name", "one", "compose", compose.formatted("nope"))),
                422,
                "compose.services.lb.lb_config.certs",
                "nope does not exist",
                "shop.example");
        Answer up = admin.post(
                "/v1/environments/test/stacks", Map.of("name", "one", "compose", compose.formatted("shop.example")));
        assertThat(up.status()).as(up.raw().body()).isEqualTo(201);
        assertRefused(admin.delete(path + "/shop.example"), 409, "certificate", "in use", "one/lb");
        admin.delete("/v1/environments/test/stacks/one");
        assertThat(admin.delete(path + "/shop.example").status()).isEqualTo(204);
        assertThat(admin.get(path).json()).isEmpty();
    }

    @Test
    void describesExactlyWhatItServes() {
        JsonNode document = anonymous.get("/v1/openapi.json").json();
        assertThat(document.path("openapi").asText()).startsWith("3.1");
        Set<String> described = new TreeSet<>();
        document.path("paths")
                .properties()
                .forEach(path -> path.getValue()
                        .properties()
                        .forEach(operation -> described.add(operation.getKey().toUpperCase(Locale.ROOT) + " "
                                + path.getKey().replaceAll("\\{(\\w+)}", ":$1"))));
        Set<String> routed = new TreeSet<>();
        for (String route : server.routes()) {
            String path = route.substring(route.indexOf(' ') + 1);
            if (List.of("/v1/watch", "/v1/link", "/metrics").contains(path)) {
                routed.add("GET " + path);
            } else if (!path.equals("/*") && !path.equals("/v1/*")) {
                routed.add(route);
            }
        }
        assertThat(described).isEqualTo(routed);
        assertReferencesResolve(document, document);
        JsonNode schema = document.at("/components/schemas/EnvironmentNewEnvironment");
        assertThat(schema.path("required")).hasSize(1);
        assertThat(schema.path("properties").path("vni").path("type").asText()).isEqualTo("integer");
    }

    private static void assertReferencesResolve(JsonNode node, JsonNode document) {
        if (node.has("$ref")) {
            String reference = node.path("$ref").asText();
            assertThat(document.at(reference.substring(1)).isMissingNode())
                    .as(reference)
                    .isFalse();
        }
        node.forEach(child -> assertReferencesResolve(child, document));
    }

    @Test
    void servesHealthMetricsAndPagesWithSafeHeaders() {
        assertThat(anonymous.get("/healthz").json().path("status").asText()).isEqualTo("ok");
        environment("test");
        assertThat(admin.get("/metrics").raw().body())
                .contains("drover_store_revision")
                .contains("drover_api_requests_total{method=\"POST\",route=\"/v1/environments\",status=\"201\"} 1.0");
        Answer page = anonymous.get("/");
        assertThat(page.status()).isEqualTo(200);
        assertThat(page.raw().headers().firstValue("content-type").orElseThrow())
                .startsWith("text/html");
        assertThat(page.raw().headers().firstValue("content-security-policy").orElseThrow())
                .contains("script-src 'self'");
        assertThat(page.raw().headers().firstValue("x-content-type-options")).contains("nosniff");
        assertThat(anonymous.get("/../../etc/passwd").status()).isIn(400, 404);
    }

    @Test
    void watchesLiveFromASnapshotOn() throws Exception {
        environment("test");
        Watcher watcher = watch(admin.token(), Map.of());
        JsonNode snapshot = watcher.next();
        assertThat(snapshot.path("type").asText()).isEqualTo("snapshot");
        assertThat(snapshot.path("put").path("environments")).hasSize(1);
        String hostId = join(joinToken("test"), "h1", "m1", "192.0.2.11")
                .json()
                .path("identity")
                .path("hostId")
                .asText();
        JsonNode joined = watcher.next();
        assertThat(joined.path("type").asText()).isEqualTo("change");
        assertThat(joined.path("put").path("hosts").get(0).path("state").asText())
                .isEqualTo("disconnected");
        assertThat(joined.path("put").path("environments").get(0).path("hosts").asInt())
                .isEqualTo(1);
        live.setConnected(hostId, true);
        assertThat(watcher.next().path("put").path("hosts").get(0).path("state").asText())
                .isEqualTo("connected");
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", WEB));
        JsonNode stack = watcher.next();
        assertThat(stack.path("put").path("services").get(0).path("name").asText())
                .isEqualTo("web");
        assertThat(stack.path("put").path("stacks").get(0).path("services").asInt())
                .isEqualTo(1);
        admin.delete("/v1/environments/test/hosts/h1");
        JsonNode removed = watcher.next();
        assertThat(removed.path("remove").path("hosts").get(0).asText()).isEqualTo(hostId);
        assertThat(removed.path("revision").asLong()).isEqualTo(store.revision());
        watcher.socket.abort();
    }

    @Test
    void opensWatchesForTokensAndForTheUisOwnPages() throws Exception {
        Answer login = anonymous.post("/v1/login", Map.of("user", "admin", "password", password));
        String cookie = "drover_session=" + login.json().path("token").asText();
        String own = "http://127.0.0.1:" + server.plain().getPort();
        Watcher page = watch("", Map.of("Cookie", cookie, "Origin", own));
        assertThat(page.next().path("type").asText()).isEqualTo("snapshot");
        page.socket.abort();
        assertThat(statusOf("", Map.of("Cookie", cookie, "Origin", "http://evil.example")))
                .isEqualTo(403);
        assertThat(statusOf("", Map.of())).isEqualTo(401);
        assertThat(statusOf("wrong", Map.of())).isEqualTo(401);
    }

    @Test
    void cutsOffAWatchThatDoesNotReadAndKeepsServingOthers() throws Exception {
        environment("test");
        Watcher lazy = watch(admin.token(), Map.of());
        lazy.next();
        lazy.reading = false;
        String compose = WEB + "    environment:\n      PADDING: " + "x".repeat(1_000) + "\n";
        admin.post("/v1/environments/test/stacks", Map.of("name", "hello", "compose", compose));
        Watcher eager = watch(admin.token(), Map.of());
        eager.next();
        String hostId = join(joinToken("test"), "h1", "m1", "192.0.2.11")
                .json()
                .path("identity")
                .path("hostId")
                .asText();
        String padding = "p".repeat(200_000);
        for (int i = 0; i < 150; i++) {
            String message = i + padding;
            live.setMessage(hostId, message);
            while (!eager.next().at("/put/hosts/0/message").asText().equals(message)) {
                assertThat(eager.socket.isInputClosed()).isFalse();
            }
        }
        Awaitility.await()
                .untilAsserted(
                        () -> assertThat(admin.get("/metrics").raw().body()).contains("drover_watch_clients 1.0"));
        lazy.socket.abort();
        eager.socket.abort();
    }

    private int statusOf(String token, Map<String, String> headers) {
        try {
            watch(token, headers);
            return 101;
        } catch (CompletionException e) {
            return ((WebSocketHandshakeException) e.getCause()).getResponse().statusCode();
        }
    }

    private Watcher watch(String token, Map<String, String> headers) {
        Watcher watcher = new Watcher();
        WebSocket.Builder builder =
                HttpClient.newHttpClient().newWebSocketBuilder().connectTimeout(Duration.ofSeconds(10));
        if (!token.isEmpty()) {
            builder.header("Authorization", "Bearer " + token);
        }
        headers.forEach(builder::header);
        watcher.socket = builder.buildAsync(
                        URI.create("ws://127.0.0.1:" + server.plain().getPort() + "/v1/watch"), watcher)
                .join();
        return watcher;
    }

    /** A WebSocket client that can stop reading. */
    private static final class Watcher implements WebSocket.Listener {
        private final BlockingQueue<String> messages = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();
        private volatile boolean reading = true;
        private WebSocket socket;

        JsonNode next() throws Exception {
            String message = messages.poll(20, TimeUnit.SECONDS);
            assertThat(message).as("a message within 20 s").isNotNull();
            return MAPPER.readTree(message);
        }

        @Override
        public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                messages.add(text.toString());
                text.setLength(0);
            }
            if (reading) {
                webSocket.request(1);
            }
            return CompletableFuture.completedStage(null);
        }
    }
}
