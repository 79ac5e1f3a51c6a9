package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How a pool shares work among its targets, as clients see it. */
class SharingTest extends Harness {
    private void servePool(PoolConfig pool) {
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))));
    }

    private Map<String, Integer> ask(Wire wire, int times) throws IOException {
        Map<String, Integer> bodies = new HashMap<>();
        for (int i = 0; i < times; i++) {
            bodies.merge(wire.get("/").body(), 1, Integer::sum);
        }
        return bodies;
    }

    private TargetConfig target(String name) {
        return TargetConfig.active(closing(Origin.named(name)).address());
    }

    @Test
    void a_canary_gets_its_weight() throws IOException {
        servePool(
                PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(target("stable").withWeight(9), target("canary"))));
        assertThat(ask(client(), 100)).containsEntry("stable", 90).containsEntry("canary", 10);
    }

    @Test
    void weight_zero_takes_no_new_request() throws IOException {
        TargetConfig a = target("a");
        TargetConfig b = target("b");
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(a, b)));
        Wire wire = client();
        assertThat(ask(wire, 4)).containsOnlyKeys("a", "b");
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(a, b.withWeight(0))));
        assertThat(ask(wire, 4)).containsOnlyKeys("a");
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(a, b)));
        assertThat(ask(wire, 4)).containsOnlyKeys("a", "b");
    }

    @Test
    void a_lower_priority_works_only_when_none_of_the_higher_is_well() throws IOException {
        Origin first = closing(Origin.named("first"));
        servePool(PoolConfig.of(
                "p",
                Balance.ROUND_ROBIN,
                List.of(TargetConfig.active(first.address()), target("second").withPriority(1))));
        Wire wire = client();
        assertThat(ask(wire, 5)).containsOnlyKeys("first");
        first.kill();
        assertThat(ask(wire, 5)).containsOnlyKeys("second");
    }

    @Test
    void one_source_keeps_its_target() throws IOException {
        for (Balance balance : List.of(Balance.SOURCE_HASH, Balance.MAGLEV)) {
            TargetConfig a = target("a");
            TargetConfig b = target("b");
            TargetConfig c = target("c");
            servePool(PoolConfig.of("p", balance, List.of(a, b, c)));
            assertThat(ask(client(), 10)).hasSize(1);
            assertThat(ask(client(), 10)).isEqualTo(ask(client(), 10));
        }
    }

    @Test
    void the_least_loaded_target_gets_the_request() throws Exception {
        Origin slow = closing(Origin.http(request -> {
            if (request.path().equals("/hang")) {
                try {
                    Thread.sleep(10_000);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
            return Origin.ok("slow");
        }));
        servePool(PoolConfig.of(
                "p", Balance.LEAST_CONNECTIONS, List.of(TargetConfig.active(slow.address()), target("free"))));
        Wire first = client();
        while (slow.requests.isEmpty()) {
            client().send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n");
            Thread.sleep(20);
        }
        await().until(() -> lb.inFlight(slow.address()) == 1);
        assertThat(ask(first, 10)).containsOnlyKeys("free");
    }

    @Test
    void a_cookie_holds_a_client_to_its_target_while_it_is_well() throws IOException {
        Origin a = closing(Origin.named("a"));
        Origin b = closing(Origin.named("b"));
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, targets(a, b)).withStickyCookie("lb");
        servePool(pool);
        Wire wire = client();
        Wire.Response first = wire.get("/");
        String cookie = first.field("Set-Cookie");
        assertThat(cookie).matches("lb=[0-9a-f]{16}; Path=/; HttpOnly; SameSite=Lax");
        String request = "GET / HTTP/1.1\r\nHost: t\r\nCookie: x=1; " + cookie.substring(0, 19) + "\r\n\r\n";
        for (int i = 0; i < 6; i++) {
            Wire.Response next = wire.send(request).response();
            assertThat(next.body()).isEqualTo(first.body());
            assertThat(next.field("Set-Cookie")).isNull();
        }
        (first.body().equals("a") ? a : b).kill();
        Wire.Response moved = wire.send(request).response();
        assertThat(moved.status()).isEqualTo(200);
        assertThat(moved.body()).isNotEqualTo(first.body());
        assertThat(moved.field("Set-Cookie")).startsWith("lb=").doesNotContain(cookie.substring(3, 19));
    }

    @Test
    void a_cookie_may_be_for_a_domain_and_for_those_who_post() throws IOException {
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(target("a")))
                .withSticky(StickyConfig.cookie("lb").withCookie("shop.example", true)));
        Wire wire = client();
        assertThat(wire.get("/").field("Set-Cookie")).isNull();
        assertThat(wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
                        .response()
                        .field("Set-Cookie"))
                .matches("lb=[0-9a-f]{16}; Path=/; HttpOnly; SameSite=Lax; Domain=shop.example");
    }

    @Test
    void a_source_stays_with_its_target_when_others_come_and_until_it_goes() throws IOException {
        Origin a = closing(Origin.named("a"));
        Origin b = closing(Origin.named("b"));
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, targets(a, b)).withSticky(StickyConfig.source(null));
        servePool(pool);
        String first = client().get("/").body();
        for (int i = 0; i < 6; i++) {
            assertThat(client().get("/").body()).isEqualTo(first);
        }
        Origin c = closing(Origin.named("c"));
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, targets(c, a, b)).withSticky(StickyConfig.source(null)));
        assertThat(client().get("/").body()).isEqualTo(first);
        (first.equals("a") ? a : b).kill();
        String second = client().get("/").body();
        assertThat(second).isNotEqualTo(first);
        for (int i = 0; i < 6; i++) {
            assertThat(client().get("/").body()).isEqualTo(second);
        }
    }

    @Test
    void a_source_stays_with_its_target_over_byte_streams_which_have_no_cookies() throws IOException {
        Origin a = closing(Origin.named("a"));
        Origin b = closing(Origin.named("b"));
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, targets(a, b));
        serve(new ListenerConfig(
                "web",
                loopback(0),
                Protocol.TCP,
                List.of(RouteConfig.everything(pool.withSticky(StickyConfig.source(null))))));
        String first = client().get("/").body();
        for (int i = 0; i < 6; i++) {
            assertThat(client().get("/").body()).isEqualTo(first);
        }
        LbConfig cookies = new LbConfig(List.of(new ListenerConfig(
                "web", loopback(0), Protocol.TCP, List.of(RouteConfig.everything(pool.withStickyCookie("lb"))))));
        assertThatThrownBy(() -> lb.apply(cookies))
                .hasMessageContaining("sticky: cookie lb at pool p (expected: source");
    }

    @Test
    void cookies_of_targets_with_an_id_hold_on_every_host() throws IOException {
        TargetConfig a = target("a");
        TargetConfig b = target("b");
        PoolConfig pool = PoolConfig.of(
                        "p",
                        Balance.ROUND_ROBIN,
                        List.of(
                                new TargetConfig(a.address(), false, 1, 0, "instance-1"),
                                new TargetConfig(b.address(), false, 1, 0, "instance-2")))
                .withStickyCookie("lb");
        servePool(pool);
        String here = client().get("/").field("Set-Cookie");
        LoadBalancer other = closing(new LoadBalancer(lanes));
        other.apply(new LbConfig(
                List.of(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))))));
        try (Wire wire = new Wire(other.status().getFirst().bound())) {
            assertThat(wire.get("/").field("Set-Cookie")).isEqualTo(here);
        }
    }

    @Test
    void forged_cookies_are_ignored() throws IOException {
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(target("a"))).withStickyCookie("lb"));
        Wire wire = client();
        for (String cookie : List.of(
                "lb=0000000000000000",
                "lb=",
                "lb",
                "lb=zzzzzzzzzzzzzzzz",
                "; ;=;lb=0123456789abcdef0",
                "LB=0123456789abcdef",
                "lb=ffffffffffffffff;")) {
            Wire.Response response = wire.send("GET / HTTP/1.1\r\nHost: t\r\nCookie: " + cookie + "\r\n\r\n")
                    .response();
            assertThat(response.status()).as(cookie).isEqualTo(200);
            assertThat(response.field("Set-Cookie")).as(cookie).startsWith("lb=");
        }
    }

    @Test
    void a_target_that_comes_works_up_to_its_weight() throws IOException {
        TargetConfig old = target("old");
        TargetConfig fresh = target("fresh");
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(old)).withSlowStart(Duration.ofSeconds(3));
        servePool(pool);
        Wire wire = client();
        assertThat(ask(wire, 10)).containsEntry("old", 10);
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(old, fresh)).withSlowStart(Duration.ofSeconds(3)));
        Map<String, Integer> atFirst = ask(wire, 50);
        assertThat(atFirst.getOrDefault("fresh", 0)).isBetween(1, 15);
        await().pollInterval(Duration.ofMillis(100))
                .untilAsserted(() ->
                        assertThat(ask(wire, 20)).containsEntry("fresh", 10).containsEntry("old", 10));
    }
}
