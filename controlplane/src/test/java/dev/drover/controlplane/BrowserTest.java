package dev.drover.controlplane;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.microsoft.playwright.APIResponse;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Route;
import com.microsoft.playwright.WebSocketRoute;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import com.microsoft.playwright.options.AriaRole;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.controlplane.link.Up.Facts;
import dev.drover.controlplane.links.FakeNode;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page as a user meets it: a real Chromium on a running control plane, whose nodes speak the real link. Tagged as the
 * tests that need root, because {@code ./drover test} must be root to install the browser.
 */
@Tag("root")
@Timeout(60)
class BrowserTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final double BUSY_MACHINE_MS = 20_000;
    private static final String STARTED = "2026-11-22T10:00:00Z";

    private static Chromium chromium;

    @TempDir
    static Path directory;

    /** A server takes two quiet seconds to stop; the next test need not wait for them. */
    private static final List<CompletableFuture<Void>> STOPPING = new ArrayList<>();

    private final List<FakeNode> nodes = new ArrayList<>();
    private Path state;
    private ControlPlane controlPlane;
    private String password;
    private Client admin;
    private Visitor visitor;
    private Page page;

    @BeforeAll
    static void startChromium() {
        PlaywrightAssertions.setDefaultAssertionTimeout(BUSY_MACHINE_MS);
        chromium = Chromium.start();
    }

    @AfterAll
    static void stopAll() {
        chromium.close();
        STOPPING.forEach(CompletableFuture::join);
    }

    @BeforeEach
    void openThePage() throws Exception {
        state = Files.createTempDirectory(directory, "state");
        controlPlane = start(0);
        password = controlPlane.adminPassword().orElseThrow();
        admin = Client.login(controlPlane, password);
        visitor = chromium.visit(controlPlane.uiAddress());
        page = visitor.page();
    }

    @AfterEach
    void closeThePage() {
        try {
            assertThat(visitor.faults()).isEmpty();
        } finally {
            visitor.close();
            nodes.forEach(FakeNode::close);
            STOPPING.add(CompletableFuture.runAsync(controlPlane::close, Thread::startVirtualThread));
        }
    }

    private ControlPlane start(int port) {
        return ControlPlane.start(
                new ServerConfig(state, new InetSocketAddress(LOOPBACK, 0), new InetSocketAddress(LOOPBACK, port)));
    }

    private void created(String path, Object body) {
        Client.Answer answer = admin.post(path, body);
        assertThat(answer.status()).as(answer.raw().body()).isEqualTo(201);
    }

    private void remove(String path) {
        Client.Answer answer = admin.delete(path);
        assertThat(answer.status()).as(answer.raw().body()).isEqualTo(204);
    }

    private void createEnvironment(String name) {
        created("/v1/environments", Map.of("name", name));
    }

    /** A host that has joined and is not connected yet. */
    private FakeNode join(String environment, String host, String vtep) {
        String token = admin.post("/v1/environments/" + environment + "/join-tokens", null)
                .json()
                .path("token")
                .asText();
        JsonNode joined = new Client(controlPlane.uiAddress(), "")
                .post(
                        "/v1/join",
                        Map.of(
                                "token", token,
                                "hostName", host,
                                "machineId", host,
                                "vtep", vtep,
                                "labels", Map.of()))
                .json();
        FakeNode node = new FakeNode(
                joined.path("hostKey").asText(),
                joined.path("identity").path("block").asText());
        nodes.add(node);
        return node;
    }

    private void connect(FakeNode node) {
        node.connect(controlPlane.uiAddress().getPort());
    }

    /** Host {@code host1}, connected, in environment {@code test}, shown to a user who is logged in. */
    private FakeNode shownHost() {
        createEnvironment("test");
        FakeNode node = join("test", "host1", "192.0.2.11");
        connect(node);
        logIn();
        assertThat(host("host1").locator(".state")).hasText("connected");
        return node;
    }

    private void logIn() {
        visitor.logIn(password);
        assertThat(live()).hasText("connected");
    }

    private static void report(FakeNode node, ContainerFact... containers) {
        node.send(new Facts(false, List.of(containers), List.of()));
    }

    private Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    /** Whether changes arrive at once. */
    private Locator live() {
        return page.locator("header .state");
    }

    private Locator host(String name) {
        return page.locator("[data-host='" + name + "']");
    }

    private Locator service(String name) {
        return page.locator("[data-service='" + name + "']");
    }

    private Locator container(String name) {
        return page.locator("[data-container='" + name + "']");
    }

    private void assertLoggedOut() {
        assertThat(button("Log in")).isVisible();
        assertThat(page.getByText("Containers")).hasCount(0);
    }

    @Test
    void refusesAWrongPasswordClearlyAndOpensThePageWithTheRightOne() {
        assertLoggedOut();
        visitor.logIn(password + "?");
        assertThat(page.getByRole(AriaRole.ALERT)).hasText("Wrong name or password.");
        assertLoggedOut();
        assertThat(visitor.session()).isEmpty();

        logIn();
        assertThat(page.getByRole(AriaRole.HEADING)).hasText(new String[] {"Drover", "Hosts", "Stacks", "Containers"});
        assertThat(page.getByRole(AriaRole.ALERT)).hasCount(0);
        assertThat(page.getByText("drover env create NAME")).isVisible();

        page.reload();
        assertThat(live()).hasText("connected");
    }

    @Test
    void showsEnvironmentsByNameAsTheyComeAndGoAndTheHostsOfTheChosenOneOnly() {
        logIn();
        createEnvironment("green");
        assertThat(button("green")).hasAttribute("aria-current", "true");
        assertThat(page.locator("main")).containsText("cattle · overlay 10.42.0.0/16 · VNI 1042");
        for (String name : List.of("red", "blue", "yellow", "black")) {
            createEnvironment(name);
        }
        assertThat(page.locator("nav").first().getByRole(AriaRole.BUTTON))
                .hasText(new String[] {"black", "blue", "green", "red", "yellow"});
        assertThat(button("green")).hasAttribute("aria-current", "true");
        assertThat(button("blue")).hasAttribute("aria-current", "false");

        join("blue", "host2", "192.0.2.12");
        button("blue").click();
        assertThat(button("blue")).hasAttribute("aria-current", "true");
        assertThat(button("green")).hasAttribute("aria-current", "false");
        assertThat(host("host2")).containsText("192.0.2.12");
        button("green").click();
        assertThat(page.getByText("No host yet.")).isVisible();
        assertThat(host("host2")).hasCount(0);

        remove("/v1/environments/black");
        remove("/v1/environments/green");
        assertThat(button("blue")).hasAttribute("aria-current", "true");
        assertThat(host("host2")).isVisible();
        remove("/v1/environments/red");
        remove("/v1/environments/yellow");
        remove("/v1/environments/blue/hosts/host2");
        remove("/v1/environments/blue");
        assertThat(page.getByText("No environment yet")).isVisible();
        assertThat(host("host2")).hasCount(0);
        assertThat(visitor.documents()).isEqualTo(1);
    }

    @Test
    void showsHostsAsTheyJoinConnectAndLeave() {
        createEnvironment("test");
        logIn();
        FakeNode node = join("test", "host1", "192.0.2.11");
        assertThat(host("host1").locator(".state")).hasText("disconnected");
        assertThat(host("host1")).containsText("0 containers");

        connect(node);
        assertThat(host("host1").locator(".state")).hasText("connected");
        assertThat(host("host1")).containsText("Docker 28.0 · 2 cores");
        report(node, Samples.running("c1", "box1", "10.42.0.2", null));
        assertThat(host("host1")).containsText("1 containers");

        node.kill();
        assertThat(host("host1").locator(".state")).hasText("disconnected");
        remove("/v1/environments/test/hosts/host1");
        assertThat(host("host1")).hasCount(0);
        assertThat(container("box1")).hasCount(0);
        assertThat(visitor.documents()).isEqualTo(1);
    }

    @Test
    void showsContainersAsTheyAreMadeRunStopAndGo() {
        FakeNode node = shownHost();
        report(node, Samples.container("c1", "box1", "created", null, null, null));
        assertThat(container("box1").locator("td"))
                .hasText(new String[] {"box1", "host1", "created", "–", "busybox", "Docker CLI"});

        report(node, Samples.running("c1", "box1", "10.42.0.2", null));
        assertThat(container("box1").locator("td"))
                .hasText(new String[] {"box1", "host1", "running", "10.42.0.2", "busybox", "Docker CLI"});

        report(node, Samples.running("c1", "box1", "198.51.100.1", null));
        assertThat(container("box1").locator(".problem")).containsText("198.51.100.1 is not of this host's block");

        report(node, Samples.container("c1", "box1", "exited", STARTED, null, null));
        assertThat(container("box1").locator(".state")).hasText("exited");
        node.send(new Facts(false, List.of(), List.of("c1")));
        assertThat(container("box1")).hasCount(0);
        assertThat(page.getByText("No container yet.")).isVisible();
        assertThat(visitor.documents()).isEqualTo(1);
    }

    @Test
    void showsAStackAsItStartsScalesAndGoes() {
        FakeNode node = shownHost();
        node.runs = false;
        created(
                "/v1/environments/test/stacks",
                Map.of(
                        "name",
                        "hello",
                        "compose",
                        "web: {image: busybox}\nlb: {image: drover/lb}",
                        "rancherCompose",
                        "lb: {lb_config: {port_rules: [{source_port: 9898, target_port: 8000, service: web}]}}"));
        assertThat(service("hello/web").locator(".state")).hasText("activating");
        assertThat(service("hello/web")).containsText("0 of 1");
        assertThat(service("hello/lb")).containsText("every host: 9898 → web:8000");

        node.runs = true;
        node.run();
        assertThat(service("hello/web").locator(".state")).hasText("active");
        assertThat(service("hello/web")).containsText("hello-web-1 · host1 · 10.42.0.2");
        assertThat(container("hello-web-1").locator("td").last()).hasText("web");

        assertThat(admin.post("/v1/environments/test/stacks/hello/services/web/scale", Map.of("scale", 3))
                        .status())
                .isEqualTo(200);
        assertThat(service("hello/web")).containsText("3 of 3");
        assertThat(page.locator("[data-container]")).hasCount(3);

        remove("/v1/environments/test/stacks/hello");
        assertThat(page.getByText("No stack yet.")).isVisible();
        assertThat(page.locator("[data-container]")).hasCount(0);
        assertThat(visitor.documents()).isEqualTo(1);
    }

    @Test
    void showsHtmlInNamesAsText() {
        String image = "<img src=\"nowhere\" onerror=\"window.injected = true\">";
        String script = "<script>window.injected = true</script>";
        FakeNode node = shownHost();
        report(
                node,
                new ContainerFact(
                        "c1", image, script, "<b>up</b>", STARTED, STARTED, null, null, null, null, Map.of(), script));
        Locator cells = page.locator("[data-container] td");
        assertThat(cells).hasText(new String[] {image, "host1", "<b>up</b>" + script, "–", script, "Docker CLI"});
        assertThat(page.locator("body img, body script, body b")).hasCount(0);
        assertThat(page.evaluate("() => window.injected")).isNull();
    }

    @Test
    void keepsTheNewestPictureWhenAnOlderAnswerComesLast() {
        FakeNode node = shownHost();
        AtomicBoolean first = new AtomicBoolean(true);
        List<Runnable> late = new ArrayList<>();
        page.route("**/containers", route -> {
            if (first.getAndSet(false)) {
                APIResponse early = route.fetch();
                late.add(() -> route.fulfill(new Route.FulfillOptions().setResponse(early)));
            } else {
                route.resume();
            }
        });
        report(node, Samples.running("c1", "box1", "10.42.0.2", null));
        page.waitForCondition(() -> !late.isEmpty());
        report(node, Samples.running("c2", "box2", "10.42.0.3", null));
        assertThat(container("box2")).isVisible();

        page.waitForResponse("**/containers", late.getFirst());
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
        assertThat(container("box2")).isVisible();
    }

    @Test
    void logsOut() {
        shownHost();
        String session = visitor.session();
        button("Log out").click();
        assertLoggedOut();
        assertThat(host("host1")).hasCount(0);
        assertThat(visitor.session()).isEmpty();
        assertThat(new Client(controlPlane.uiAddress(), session)
                        .get("/v1/environments")
                        .status())
                .isEqualTo(401);
        page.reload();
        assertLoggedOut();
    }

    @Test
    void leadsBackToTheLoginWhenTheSessionHasEndedHoweverThePageLearnsOfIt() {
        visitor.expectConnectionErrors();
        List<WebSocketRoute> channels = new ArrayList<>();
        page.routeWebSocket("**/v1/watch", channel -> {
            channel.connectToServer();
            channels.add(channel);
        });
        page.reload();
        shownHost();
        endSession();
        createEnvironment("zoo");
        assertLoggedOut();

        logIn();
        assertThat(host("host1").locator(".state")).hasText("connected");
        visitor.awaitQuiet();
        endSession();
        button("Log out").click();
        assertLoggedOut();

        logIn();
        visitor.awaitQuiet();
        endSession();
        channels.getLast().close();
        assertLoggedOut();
    }

    @Test
    void saysThatTheServerIsAwayAndCatchesUpWhenItIsBack() {
        visitor.expectConnectionErrors();
        logIn();
        int port = controlPlane.uiAddress().getPort();
        controlPlane.close();
        assertThat(live()).hasText("disconnected");
        assertThat(page.getByRole(AriaRole.ALERT)).hasText("The server does not answer.");

        controlPlane = start(port);
        createEnvironment("zoo");
        assertThat(live()).hasText("connected");
        assertThat(button("zoo")).isVisible();
        assertThat(page.getByRole(AriaRole.ALERT)).hasCount(0);

        assertThat(visitor.documents()).isEqualTo(1);
    }

    /** Ends the session behind the page's back, as its expiry does. */
    private void endSession() {
        assertThat(new Client(controlPlane.uiAddress(), visitor.session())
                        .post("/v1/logout", null)
                        .status())
                .isEqualTo(204);
    }
}
