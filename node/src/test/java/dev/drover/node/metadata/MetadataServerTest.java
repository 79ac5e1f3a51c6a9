package dev.drover.node.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.link.Up.ContainerFact;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Over real connections, each from the address of the container that asks. */
@Timeout(60)
final class MetadataServerTest {
    private static final HostIdentity HOST = new HostIdentity(
            "h1", "host1", "e1", "test", "127.42.1.0/24", "127.42.0.0/16", 1042, 4789, "rancher.internal");
    private static final String SELF = "127.42.1.2";

    private final Lanes lanes = Lanes.open(Transport.EPOLL, 1);
    private final MetadataServer server =
            new MetadataServer(lanes.sockets(), new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
    private final Map<String, DesiredItem> desired = new HashMap<>();
    private final List<ContainerFact> local = new ArrayList<>();
    private final List<Socket> open = new ArrayList<>();

    @BeforeEach
    void start() {
        desired.put(
                "about/host/h1",
                new DesiredItem.AboutHost("h1", "host1", "192.0.2.1", Map.of("disk", "ssd"), 2, 4L << 30));
        desired.put(
                "about/service/s1",
                new DesiredItem.AboutService(
                        "s1",
                        "k1",
                        "Shop",
                        "web",
                        "service",
                        2,
                        List.of("80:8080/tcp"),
                        List.of(),
                        Map.of("a/b c", "x"),
                        Map.of(),
                        List.of(),
                        List.of(),
                        null,
                        List.of(),
                        Map.of("motd", "hello\nworld", "list", List.of(1, "two"))));
        desired.put(
                "about/container/far",
                new DesiredItem.AboutContainer(
                        "far", "h2", "Shop-web-2", "127.42.2.2", null, "running", null, Map.of(), "s1", 2));
        local.add(fact("near", "Shop-web-1", SELF, "Shop/web"));
        local.add(fact("hand", "by-hand", "127.42.1.3", null));
        publish();
        server.listen();
    }

    @AfterEach
    void stop() throws IOException {
        for (Socket socket : open) {
            socket.close();
        }
        server.close();
        lanes.close();
    }

    private static ContainerFact fact(String id, String name, String address, String service) {
        return new ContainerFact(
                id,
                name,
                "busybox",
                "running",
                "2026-11-22T09:00:00Z",
                "2026-11-22T10:00:00Z",
                null,
                address,
                "02:00:00:00:00:01",
                service == null ? null : "i-" + id,
                service == null ? Map.of() : Map.of("io.rancher.stack_service.name", service),
                null,
                "starting");
    }

    private void publish() {
        server.publish(new MetadataSource(HOST, Map.copyOf(desired), List.copyOf(local)));
    }

    private Socket connect(String from) throws IOException {
        Socket socket = new Socket();
        open.add(socket);
        socket.setSoTimeout(20_000);
        socket.bind(new InetSocketAddress(InetAddress.ofLiteral(from), 0));
        socket.connect(server.listen());
        return socket;
    }

    private static void send(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** Status line, fields and body until the server closes. */
    private String exchange(String from, String request) {
        try (Socket socket = connect(from)) {
            send(socket, request);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(request, e);
        }
    }

    private String get(String from, String target, String accept) {
        return exchange(
                from,
                "GET " + target + " HTTP/1.1\r\nHost: rancher-metadata\r\nConnection: close\r\nAccept: " + accept
                        + "\r\n\r\n");
    }

    private String body(String target) {
        String response = get(SELF, target, "*/*");
        assertThat(response).as(target).startsWith("HTTP/1.1 200 OK\r\n");
        return response.substring(response.indexOf("\r\n\r\n") + 4);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            /                                          | "2015-07-25\n2015-12-19\n2016-07-29\nlatest\n"
            /latest                                    | "containers/\nenvironment/\nhosts/\nnetworks/\nself/\nservices/\nstacks/\nversion\n"
            /latest/self/                              | "container/\nhost/\nservice/\nstack/\n"
            /latest/self/container/name                | Shop-web-1
            /latest/self/container/primary_ip          | 127.42.1.2
            /latest/self/container/service_index       | 1
            /latest/self/container/health_state        | initializing
            /latest/self/container/ports               | "0\n"
            /latest/self/container/ports/0             | 0.0.0.0:80:8080/tcp
            /2015-12-19/self/container/ports/0         | 192.0.2.1:80:8080/tcp
            /latest/self/service/containers            | "0=Shop-web-1\n1=Shop-web-2\n"
            /2015-07-25/self/service/containers        | "0\n1\n"
            /2015-07-25/self/service/containers/1      | Shop-web-2
            /latest/self/service/metadata/motd         | "hello\nworld"
            /latest/self/service/metadata/list/1       | two
            /latest/self/service/labels                | "a%2Fb+c\n"
            /latest/self/service/labels/a%2Fb+c        | x
            /latest/self/service/vip                   | ""
            /latest/self/host/labels/disk              | ssd
            /latest/self/host/milli_cpu                | 2000
            /latest/containers                         | "0=Shop-web-1\n1=Shop-web-2\n2=by-hand\n"
            /latest/containers/by-hand/primary_ip      | 127.42.1.3
            /latest/containers/hand/primary_ip         | 127.42.1.3
            /latest/containers/1/host_uuid             | h2
            /latest/stacks/shop/services/web/scale     | 2
            /LATEST                                    | ""
            /latest/SELF/Container/Name                | Shop-web-1
            //latest//self/container/name/             | Shop-web-1
            http://rancher-metadata/latest/hosts       | "0=host1\n"
            /latest/environment/name                   | test
            /latest/networks/vxlan/subnet              | 127.42.0.0/16
            """)
    void pathsLeadToValuesAndListings(String target, String expected) {
        if (target.equals("/LATEST")) {
            assertThat(get(SELF, target, "*/*")).contains("404", "version: LATEST (expected: one of 2015-07-25");
            return;
        }
        assertThat(body(target)).isEqualTo(expected == null ? "" : expected);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            application/json                        | application/json  | ["127.42.1.2"]
            application/yaml                        | application/yaml  | - 127.42.1.2
            text/x-yaml                             | application/yaml  | - 127.42.1.2
            text/html, */*;q=0.8                    | text/plain        | 0
            application/json;q=0.5, text/plain      | text/plain        | 0
            application/json, text/plain;q=0.5      | application/json  | ["127.42.1.2"]
            application/*                           | application/json  | ["127.42.1.2"]
            image/png                               | text/plain        | 0
            ;                                       | text/plain        | 0
            */*, application/json                   | application/json  | ["127.42.1.2"]
            application/json;q=x                    | text/plain        | 0
            """)
    void theClientChoosesTheForm(String accept, String type, String body) {
        String response = get(SELF, "/latest/self/container/ips", accept);
        assertThat(response.toLowerCase(Locale.ROOT)).contains("content-type: " + type);
        assertThat(response.substring(response.indexOf("\r\n\r\n") + 4).strip()).isEqualTo(body);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            127.0.0.1  | the host itself
            127.42.2.2 | a container of another host
            127.42.1.1 | the host's own overlay address
            """)
    void whoIsNoContainerOfThisHostIsRefusedWithTheReason(String from, String who) {
        for (String target : List.of("/", "/latest", "/latest/self/host", "/latest/version?wait=true&value=1")) {
            assertThat(get(from, target, "*/*"))
                    .as(who)
                    .startsWith("HTTP/1.1 403 ")
                    .contains(from + " is no container of this environment on this host (expected: one on the");
        }
    }

    @Test
    void aContainerThatHasJustGotItsAddressIsWaitedFor() {
        CompletableFuture<String> early =
                CompletableFuture.supplyAsync(() -> get("127.42.1.9", "/latest/self/container/name", "*/*"));
        local.add(fact("new", "newcomer", "127.42.1.9", null));
        publish();
        assertThat(early.join()).endsWith("\r\n\r\nnewcomer");
        assertThat(get("127.42.1.10", "/latest/self/container/name", "*/*")).startsWith("HTTP/1.1 403 ");
    }

    @Test
    void whatTheNodeSeesOfItsOwnContainersCountsAtOnce() {
        desired.put(
                "about/container/near",
                new DesiredItem.AboutContainer(
                        "near", "h1", "old-name", "127.42.1.77", null, "running", null, Map.of(), null, 0));
        publish();
        assertThat(body("/latest/containers")).doesNotContain("old-name");
        local.removeLast();
        publish();
        assertThat(body("/latest/containers")).doesNotContain("by-hand");
        server.publish(new MetadataSource(HOST, Map.copyOf(desired), null));
        assertThat(get("127.42.1.77", "/latest/self/container/name", "*/*"))
                .as("before the containers are known, what was desired last")
                .endsWith("old-name");
    }

    @Test
    void aClientThatWaitsIsToldOfTheChangeAndOfNothingElse() throws Exception {
        String version = body("/latest/version");
        try (Socket scale = connect(SELF);
                Socket all = connect(SELF)) {
            send(scale, waiting("/latest/self/service/scale", "2", 100));
            send(all, waiting("/latest/version", version, 100));
            publish();
            local.add(fact("more", "another", "127.42.1.20", null));
            publish();
            assertThat(next(all)).contains("200 OK").doesNotContain("\n" + version);
            assertThat(scale.getInputStream().available()).as("not its change").isZero();
            DesiredItem.AboutService web = (DesiredItem.AboutService) desired.get("about/service/s1");
            desired.put(
                    "about/service/s1",
                    new DesiredItem.AboutService(
                            web.serviceId(),
                            web.stackId(),
                            web.stack(),
                            web.name(),
                            web.type(),
                            3,
                            web.ports(),
                            web.expose(),
                            web.labels(),
                            web.links(),
                            web.sidekicks(),
                            web.externalIps(),
                            null,
                            web.balancing(),
                            web.metadata()));
            publish();
            assertThat(next(scale)).endsWith("\r\n\r\n3");
            send(scale, "GET /latest/self/service/scale HTTP/1.1\r\nHost: a\r\n\r\n");
            assertThat(next(scale)).as("the connection goes on").endsWith("\r\n\r\n3");
        }
    }

    @Test
    void aWaitEndsAfterItsTimeWithWhatThereIs() throws Exception {
        long begunNs = System.nanoTime();
        try (Socket socket = connect(SELF)) {
            send(socket, waiting("/latest/self/service/scale", "2", 1));
            assertThat(next(socket)).contains("200 OK").endsWith("\r\n\r\n2");
            send(socket, waiting("/latest/containers/nobody", "", 1));
            assertThat(next(socket)).contains("404 Not Found");
        }
        assertThat(System.nanoTime() - begunNs).isGreaterThanOrEqualTo(TimeUnit.SECONDS.toNanos(2));
    }

    @Test
    void whoeverWaitsGetsAnAnswerWhenTheNodeLeaves() throws Exception {
        try (Socket socket = connect(SELF)) {
            send(socket, waiting("/latest/self/service/scale", "2", 100));
            // Its place in the list of those who wait shows when a later one has its answer.
            assertThat(body("/latest/self/service/name")).isEqualTo("web");
            server.drain();
            assertThat(next(socket)).contains("connection: close").endsWith("\r\n\r\n2");
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
    }

    private static String waiting(String path, String value, int seconds) {
        return "GET " + path + "?wait=true&value=" + value + "&maxWait=" + seconds + " HTTP/1.1\r\nHost: a\r\n\r\n";
    }

    /** One response with its body. */
    private static String next(Socket socket) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.indexOf("\r\n\r\n") < 0) {
            int read = socket.getInputStream().read();
            assertThat(read).as("closed after: " + text).isNotNegative();
            text.append((char) read);
        }
        String head = text.toString();
        int at = head.indexOf("content-length: ") + "content-length: ".length();
        int length = Integer.parseInt(head.substring(at, head.indexOf('\r', at)));
        return head + new String(socket.getInputStream().readNBytes(length), StandardCharsets.UTF_8);
    }

    @Test
    void requestsBeyondTheBoundsAreRefusedByStatus() {
        assertThat(exchange(SELF, "POST /latest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 405 ")
                .contains("allow: GET, HEAD");
        assertThat(exchange(SELF, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"))
                .startsWith("HTTP/1.1 413 ");
        assertThat(exchange(SELF, "GET /" + "a".repeat(20_000) + " HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 414 ");
        assertThat(exchange(SELF, "GET / HTTP/1.1\r\nX: " + "a".repeat(20_000) + "\r\n\r\n"))
                .startsWith("HTTP/1.1 431 ");
        assertThat(get(SELF, "/latest/" + "a".repeat(2_000), "*/*")).contains("path: 2008 characters (expected: at");
        assertThat(get(SELF, "/latest" + "/a".repeat(20), "*/*")).contains("path: 21 keys (expected: at most 16)");
        assertThat(get(SELF, "/latest/%zz", "*/*")).startsWith("HTTP/1.1 400 ");
        assertThat(get(SELF, "/latest/version?wait=true&value=1&maxWait=soon", "*/*"))
                .contains("maxWait: soon (expected: seconds, at most 120)");
        assertThat(get(SELF, "/latest/nothing", "application/json"))
                .startsWith("HTTP/1.1 404 ")
                .endsWith("{\"code\":404,\"message\":\"/nothing: not found\",\"type\":\"error\"}");
        String head =
                exchange(SELF, "HEAD /latest/self/container/name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assertThat(head).contains("content-length: 10").endsWith("\r\n\r\n");
    }

    @Test
    void oneContainerCannotTakeAllConnections() throws IOException {
        PrometheusRegistry registry = new PrometheusRegistry();
        server.registerMetrics(registry);
        for (int i = 0; i < Admission.MAX_CONNECTIONS_OF_ONE; i++) {
            Socket socket = connect("127.42.1.3");
            send(socket, "GET /latest/self/container/name HTTP/1.1\r\nHost: a\r\n\r\n");
            assertThat(next(socket)).endsWith("by-hand");
        }
        assertThat(connect("127.42.1.3").getInputStream().read()).as("closed").isEqualTo(-1);
        assertThat(body("/latest/self/container/name")).as("others go on").isEqualTo("Shop-web-1");
        assertThat(counter(registry, "drover_metadata_refused_connections")).isEqualTo(1);
        assertThat(counter(registry, "drover_metadata_requests")).isEqualTo(Admission.MAX_CONNECTIONS_OF_ONE + 1);
        open.getFirst().close();
        await().atMost(Duration.ofSeconds(10))
                .until(() ->
                        get("127.42.1.3", "/latest/self/container/name", "*/*").endsWith("by-hand"));
    }

    private static double counter(PrometheusRegistry registry, String name) {
        return registry.scrape().stream()
                .filter(family -> family.getMetadata().getName().equals(name))
                .map(CounterSnapshot.class::cast)
                .flatMap(family -> family.getDataPoints().stream())
                .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
                .sum();
    }

    @Test
    void aPortOfAnotherProcessIsToldAndTriedAgain() throws IOException {
        InetAddress address = InetAddress.ofLiteral("127.0.0.5");
        ServerSocket foreign = new ServerSocket(0);
        try (MetadataServer late =
                new MetadataServer(lanes.sockets(), new InetSocketAddress(address, foreign.getLocalPort()))) {
            assertThatThrownBy(late::listen)
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining("127.0.0.5:" + foreign.getLocalPort())
                    .hasMessageContaining("in use")
                    .hasMessageContaining("let it listen at the host's own addresses");
            foreign.close();
            assertThat(late.listen().getAddress()).isEqualTo(address);
        } finally {
            foreign.close();
        }
    }

    @Test
    void requestsThatDoNotWaitForAnswersAreAnsweredInTheirOrder() throws IOException {
        try (Socket socket = connect(SELF)) {
            send(
                    socket,
                    waiting("/latest/self/service/scale", "2", 1)
                            + "GET /latest/self/service/name HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
            assertThat(next(socket)).endsWith("\r\n\r\n2");
            for (int i = 0; i < 3; i++) {
                assertThat(next(socket)).endsWith("\r\n\r\nweb");
            }
            send(
                    socket,
                    waiting("/latest/self/service/scale", "2", 100)
                            + "GET /latest/self/service/name HTTP/1.1\r\nHost: a\r\n\r\n".repeat(9));
            assertThat(socket.getInputStream().read()).as("too many").isEqualTo(-1);
        }
    }

    /** Whatever a container sends, the next request is answered. */
    @Test
    void noiseIsAnsweredOrEndsTheConnection() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        String[] pieces = {
            "/",
            "latest",
            "2015-07-25",
            "self",
            "container",
            "service",
            "stacks",
            "0",
            "-1",
            "99999999999",
            "%",
            "%2F",
            "%00",
            "?",
            "&",
            "=",
            "wait",
            "true",
            "value",
            "maxWait",
            "1",
            "\u00e9",
            "..",
            ";",
            "#",
            "name",
            "labels"
        };
        for (int i = 0; i < 500; i++) {
            StringBuilder target = new StringBuilder("/");
            for (int n = random.nextInt(12); n > 0; n--) {
                target.append(pieces[random.nextInt(pieces.length)]);
            }
            // A wait would hold up the test, not the server.
            String safe = target.toString().replace("wait=true", "wait=false");
            String response = get(SELF, safe, pieces[random.nextInt(pieces.length)]);
            assertThat(response).as("seed %d target %s", seed, safe).matches("(?s)HTTP/1.1 (200|400|404|414) .*");
        }
        for (int i = 0; i < 200; i++) {
            byte[] noise = new byte[random.nextInt(200)];
            random.nextBytes(noise);
            try (Socket socket = connect(SELF)) {
                socket.getOutputStream().write(noise);
                socket.shutdownOutput();
                socket.getInputStream().readAllBytes();
            } catch (IOException e) {
                assertThat(e).as("seed %d", seed).hasMessageMatching("(?i).*(reset|broken pipe).*");
            }
        }
        assertThat(body("/latest/self/container/name")).isEqualTo("Shop-web-1");
    }
}
