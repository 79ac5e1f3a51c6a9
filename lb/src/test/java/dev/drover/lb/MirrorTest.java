package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Copies of requests, as clients, targets and the targets of the mirror see them. */
class MirrorTest extends Harness {
    private static final int REQUESTS = 200;

    private final Origin origin =
            Origin.http(request -> Origin.ok("real " + (request.body().isEmpty() ? "none" : request.body())));
    private final Origin shadow = Origin.named("shadow");

    private static PoolConfig pool(Origin... origins) {
        return PoolConfig.of("shadow", Balance.ROUND_ROBIN, targets(origins));
    }

    private void mirrored(MirrorConfig mirror) {
        closing(origin);
        closing(shadow);
        serve(new ListenerConfig(
                        "web",
                        loopback(0),
                        Protocol.HTTP,
                        List.of(RouteConfig.everything(PoolConfig.of("web", Balance.ROUND_ROBIN, targets(origin)))
                                .withMirror(mirror)))
                .withEntry(EntryConfig.PLAIN.withH2c(true)));
    }

    private static MirrorConfig bounded(PoolConfig pool, int percent, int bodyBytes, int copies, Duration timeout) {
        return new MirrorConfig(pool, percent, bodyBytes, copies, timeout);
    }

    private static Duration soon() {
        return Duration.ofMillis(10);
    }

    @Test
    void the_mirror_gets_what_the_target_gets_and_the_client_the_answer_of_the_target() throws IOException {
        mirrored(MirrorConfig.to(pool(shadow)));
        Wire client = client();
        assertThat(client.get("/a?b=c").body()).isEqualTo("real none");
        assertThat(client.send("POST /form HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nhello")
                        .response()
                        .body())
                .isEqualTo("real hello");
        assertThat(client.send("PUT /c HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n")
                        .send("3\r\nabc\r\n")
                        .send("2\r\nde\r\n0\r\n\r\n")
                        .response()
                        .body())
                .isEqualTo("real abcde");
        await().pollInterval(soon()).until(() -> shadow.requests.size() == 3);
        for (Origin.Request real : origin.requests) {
            String marked = real.head().substring(0, real.head().length() - 2) + "X-Mirrored: 1\r\n\r\n";
            assertThat(shadow.requests).contains(new Origin.Request(marked, real.body()));
        }
        assertThat(event("MIRRORED")).isEqualTo(3);
        assertThat(event("MIRROR_FAILED")).isZero();
        assertThat(outcome("RELAYED")).as("copies are no requests of clients").isEqualTo(3);
        await().pollInterval(soon()).until(() -> lb.inFlight(shadow.address()) == 0);
    }

    @Test
    void requests_of_http_2_are_copied_too() throws Exception {
        mirrored(MirrorConfig.to(pool(shadow)));
        H2Wire wire = closing(new H2Wire(bound("web")));
        wire.headers(1, false, ":method", "POST", ":scheme", "http", ":path", "/two", ":authority", "web.example");
        wire.data(1, false, "ab");
        wire.data(1, true, "cd");
        assertThat(wire.response(1).body()).isEqualTo("real abcd");
        await().pollInterval(soon()).until(() -> shadow.requests.size() == 1);
        assertThat(shadow.requests.getFirst().line()).isEqualTo("POST /two HTTP/1.1");
        assertThat(shadow.requests.getFirst().body()).isEqualTo("abcd");
        assertThat(shadow.requests.getFirst().head())
                .contains("ost: web.example\r\n")
                .contains("X-Mirrored: 1\r\n");
    }

    @Test
    void a_mirror_that_does_not_answer_slows_nobody_and_what_is_too_much_is_not_copied() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        Origin silent = closing(new Origin((socket, in, out) -> {
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        mirrored(bounded(pool(silent), 100, 1_000, 5, Duration.ofMillis(700)));
        Wire client = client();
        for (int i = 0; i < REQUESTS; i++) {
            assertThat(client.get("/" + i).body()).isEqualTo("real none");
        }
        assertThat(event("MIRRORED")).isBetween(5L, (long) REQUESTS / 2);
        assertThat(event("MIRROR_BUSY")).isEqualTo(REQUESTS - event("MIRRORED"));
        await().pollInterval(soon()).until(() -> event("MIRROR_FAILED") == event("MIRRORED"));
        assertThat(lb.inFlight(silent.address())).isZero();
        long before = event("MIRRORED");
        assertThat(client.get("/again").body()).isEqualTo("real none");
        await().pollInterval(soon()).until(() -> event("MIRRORED") == before + 1);
        end.countDown();
    }

    @Test
    void a_mirror_that_refuses_or_answers_nonsense_fails_nobody() throws IOException {
        Origin nonsense = closing(Origin.http(request -> "nonsense\r\n\r\n"));
        PoolConfig broken = PoolConfig.of(
                "shadow",
                Balance.ROUND_ROBIN,
                List.of(TargetConfig.active(refused()), TargetConfig.active(nonsense.address())));
        mirrored(MirrorConfig.to(broken));
        Wire client = client();
        for (int i = 0; i < 20; i++) {
            assertThat(client.get("/" + i).body()).isEqualTo("real none");
        }
        await().pollInterval(soon()).until(() -> event("MIRROR_FAILED") == 20);
        assertThat(outcome("RELAYED")).isEqualTo(20);
    }

    @Test
    void a_longer_body_than_allowed_is_not_copied() throws IOException {
        mirrored(bounded(pool(shadow), 100, 10, 5, Duration.ofSeconds(5)));
        Wire client = client();
        String body = "x".repeat(100_000);
        assertThat(client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + body)
                        .response()
                        .body())
                .isEqualTo("real " + body);
        assertThat(event("MIRROR_BODY_TOO_LARGE")).isOne();
        assertThat(client.get("/after").body()).isEqualTo("real none");
        await().pollInterval(soon()).until(() -> shadow.requests.size() == 1);
        assertThat(shadow.requests.getFirst().path()).isEqualTo("/after");
    }

    @Test
    void some_of_the_requests_are_copied() throws IOException {
        mirrored(bounded(pool(shadow), 30, 10, 1_000, Duration.ofSeconds(5)));
        Wire client = client();
        for (int i = 0; i < 2 * REQUESTS; i++) {
            client.get("/");
        }
        // Nine standard deviations around 120.
        assertThat(event("MIRRORED")).isBetween(38L, 202L);
        assertThat(event("MIRROR_BUSY")).isZero();
    }

    @Test
    void a_request_that_is_not_completed_leaves_nothing() throws IOException {
        mirrored(MirrorConfig.to(pool(shadow)));
        try (Wire client = new Wire(bound("web"))) {
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
            await().pollInterval(soon()).until(() -> lb.inFlight(origin.address()) == 1);
        }
        await().pollInterval(soon()).until(() -> lb.inFlight(origin.address()) == 0);
        assertThat(event("MIRRORED")).isZero();
        assertThat(shadow.connections).hasValue(0);
    }

    @Test
    void a_mirror_is_another_pool_and_of_http() {
        PoolConfig own = PoolConfig.of("p", Balance.ROUND_ROBIN, targets(origin));
        RouteConfig route = RouteConfig.everything(own).withMirror(MirrorConfig.to(own));
        closing(origin);
        closing(shadow);
        assertThat(LoadBalancer.check(
                        new LbConfig(List.of(new ListenerConfig("l", loopback(0), Protocol.TCP, List.of(route))))))
                .containsExactly(
                        "listeners[0].routes[0].mirror: given (expected: only with protocol http)",
                        "listeners[0].routes[0].mirror: p (expected: another pool than that of the route)");
    }
}
