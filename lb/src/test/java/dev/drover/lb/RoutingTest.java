package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Requests go where the routes of the listener say. */
class RoutingTest extends Harness {
    private PoolConfig pool(String name) {
        return PoolConfig.of(name, Balance.ROUND_ROBIN, targets(closing(Origin.named(name))));
    }

    private void serveRoutes(List<RouteConfig> routes) {
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, routes));
    }

    private String ask(Wire wire, String host, String path) throws IOException {
        Wire.Response response = wire.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                .response();
        return response.status() == 200 ? response.body() : Integer.toString(response.status());
    }

    /** Rancher's precedence; the same whatever order the routes are written in. */
    @Test
    void the_more_exact_route_goes_first() throws IOException {
        List<RouteConfig> routes = new ArrayList<>(List.of(
                RouteConfig.everything(pool("rest")),
                RouteConfig.of("", "/foo", pool("path")),
                RouteConfig.of("", "/foo/bar", pool("longer-path")),
                RouteConfig.of("*.example.com", "", pool("wildcard")),
                RouteConfig.of("*.b.example.com", "", pool("longer-wildcard")),
                RouteConfig.of("*.example.com", "/foo", pool("wildcard-path")),
                RouteConfig.of("a.example.com", "", pool("host")),
                RouteConfig.of("a.example.com", "/foo", pool("host-path")),
                new RouteConfig("", "/first", List.of(), Map.of(), 5, pool("priority")),
                new RouteConfig("", "/first/of", List.of(), Map.of(), 3, pool("lower-priority"))));
        Random random = new Random(7);
        for (int round = 0; round < 5; round++) {
            Collections.shuffle(routes, random);
            serveRoutes(routes);
            Wire wire = client();
            assertThat(ask(wire, "x", "/")).isEqualTo("rest");
            assertThat(ask(wire, "x", "/foobar")).isEqualTo("rest");
            assertThat(ask(wire, "x", "/foo")).isEqualTo("path");
            assertThat(ask(wire, "x", "/foo/bar/x")).isEqualTo("longer-path");
            assertThat(ask(wire, "z.example.com", "/x")).isEqualTo("wildcard");
            assertThat(ask(wire, "z.b.example.com", "/x")).isEqualTo("longer-wildcard");
            assertThat(ask(wire, "z.example.com", "/foo")).isEqualTo("wildcard-path");
            assertThat(ask(wire, "a.example.com:80", "/foobar")).isEqualTo("host");
            assertThat(ask(wire, "A.EXAMPLE.com", "/foo/x")).isEqualTo("host-path");
            assertThat(ask(wire, "a.example.com", "/first")).isEqualTo("priority");
            assertThat(ask(wire, "a.example.com", "/first/of")).isEqualTo("lower-priority");
            wire.close();
        }
    }

    @Test
    void no_route_is_404_and_the_connection_goes_on() throws IOException {
        serveRoutes(List.of(RouteConfig.of("a.example.com", "", pool("a"))));
        Wire wire = client();
        assertThat(ask(wire, "b.example.com", "/")).isEqualTo("404");
        assertThat(ask(wire, "a.example.com", "/")).isEqualTo("a");
        assertThat(outcome("NO_ROUTE")).isEqualTo(1);
    }

    @Test
    void a_path_that_could_be_read_in_two_ways_is_refused_where_paths_decide() throws IOException {
        serveRoutes(
                List.of(RouteConfig.of("", "/public", pool("public")), RouteConfig.of("", "/admin", pool("admin"))));
        Wire wire = client();
        assertThat(ask(wire, "x", "/public/../admin")).isEqualTo("400");
        serveRoutes(List.of(RouteConfig.everything(pool("all"))));
        assertThat(ask(client(), "x", "/public/../admin")).isEqualTo("all");
    }

    @Test
    void changed_routes_hold_from_the_next_request_of_live_connections_on() throws IOException {
        PoolConfig one = pool("one");
        PoolConfig two = pool("two");
        serveRoutes(List.of(RouteConfig.everything(one)));
        Wire wire = client();
        assertThat(ask(wire, "x", "/")).isEqualTo("one");
        serveRoutes(List.of(RouteConfig.everything(one), RouteConfig.of("x", "", two)));
        assertThat(ask(wire, "x", "/")).isEqualTo("two");
        assertThat(ask(wire, "y", "/")).isEqualTo("one");
    }

    @Test
    void a_request_with_a_body_and_methods_finds_its_route() throws IOException {
        PoolConfig write = pool("write");
        serveRoutes(List.of(
                RouteConfig.everything(pool("read")),
                new RouteConfig("", "", List.of("POST"), Map.of(), null, write),
                new RouteConfig("", "", List.of(), Map.of("X-Canary", "yes"), 1, pool("canary"))));
        Wire wire = client();
        assertThat(wire.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
                        .response()
                        .body())
                .isEqualTo("write");
        assertThat(wire.send("POST /p HTTP/1.1\r\nHost: t\r\nx-canary: yes\r\nContent-Length: 4\r\n\r\nbody")
                        .response()
                        .body())
                .isEqualTo("canary");
        assertThat(ask(wire, "t", "/")).isEqualTo("read");
    }

    @Test
    void listeners_share_a_pool_of_the_same_name() throws IOException {
        PoolConfig pool = PoolConfig.of(
                "shared", Balance.ROUND_ROBIN, targets(closing(Origin.named("a")), closing(Origin.named("b"))));
        serve(
                new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))),
                new ListenerConfig("other", loopback(0), Protocol.HTTP, List.of(RouteConfig.of("t", "", pool))));
        assertThat(ask(client("web"), "t", "/")).isEqualTo("a");
        assertThat(ask(client("other"), "t", "/")).isEqualTo("b");
        assertThat(ask(client("web"), "t", "/")).isEqualTo("a");
    }

    @Test
    void the_check_names_routes_that_cannot_be() {
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, List.of());
        PoolConfig other = PoolConfig.of("p", Balance.MAGLEV, List.of());
        List<String> problems = LoadBalancer.check(new LbConfig(List.of(
                new ListenerConfig("a", loopback(0), Protocol.TCP, List.of(RouteConfig.of("h", "", pool))),
                new ListenerConfig(
                        "b",
                        loopback(0),
                        Protocol.HTTP,
                        List.of(RouteConfig.of("h", "", other), RouteConfig.of("H", "", other))))));
        assertThat(problems)
                .containsExactly(
                        "listeners[0].routes[0]: h (expected: no conditions, protocol tcp does not see requests)",
                        "listeners[1].routes[0].pool: p (expected: the same wherever it is used)",
                        "listeners[1].routes[1]: h (expected: conditions of its own, routes[0] has these)",
                        "listeners[1].routes[1].pool: p (expected: the same wherever it is used)");
    }
}
