package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What runs goes on while the configuration changes, and while targets close connections at the worst moment. */
class ChangeWithoutLossTest extends Harness {
    /** Requests a second: some are always under way, and the machine has time left for the test. */
    private static final int RATE = 300;
    /** With TLS, where the clients take most of the time. */
    private static final int TLS_RATE = 60;

    private final AtomicBoolean stop = new AtomicBoolean();
    private final AtomicLong answered = new AtomicLong();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final List<Thread> clients = new ArrayList<>();

    /** Clients, targets and load balancer share this machine: none is given up for being late. */
    @Override
    LbSettings settings() {
        Duration patience = Duration.ofSeconds(20);
        return super.settings().withTimeouts(Duration.ofMillis(500), patience, patience, patience, patience);
    }

    @AfterEach
    void end() throws InterruptedException {
        stop.set(true);
        for (Thread client : clients) {
            client.join(10_000);
        }
    }

    private void load(int count) {
        var address = bound("web");
        for (int c = 0; c < count; c++) {
            clients.add(Thread.ofVirtual().start(() -> {
                try (Wire wire = new Wire(address)) {
                    while (!stop.get()) {
                        Wire.Response response = wire.get("/g");
                        answered.incrementAndGet();
                        if (response.status() != 200) {
                            failures.add(response.head());
                        }
                    }
                } catch (IOException e) {
                    failures.add(e.toString());
                }
            }));
        }
    }

    private void pass(int requests) {
        long goal = answered.get() + requests;
        await().pollInterval(Duration.ofMillis(2)).until(() -> answered.get() >= goal || !failures.isEmpty());
    }

