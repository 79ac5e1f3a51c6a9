package dev.drover.node.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.lb.AccessLogConfig;
import dev.drover.lb.Balance;
import dev.drover.lb.CapacityConfig;
import dev.drover.lb.HealthCheckConfig;
import dev.drover.lb.LimitsConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.MirrorConfig;
import dev.drover.lb.ObservationConfig;
import dev.drover.lb.OutlierConfig;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.RetryConfig;
import dev.drover.lb.RouteConfig;
import dev.drover.lb.StickyConfig;
import dev.drover.lb.TargetConfig;
import dev.drover.lb.TargetProtocol;
import dev.drover.lb.TargetTlsConfig;
import dev.drover.lb.TlsConfig;
import dev.drover.lb.UdpConfig;
import dev.drover.node.mapping.Tables;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LbSectionTest {
    private static final String FILE = """
            lb:
              pools:
                - name: shop
                  balance: maglev
                  bounded-load: 125
                  slow-start: 30s
                  sticky: { cookie: shop, domain: example.com, post-only: true }
                  health: { type: http, path: /up, port: 81, host: h.example, interval: 500ms, timeout: 1s, rise: 1, fall: 2, expect: 200-204, panic-threshold: 30 }
                  when-none-healthy: fail
                  outlier: { failures: 3, ejection: 1m, max-percent: 20 }
                  max-connections: 50
                  queue: { max: 100, timeout: 2s }
                  retries: { budget: 10, min-per-second: 5, per-try-timeout: 1s }
                  target-protocol: h2
                  targets:
                    - { address: "10.0.0.1:80", weight: 9, priority: 1, drain: true, id: one }
                    - 10.0.0.2:80
              listeners:
                - name: web
                  bind: 127.0.0.1:80
                  protocol: http
                  targets: [ 10.0.0.3:80 ]
                  routes:
                    - { host: Shop.example.com, path: /x/, methods: [GET], headers: { X-A: "1" }, priority: 2, pool: shop }
                    - { host: "*.example.com", targets: [ 10.0.0.4:80 ], balance: least-connections }
            """;

    @Test
    void reads_routes_and_pools() {
        ListenerConfig web =
                NodeFileParser.parse("node.yaml", FILE).lb().listeners().getFirst();
        assertThat(web.routes()).hasSize(3);
        assertThat(web.routes().get(0).conditions()).isEqualTo("*");
        assertThat(web.routes().get(0).pool().name()).isEqualTo("web");
        RouteConfig shop = web.routes().get(1);
        assertThat(shop)
                .isEqualTo(new RouteConfig(
                        "shop.example.com",
                        "/x",
                        List.of("GET"),
                        Map.of("x-a", "1"),
                        2,
                        new PoolConfig(
                                "shop",
                                Balance.MAGLEV,
                                125,
                                Duration.ofSeconds(30),
                                StickyConfig.cookie("shop").withCookie("example.com", true),
                                new HealthCheckConfig(
                                        HealthCheckConfig.Type.HTTP,
                                        81,
                                        "/up",
                                        "h.example",
                                        Duration.ofMillis(500),
                                        Duration.ofSeconds(1),
                                        1,
                                        2,
                                        200,
                                        204,
                                        30),
                                false,
                                new OutlierConfig(3, Duration.ofMinutes(1), 20),
                                new CapacityConfig(50, 100, Duration.ofSeconds(2)),
                                new RetryConfig(10, 5, Duration.ofSeconds(1)),
                                List.of(
                                        new TargetConfig(Tables.socketAddress("10.0.0.1:80"), true, 9, 1, "one"),
                                        TargetConfig.active(Tables.socketAddress("10.0.0.2:80"))),
                                null,
                                TargetProtocol.HTTP_2)));
        assertThat(web.routes().get(2).pool().name()).isEqualTo("web *.example.com");
        assertThat(web.routes().get(2).pool().balance()).isEqualTo(Balance.LEAST_CONNECTIONS);
    }

    @ParameterizedTest
    @CsvSource({"source, 30", "{ source: 5m }, 5"})
    void holds_clients_by_their_source(String sticky, int minutes) {
        String file = FILE.replace("{ cookie: shop, domain: example.com, post-only: true }", sticky);
        PoolConfig shop = NodeFileParser.parse("node.yaml", file)
                .lb()
                .listeners()
                .getFirst()
                .routes()
                .get(1)
                .pool();
        assertThat(shop.sticky()).isEqualTo(StickyConfig.source(Duration.ofMinutes(minutes)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "balance: maglev | balance: fast | 4: lb.pools[0].balance: fast (expected: round-robin, least-connections, power-of-two, source-hash or maglev)",
                "balance: maglev | balance: round-robin | 5: lb.pools[0].bounded-load: bounded-load: 125 (expected: only with source-hash or maglev)",
                "slow-start: 30s | slow-start: 30 | 6: lb.pools[0].slow-start: 30 (expected: a time from 0s to 3600s)",
                "cookie: shop | cookie: a b | 7: lb.pools[0].sticky: sticky: a b (expected: a cookie name",
                "domain: example.com | domain: a/b | 7: lb.pools[0].sticky: sticky.domain: a/b (expected: a domain name)",
                "cookie: shop, domain | source: 5m, domain | 7: lb.pools[0].sticky.source: beside other keys (expected: alone",
                "post-only: true | postonly: true | 7: lb.pools[0].sticky.postonly: unknown key (expected: post-only?)",
                "type: http, path | type: udp, path | 8: lb.pools[0].health.type: udp (expected: tcp, http or grpc)",
                "type: http, path | type: tcp, path | 8: lb.pools[0].health.path: not with type tcp (expected: only with http)",
                "expect: 200-204 | expect: 2xx | 8: lb.pools[0].health.expect: 2xx (expected: a status such as 200, or a range such as 200-399)",
                "when-none-healthy: fail | when-none-healthy: maybe | 9: lb.pools[0].when-none-healthy: maybe (expected: fail-open or fail)",
                "max-connections: 50 | max-connections: lots | 11: lb.pools[0].max-connections: lots (expected: a number from 0 to 1000000)",
                "target-protocol: h2 | target-protocol: h3 | 14: lb.pools[0].target-protocol: h3 (expected: http/1.1 or h2)",
                "weight: 9 | weight: 300 | 16: lb.pools[0].targets[0].weight: 300 (expected: a number from 0 to 256)",
                "drain: true | drain: ja | 16: lb.pools[0].targets[0].drain: ja (expected: true or false)",
                "pool: shop } | pool: shup } | 24: lb.listeners[0].routes[0].pool: shup (expected: shop?)",
                "path: /x/ | path: x | 24: lb.listeners[0].routes[0]: path: x (expected: a path that begins with '/', without '?', '#' and '%')",
                "host: Shop.example.com | host: a..b | 24: lb.listeners[0].routes[0]: host: a..b (expected: a name, *.name or name.*, without a port)",
                "protocol: http | protocol: tcp | 24: lb.listeners[0].routes: not with protocol tcp (expected: http or tls)",
                "name: web | name: shop | 19: lb.listeners[0].name: shop is the name of a pool, too",
                "pool: shop } | targets: [] } | 3: lb.pools[0].name: shop is used by no route (expected: pool: shop in a route)",
                "balance: least-connections | pool: shop | 25: lb.listeners[0].routes[1].targets: has no pool to belong to"
            })
    void refuses_naming_line_and_key(String good, String bad, String message) {
        assertThat(FILE).contains(good.strip());
        assertThatThrownBy(() -> NodeFileParser.parse("node.yaml", FILE.replace(good.strip(), bad.strip())))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(message.strip());
    }

    private static ListenerConfig listener(String key) {
        return NodeFileParser.parse("/etc/drover/node.yaml", """
                lb:
                  listeners:
                    - name: web
                      bind: 127.0.0.1:80
                      protocol: http
                      targets: [ 10.0.0.3:80 ]
                      %s
                """.formatted(key))
                .lb()
                .listeners()
                .getFirst();
    }

    @Test
    void reads_what_is_told_of_requests() {
        assertThat(listener("access-log: { file: web.log, format: combined }")
                        .observation()
                        .accessLog())
                .isEqualTo(new AccessLogConfig(Path.of("/etc/drover/web.log"), AccessLogConfig.Format.COMBINED));
        assertThat(listener("access-log: { file: web.log, max-mib: 64 }")
                        .observation()
                        .accessLog())
                .isEqualTo(new AccessLogConfig(Path.of("/etc/drover/web.log"), AccessLogConfig.Format.JSON, 64L << 20));
        assertThat(listener("slow: 250ms").observation().slow()).isEqualTo(Duration.ofMillis(250));
        assertThat(listener("trace: { make: true, sample: 5 }").observation().traceSample())
                .isEqualTo(5);
        assertThat(listener("trace: { make: true }").observation().traceSample())
                .isEqualTo(100);
        assertThat(listener("h2c: false").observation()).isEqualTo(ObservationConfig.DEFAULTS);
    }

    @Test
    void reads_limits_and_times() {
        assertThat(listener("limits: { body-bytes: 1000000, rate-per-source: 50, http2-streams: 10 }")
                        .limits())
                .isEqualTo(LimitsConfig.DEFAULTS
                        .with(LimitsConfig.Limit.BODY_BYTES, 1_000_000)
                        .with(LimitsConfig.Limit.SOURCE_RATE, 50)
                        .with(LimitsConfig.Limit.STREAMS, 10));
        assertThat(listener("timeouts: { request: 2m, first-byte: 500ms }").limits())
                .isEqualTo(LimitsConfig.DEFAULTS
                        .with(LimitsConfig.Limit.REQUEST, Duration.ofMinutes(2))
                        .with(LimitsConfig.Limit.FIRST_BYTE, Duration.ofMillis(500)));
    }

    private static ListenerConfig udp(String key) {
        return NodeFileParser.parse("node.yaml", """
                lb:
                  listeners:
                    - name: web
                      bind: 127.0.0.1:80
                      protocol: http
                      targets: [ 10.0.0.3:80 ]
                    - name: u
                      bind: 127.0.0.1:80
                      protocol: udp
                      sticky: source
                      %s
                      targets: [ 10.0.0.3:80 ]
                """.formatted(key))
                .lb()
                .listeners()
                .getLast();
    }

    @Test
    void reads_how_sessions_of_udp_live() {
        ListenerConfig given = udp("udp: { idle: 5s, sessions: 100, sessions-per-source: 10, responses: 1 }");
        assertThat(given.protocol()).isEqualTo(Protocol.UDP);
        assertThat(given.udp()).isEqualTo(new UdpConfig(Duration.ofSeconds(5), 100, 10, 1));
        assertThat(udp("").udp()).isEqualTo(UdpConfig.DEFAULTS);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        udp: { idle: 1ms }                 | udp.idle: 1ms (expected: a time from 100ms to 86400s)
        udp: { sessions: 0 }               | udp.sessions: 0 (expected: a number from 1 to 1000000)
        udp: { sessions-per-source: 2000000 } | udp.sessions-per-source: 2000000 (expected: a number from 1 to 1000000)
        udp: { responses: -1 }             | udp.responses: -1 (expected: a number from 0 to 65535)
        udp: { replies: 1 }                | udp.replies
        limits: { connections: 1 }         | limits: not with protocol udp (expected: none, its limits are keys of udp)
        timeouts: { request: 1s }          | timeouts: not with protocol udp (expected: none)
        send-proxy: v2                     | send-proxy: not with protocol udp (expected: none)
        """)
    void bad_keys_of_udp_are_named(String key, String message) {
        assertThatThrownBy(() -> udp(key))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("node.yaml:11: lb.listeners[1]." + message);
    }

    @Test
    void keys_of_udp_are_for_udp() {
        assertThatThrownBy(() -> listener("udp: { idle: 5s }"))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("udp: beside another protocol (expected: none, or protocol: udp)");
    }

    @Test
    void reads_what_gets_copies_of_requests() {
        MirrorConfig mirror = listener("mirror: { targets: [ 10.0.0.4:80 ], percent: 5, timeout: 2s }")
                .routes()
                .getFirst()
                .mirror();
        assertThat(mirror)
                .isEqualTo(new MirrorConfig(
                        PoolConfig.of(
                                "web mirror",
                                Balance.ROUND_ROBIN,
                                List.of(TargetConfig.active(Tables.socketAddress("10.0.0.4:80")))),
                        5,
                        MirrorConfig.USUAL_BODY_BYTES,
                        MirrorConfig.USUAL_COPIES,
                        Duration.ofSeconds(2)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        mirror: { percent: 5 }                          | mirror: pool is missing (expected: the name of a pool, or targets)
        mirror: { pool: nobody }                        | mirror.pool: nobody
        mirror: { targets: [ 10.0.0.4:80 ], percent: 0 } | mirror.percent: 0 (expected: a number from 1 to 100)
        mirror: { targets: [ 10.0.0.4:80 ], timeout: 1h } | mirror.timeout: 1h (expected: a time from 10ms to 300s)
        mirror: { targets: [ 10.0.0.4:80 ], share: 1 }  | mirror.share
        """)
    void bad_keys_of_a_mirror_are_named(String key, String message) {
        assertThatThrownBy(() -> listener(key))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("node.yaml:7: lb.listeners[0]." + message);
    }

    @Test
    void reads_tls_to_targets() {
        assertThat(listener("target-tls: { ca: ca.pem, name: a.b, certificate: c.pem, key: c.key }")
                        .routes()
                        .getFirst()
                        .pool()
                        .targetTls())
                .isEqualTo(new TargetTlsConfig(
                        Path.of("/etc/drover/ca.pem"),
                        List.of(),
                        "a.b",
                        new TlsConfig.Certificate(Path.of("/etc/drover/c.pem"), Path.of("/etc/drover/c.key")),
                        true));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "limits: { body-bytes: -1 } | limits.body-bytes: -1 (expected: a number from 0 to",
                "limits: { head-bytes: 1MB } | limits.head-bytes: 1MB (expected: a number from 256 to 65536)",
                "limits: { body-byte: 1 } | limits.body-byte: unknown key (expected: body-bytes?)",
                "timeouts: { request: 2 } | timeouts.request: 2 (expected: a time from 0s to 86400s)",
                "access-log: { format: json } | file is missing",
                "access-log: { file: x, format: xml } | format: xml (expected: json or combined)",
                "target-tls: { verify: false, ca: x } | verify: false (expected: neither ca nor pins beside it)",
                "target-tls: { certificate: x } | key is missing",
                "target-tls: { pins: [ abc ] } | pins: abc (expected: sha256/ and 32 bytes in Base64)",
                "slow: 0ms | slow: 0ms (expected: a time from 1ms to 3600s)",
                "trace: { make: false, sample: 1 } | sample: 1 (expected: none, or make: true)",
                "trace: { make: true, sample: 101 } | sample: 101 (expected: a number from 0 to 100)"
            })
    void refuses_limits_and_logs_with_key_value_and_what_was_expected(String key, String message) {
        assertThatThrownBy(() -> listener(key))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("node.yaml:7: ")
                .hasMessageContaining(message);
    }
}
