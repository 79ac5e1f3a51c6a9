package dev.drover.lb.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RouterTest {
    private static Route route(String name, String host, String path) {
        return Route.of(new Pool(name, PoolPolicy.PLAIN, 1), host, path, List.of(), List.of(), List.of());
    }

    private static String pool(Router router, RequestHead head) {
        Route route = router.match(head);
        return route == null ? "none" : route.pool().name();
    }

    @ParameterizedTest
    @CsvSource({
        "/foo, /foo, true",
        "/foo, /foo/, true",
        "/foo, /foo/bar, true",
        "/foo, /foo?q=1, true",
        "/foo, /foobar, false",
        "/foo, /fo, false",
        "/foo, /Foo, false",
        "/foo, /%66oo/x, true",
        "/foo, /%66oobar, false",
        "/foo, /foo%2fbar, false",
        "/a.b/~c, /a%2Eb/%7Ec, true",
        "/foo, http://h/foo/x, true",
        "/foo, http://h, false",
        "/foo, http://h?/foo, false"
    })
    void paths_are_compared_by_whole_segments(String path, String target, boolean fits) {
        Router router = new Router(List.of(route("a", "", path)));
        assertThat(pool(router, Heads.get("h", target))).isEqualTo(fits ? "a" : "none");
    }

    @ParameterizedTest
    @CsvSource({
        "a.example.com, a.example.com, true",
        "a.example.com, A.Example.COM:8080, true",
        "a.example.com, a.example.com., true",
        "a.example.com, b.example.com, false",
        "*.example.com, a.example.com:80, true",
        "*.example.com, a.b.example.com, true",
        "*.example.com, example.com, false",
        "*.example.com, badexample.com, false",
        "example.*, example.org, true",
        "example.*, example, false",
        "example.*, examples.org, false",
        "prefix*, prefix7.org, true",
        "'[::1]', '[::1]:80', true",
        "'[::1]', '[::2]:80', false"
    })
    void hosts_are_compared_without_port_and_case(String host, String asked, boolean fits) {
        Router router = new Router(List.of(route("a", host, "")));
        assertThat(pool(router, Heads.get(asked, "/"))).isEqualTo(fits ? "a" : "none");
    }

    @Test
    void the_first_route_that_fits_has_the_request_whatever_table_it_is_in() {
        List<Route> routes = List.of(
                route("everything-first-under-x", "", "/x"),
                route("host", "h.example.com", ""),
                route("wildcard", "*.example.com", ""),
                route("prefix", "h.*", ""),
                route("rest", "", ""));
        Router router = new Router(routes);
        assertThat(pool(router, Heads.get("h.example.com", "/x"))).isEqualTo("everything-first-under-x");
        assertThat(pool(router, Heads.get("h.example.com", "/y"))).isEqualTo("host");
        assertThat(pool(router, Heads.get("i.example.com", "/y"))).isEqualTo("wildcard");
        assertThat(pool(router, Heads.get("h.example.org", "/y"))).isEqualTo("prefix");
        assertThat(pool(router, Heads.get("z", "/y"))).isEqualTo("rest");
        assertThat(router.unconditional()).isSameAs(routes.getLast());
    }

    @Test
    void methods_and_fields_are_conditions_too() {
        Router router = new Router(List.of(
                Route.of(new Pool("canary", PoolPolicy.PLAIN, 1), "", "", List.of(), List.of("x-canary"), List.of("1")),
                Route.of(new Pool("any", PoolPolicy.PLAIN, 1), "", "", List.of(), List.of("x-any"), List.of("*")),
                Route.of(
                        new Pool("write", PoolPolicy.PLAIN, 1),
                        "",
                        "",
                        List.of("POST", "PURGE"),
                        List.of(),
                        List.of())));
        assertThat(pool(router, Heads.of("GET /", "Host: h", "X-Canary: 1"))).isEqualTo("canary");
        assertThat(pool(router, Heads.of("GET /", "Host: h", "X-Canary: 11"))).isEqualTo("none");
        assertThat(pool(router, Heads.of("GET /", "Host: h", "x-any: y"))).isEqualTo("any");
        assertThat(pool(router, Heads.of("POST /", "Host: h"))).isEqualTo("write");
        assertThat(pool(router, Heads.of("PURGE /", "Host: h"))).isEqualTo("write");
        assertThat(pool(router, Heads.get("h", "/"))).isEqualTo("none");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/public/../admin",
                "/..",
                "/.",
                "/a/./b",
                "/a/%2e%2E/b",
                "/a/.%2e",
                "/a/..;x/b",
                "/a/..%2fb",
                "/a\\..\\b",
                "/a/..%5cb",
                "/a/..?q"
            })
    void dot_segments_are_refused_where_paths_decide(String target) {
        assertThat(new Router(List.of(route("a", "", "/public"))).ambiguous(Heads.get("h", target)))
                .isTrue();
        assertThat(new Router(List.of(route("a", "", ""))).ambiguous(Heads.get("h", target)))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/a", "/a.b", "/.well-known/x", "/...", "/a/..b/c", "/?../x", "*"})
    void other_dots_are_not(String target) {
        RequestHead head = target.equals("*") ? Heads.of("OPTIONS *", "Host: h") : Heads.get("h", target);
        assertThat(new Router(List.of(route("a", "", "/public"))).ambiguous(head))
                .isFalse();
    }

    @Test
    void a_thousand_hosts_are_told_apart() {
        List<Route> routes = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            routes.add(route("p" + i, (i % 2 == 0 ? "h" : "*.w") + i + ".example.com", ""));
        }
        Router router = new Router(routes);
        for (int i = 0; i < 1_000; i++) {
            String host = (i % 2 == 0 ? "h" : "x.w") + i + ".example.com";
            assertThat(pool(router, Heads.get(host, "/"))).isEqualTo("p" + i);
        }
        assertThat(pool(router, Heads.get("h1.example.com", "/"))).isEqualTo("none");
    }
}