    private PoolConfig pool(int step, List<Origin> origins) {
        List<TargetConfig> targets = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            TargetConfig target =
                    TargetConfig.active(origins.get((step + i) % origins.size()).address());
            targets.add(i == 2 ? target.withWeight(step % 4) : target);
        }
        return PoolConfig.of("pool", Balance.values()[step % Balance.values().length], targets);
    }

    @Test
    void a_thousand_changes_of_targets_weights_and_balance_lose_no_request_of_an_open_loop() throws Exception {
        List<Origin> origins = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            origins.add(closing(Origin.http(request -> Origin.ok(request.path() + request.body()))));
        }
        var bind = loopback(0);
        serve(new ListenerConfig("web", bind, Protocol.HTTP, List.of(RouteConfig.everything(pool(0, origins)))));
        try (OpenLoop load = new OpenLoop(
                RATE,
                () -> new Wire(bound("web")),
                (wire, number) -> number % 2 == 0 ? postOrGet(wire, number) : below(wire, number))) {
            for (int step = 1; step <= 1_000; step++) {
                List<RouteConfig> routes = new ArrayList<>();
                routes.add(RouteConfig.everything(pool(step, origins)));
                if (step % 3 == 0) {
                    routes.add(RouteConfig.of("", "/g", pool(step, origins)));
                }
                assertThat(serve(new ListenerConfig("web", bind, Protocol.HTTP, routes))
                                .changed())
                        .isTrue();
                if (step % 20 == 0) {
                    pass(load, 6);
                }
            }
            load.end();
            assertThat(load.failures).isEmpty();
            assertThat(load.answered).hasValueGreaterThan(300);
        }
        await().until(() -> origins.stream().allMatch(origin -> lb.inFlight(origin.address()) == 0));
    }

    /** A request that goes by a route of its own while there is one. */
    private static String below(Wire wire, long number) throws IOException {
        Wire.Response response = wire.get("/g/" + number);
        return response.status() == 200 && response.body().equals("/g/" + number)
                ? null
                : "request " + number + ": " + response;
    }

    @Test
    void the_same_configuration_a_hundred_times_touches_nothing() throws InterruptedException {
        Origin a = closing(Origin.named("a"));
        Origin b = closing(Origin.named("b"));
        LbConfig config = new LbConfig(List.of(http("web", a, b)));
        assertThat(lb.apply(config).changed()).isTrue();
        load(4);
        pass(200);
        int connections = a.connections.get() + b.connections.get();
        long accepted = event("CLIENT_CONNECTED");
        for (int i = 0; i < 100; i++) {
            assertThat(lb.apply(new LbConfig(List.of(http("web", a, b)))).changed())
                    .isFalse();
        }
        pass(200);
        end();
        assertThat(failures).isEmpty();
        assertThat(event("CLIENT_CONNECTED")).isEqualTo(accepted);
        // Connections to targets are opened when the pool of a lane runs short; a change would close and open them all.
        assertThat(a.connections.get() + b.connections.get()).isLessThanOrEqualTo(connections + 4);
    }

    @Test
    void tunnels_and_downloads_survive_all_changes_but_the_death_of_their_own_target() throws IOException {
        AtomicBoolean more = new AtomicBoolean(true);
        Origin mixed = closing(new Origin((socket, in, out) -> {
            Origin.Request request = Origin.readRequest(in);
            if (request == null) {
                return;
            }
            if (request.path().equals("/ws")) {
                out.write(Ascii.bytes("HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"));
                for (int b = in.read(); b >= 0; b = in.read()) {
                    out.write(b);
                    out.flush();
                }
            } else {
                out.write(Ascii.bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
                while (more.get()) {
                    out.write(Ascii.bytes("1\r\nx\r\n"));
                    out.flush();
                    pause(5);
                }
                out.write(Ascii.bytes("0\r\n\r\n"));
            }
        }));
        Origin other = closing(Origin.named("other"));
        serve(http("web", mixed));
        Wire socket = client().send("GET /ws HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        assertThat(socket.response().status()).isEqualTo(101);
        Wire download = client().send("GET /download HTTP/1.1\r\nHost: t\r\n\r\n");
        await().until(() -> lb.inFlight(mixed.address()) == 2);
        for (int i = 0; i < 100; i++) {
            serve(i % 2 == 0 ? http("web", other) : http("web", mixed, other));
            socket.send("x");
            assertThat(socket.in().read()).isEqualTo('x');
        }
        serve(http("web", other));
        more.set(false);
        Wire.Response whole = download.response();
        assertThat(whole.body()).isNotEmpty().matches("x+");
        other.kill();
        socket.send("y");
        assertThat(socket.in().read()).isEqualTo('y');
        mixed.kill();
        assertThat(socket.ended()).isTrue();
    }

    /** As an operator replaces targets: each drains until nothing is left there, is killed, and comes back. */
    @Test
    void each_target_drains_dies_and_returns_in_turn_under_an_open_loop_load() throws Exception {
        List<Origin> origins = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            origins.add(slow(0));
        }
        serve(http("web", origins.toArray(Origin[]::new)));
        try (OpenLoop load = new OpenLoop(RATE, () -> new Wire(bound("web")), ChangeWithoutLossTest::postOrGet)) {
            for (int turn = 0; turn < origins.size(); turn++) {
                Origin drained = origins.get(turn);
                pass(load, 60);
                serve(listener("web", Protocol.HTTP, draining(origins, turn)));
                await().pollInterval(Duration.ofMillis(2)).until(() -> lb.inFlight(drained.address()) == 0);
                int served = drained.requests.size();
                assertThat(served).isPositive();
                pass(load, 40);
                assertThat(drained.requests).hasSize(served);
                drained.kill();
                pass(load, 20);
                origins.set(turn, slow(drained.address().getPort()));
                serve(http("web", origins.toArray(Origin[]::new)));
            }
            pass(load, 60);
            load.end();
            assertThat(load.failures).isEmpty();
        }
        assertThat(origins).allSatisfy(origin -> assertThat(origin.requests).isNotEmpty());
    }

    /** Nobody told the load balancer: what may be repeated (RFC 9110 section 9.2.2) is answered all the same. */
    @Test
    void a_target_that_is_killed_under_an_open_loop_load_fails_no_request_that_may_be_repeated() throws Exception {
        Origin steady = slow(0);
        List<Origin> mortals = List.of(slow(0), slow(0), slow(0));
        List<Origin> all = new ArrayList<>(mortals);
        all.add(steady);
        serve(http("web", all.toArray(Origin[]::new)));
        try (OpenLoop load = new OpenLoop(
                RATE, () -> new Wire(bound("web")), (wire, number) -> fault(wire.get("/" + number), number))) {
            for (Origin mortal : mortals) {
                pass(load, 60);
                await().pollInterval(Duration.ofMillis(1)).until(() -> lb.inFlight(mortal.address()) > 0);
                mortal.kill();
            }
            pass(load, 60);
            load.end();
            assertThat(load.failures).isEmpty();
        }
        assertThat(event("RETRIED")).isPositive();
    }

    @Test
    void certificates_are_swapped_under_an_open_loop_load(@TempDir Path directory) throws Exception {
        TestCertificate first = TestCertificate.create(directory, "first", "web.example");
        TestCertificate second = TestCertificate.create(directory, "second", "web.example");
        Origin origin = slow(0);
        serve(http("web", origin).withEntry(EntryConfig.tls(new TlsConfig(List.of(first.files())))));
        Queue<X509Certificate> shown = new ConcurrentLinkedQueue<>();
        SSLContext client = TestCertificate.client(null, first, second);
        // A resumed session would show the certificate that it was begun with.
        client.getClientSessionContext().setSessionCacheSize(1);
        OpenLoop.Connect connect = () -> {
            SSLSocket socket = TestCertificate.connect(client, bound("web"), "web.example");
            shown.add((X509Certificate) socket.getSession().getPeerCertificates()[0]);
            return new Wire(socket);
        };
        Wire before = closing(connect.open());
        try (OpenLoop load = new OpenLoop(TLS_RATE, connect, ChangeWithoutLossTest::postOrGet)) {
            pass(load, 12);
            for (int swap = 0; swap < 2; swap++) {
                TestCertificate next = swap % 2 == 0 ? second : first;
                serve(http("web", origin).withEntry(EntryConfig.tls(new TlsConfig(List.of(next.files())))));
                shown.clear();
                // Those that were shaking hands meanwhile may still have been shown the former.
                await().pollInterval(Duration.ofMillis(2)).until(() -> shown.contains(next.x509()));
                pass(load, 12);
                assertThat(before.get("/" + swap).status()).isEqualTo(200);
            }
            // The same by new contents of the files in use.
            second.write(first.certificate(), first.key());
            shown.clear();
            await().pollInterval(Duration.ofMillis(10)).until(() -> shown.contains(second.x509()));
            pass(load, 12);
            assertThat(before.get("/0").status()).isEqualTo(200);
            load.end();
            assertThat(load.failures).isEmpty();
        }
    }

    /** Takes a while for each request, so that some are always under way; answers with the target. */
    private Origin slow(int port) {
        return closing(Origin.http(
                request -> {
                    pause(10);
                    return Origin.ok(request.path() + request.body());
                },
                port));
    }

    private static List<TargetConfig> draining(List<Origin> origins, int which) {
        List<TargetConfig> targets = new ArrayList<>();
        for (int i = 0; i < origins.size(); i++) {
            targets.add(new TargetConfig(origins.get(i).address(), i == which));
        }
        return targets;
    }

    private static String postOrGet(Wire wire, long number) throws IOException {
        if (number % 3 > 0) {
            return fault(wire.get("/" + number), number);
        }
        return fault(
                wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: "
                                + Long.toString(number).length() + "\r\n\r\n" + number)
                        .response(),
                number);
    }

    private static String fault(Wire.Response response, long number) {
        return response.status() == 200 && response.body().equals("/" + number)
                ? null
                : "request " + number + ": " + response;
    }

    private static void pass(OpenLoop load, int requests) {
        long goal = load.answered.get() + requests;
        await().pollInterval(Duration.ofMillis(2)).until(() -> load.answered.get() >= goal || !load.failures.isEmpty());
    }

    /** The race of Envoy issue 47468: the target closes its side at the very moment the next request is sent. */
    @Test
    void a_target_that_closes_idle_connections_costs_no_request_and_repeats_no_post() throws Exception {
        AtomicInteger posts = new AtomicInteger();
        Service service = new Service(posts);
        Origin origin = closing(new Origin(service::serve));
        serve(http("web", origin));
        Wire get = client();
        Wire post = client();
        int sent = 0;
        for (int i = 0; i < 8; i++) {
            assertThat(get.get("/").status()).isEqualTo(200);
            assertThat(post.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx")
                            .response()
                            .status())
                    .isEqualTo(200);
            sent++;
            pause(196 + i);
        }
        assertThat(posts).hasValue(sent);
    }

    /** Keeps connections for 200 ms without a request, then closes them without a word. */
    private record Service(AtomicInteger posts) {
        void serve(java.net.Socket socket, java.io.InputStream in, java.io.OutputStream out) throws IOException {
            socket.setSoTimeout(200);
            try {
                Origin.Request request;
                while ((request = Origin.readRequest(in)) != null) {
                    if (request.line().startsWith("POST")) {
                        posts.incrementAndGet();
                    }
                    out.write(Ascii.bytes(Origin.ok("ok")));
                    out.flush();
                }
            } catch (SocketTimeoutException e) {
                // Idle for too long: the connection is closed.
            }
        }
    }

    private static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Bytes of text. */
    private static final class Ascii {
        static byte[] bytes(String text) {
            return text.getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        }
    }
}
