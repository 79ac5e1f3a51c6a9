package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.lb.path.Journal;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the load balancer tells of requests: access log, times, failures, traces. */
class ObservationTest extends Harness {
    private static final String PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    @TempDir
    Path folder;

    private ListenerConfig logged(AccessLogConfig.Format format, Origin... origins) {
        return http("web", origins)
                .withObservation(ObservationConfig.DEFAULTS.withAccessLog(
                        new AccessLogConfig(folder.resolve("access.log"), format)));
    }

    private List<String> lines(int least) {
        List<String> lines = new ArrayList<>();
        await().untilAsserted(() -> {
            lines.clear();
            lines.addAll(Files.readAllLines(folder.resolve("access.log")));
            assertThat(lines).hasSizeGreaterThanOrEqualTo(least);
        });
        return lines;
    }

    @Test
    void a_line_of_json_for_each_request_says_where_it_went_and_how_long_it_took() throws IOException {
        Origin origin = closing(Origin.named("hello"));
        serve(logged(AccessLogConfig.Format.JSON, origin));
        Wire wire = client();
        wire.send("GET /a?b=\"c\" HTTP/1.1\r\nHost: shop\r\nUser-Agent: te\"st\r\ntraceparent: " + PARENT + "\r\n\r\n");
        wire.response();
        wire.send("bad\r\n\r\n").response();

        List<String> lines = lines(2);
        assertThat(lines.get(0))
                .contains("\"listener\":\"web\"")
                .contains("\"client\":\"127.0.0.1\"")
                .contains("\"client_port\":" + wire.socket.getLocalPort())
                .contains("\"protocol\":\"HTTP/1.1\",\"tls\":false")
                .contains("\"method\":\"GET\",\"host\":\"shop\",\"target\":\"/a?b=\\\"c\\\"\"")
                .contains("\"status\":200,\"outcome\":\"relayed\",\"pool\":\"web\"")
                .contains(
                        "\"upstream\":\"127.0.0.1:" + origin.address().getPort() + "\",\"attempts\":1,\"reused\":false")
                .contains("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"")
                .contains("\"user_agent\":\"te\\\"st\",\"referer\":null}")
                .matches(
                        ".*\"queue_ms\":0.0,\"connect_ms\":[0-9.E-]+,\"first_byte_ms\":[0-9.E-]+,\"total_ms\":[0-9.E-]+,"
                                + "\"bytes_in\":\\d{2,},\"bytes_out\":\\d{2,}.*");
        assertThat(lines.get(1)).contains("\"method\":null").contains("\"status\":400,\"outcome\":\"bad_request\"");
    }

    @Test
    void the_combined_format_is_that_of_apache_and_no_request_can_forge_a_line() throws IOException {
        Origin origin = closing(Origin.named("hello"));
        serve(logged(AccessLogConfig.Format.COMBINED, origin));
        Wire wire = client();
        wire.send("GET /x HTTP/1.1\r\nHost: a\r\nReferer: http://a/\"\\\r\nUser-Agent: caf\u00e9\r\n\r\n")
                .response();
        assertThat(lines(1).getFirst())
                .matches("127\\.0\\.0\\.1 - - \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d \\+0000]"
                        + " \"GET /x HTTP/1\\.1\" 200 \\d+ \"http://a/\\\\x22\\\\x5c\" \"caf\\\\xe9\"");
    }

    @Test
    void a_log_that_was_moved_away_is_made_anew() throws IOException {
        Origin origin = closing(Origin.named("hello"));
        serve(logged(AccessLogConfig.Format.JSON, origin));
        Wire wire = client();
        wire.get("/before");
        assertThat(lines(1).getFirst()).contains("/before");
        Files.move(folder.resolve("access.log"), folder.resolve("access.log.1"));
        await().until(() -> Files.exists(folder.resolve("access.log")));
        wire.get("/after");
        assertThat(lines(1).getFirst()).contains("/after");
    }

    @Test
    void a_log_that_is_too_large_is_moved_aside_and_begun_anew() throws IOException {
        Origin origin = closing(Origin.named("hello"));
        serve(http("web", origin)
                .withObservation(ObservationConfig.DEFAULTS.withAccessLog(
                        new AccessLogConfig(folder.resolve("access.log"), AccessLogConfig.Format.COMBINED, 1))));
        Path aside = folder.resolve("access.log.1");
        for (String path : List.of("/first", "/second")) {
            client().get(path);
            await().untilAsserted(() -> assertThat(aside).content().contains(path));
        }
        assertThat(aside).content().doesNotContain("/first");
        await().untilAsserted(() -> assertThat(folder.resolve("access.log")).isEmptyFile());
    }

    @Test
    void a_log_that_cannot_be_opened_is_told_with_listener_key_and_value() {
        Origin origin = closing(Origin.named("hello"));
        Path nowhere = folder.resolve("none/access.log");
        ListenerConfig config = http("web", origin)
                .withObservation(ObservationConfig.DEFAULTS.withAccessLog(
                        new AccessLogConfig(nowhere, AccessLogConfig.Format.JSON)));
        assertThatThrownBy(() -> lb.applyStrict(new LbConfig(List.of(config))))
                .isInstanceOf(LbConfigException.class)
                .hasMessageContaining(
                        "listener web: access-log.file: " + nowhere + " (expected: a file that can be written)");
        assertThat(lb.apply(new LbConfig(List.of(config))).problems()).hasSize(1);
        assertThat(bound("web")).as("served all the same").isNotNull();
    }

    @Test
    void a_byte_stream_is_logged_with_its_bytes() throws IOException {
        Origin origin = closing(new Origin((socket, in, out) -> {
            out.write(in.readNBytes(5));
            out.write("more".getBytes(StandardCharsets.UTF_8));
        }));
        serve(tcp("web", origin)
                .withObservation(ObservationConfig.DEFAULTS.withAccessLog(
                        new AccessLogConfig(folder.resolve("access.log"), AccessLogConfig.Format.JSON))));
        try (Socket socket = new Socket(bound("web").getAddress(), bound("web").getPort())) {
            socket.getOutputStream().write("hello".getBytes(StandardCharsets.UTF_8));
            socket.shutdownOutput();
            assertThat(Origin.readAll(socket.getInputStream())).hasSize(9);
        }
        assertThat(lines(1).getFirst())
                .contains("\"protocol\":\"TCP\"")
                .contains("\"outcome\":\"tunnelled\"")
                .contains("\"bytes_in\":5,\"bytes_out\":9");
    }

    @Test
    void slow_and_failed_requests_are_kept_by_themselves() throws IOException {
        Origin origin = closing(Origin.http(request -> {
            if (request.path().equals("/slow")) {
                try {
                    Thread.sleep(120);
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            return Origin.ok("x");
        }));
        ListenerConfig dead = listener("dead", Protocol.HTTP, List.of(TargetConfig.active(refused())));
        serve(http("web", origin).withObservation(ObservationConfig.DEFAULTS.withSlow(Duration.ofMillis(100))), dead);
        Wire wire = client();
        wire.get("/slow");
        for (int i = 0; i < 300; i++) {
            wire.get("/quick");
        }
        assertThat(client("dead").get("/lost").status()).isEqualTo(503);

        assertThat(lb.requests(Journal.Kind.RECENT, 1_000))
                .extracting(RequestStatus::target)
                .contains("/quick")
                .doesNotContain("/slow");
        // A noisy machine may have made another one slow.
        RequestStatus slow = lb.requests(Journal.Kind.SLOW, 1_000).getLast();
        assertThat(slow.target()).isEqualTo("/slow");
        assertThat(slow.firstByteUs()).isBetween(120_000L, slow.totalUs());
        RequestStatus failed = lb.requests(Journal.Kind.FAILED, 1).getFirst();
        assertThat(failed.outcome()).isEqualTo("connect_failed");
        assertThat(failed.status()).isEqualTo(503);
        assertThat(failed.listener()).isEqualTo("dead");
        assertThat(failed.upstream()).isNotNull();
        assertThat(lb.status().get(1).ended()).containsOnly(Map.entry("connect_failed", 1L));
        assertThat(lb.targets().stream()
                        .filter(target -> target.pool().equals("dead"))
                        .findFirst()
                        .orElseThrow()
                        .failures())
                .containsEntry("connect", 1L)
                .containsEntry("timeout", 0L);
    }

    @Test
    void histograms_have_each_part_of_each_request_and_a_fixed_number_of_rows() throws IOException {
        PrometheusRegistry registry = new PrometheusRegistry();
        lb.registerMetrics(registry);
        Origin origin = closing(Origin.named("hello"));
        serve(http("web", origin));
        Wire wire = client();
        wire.get("/1");
        wire.get("/2");
        wire.get("/3");
        String target = "127.0.0.1:" + origin.address().getPort();
        assertThat(count(registry, "drover_lb_pool_seconds", Labels.of("pool", "web", "part", "total")))
                .isEqualTo(3);
        assertThat(count(registry, "drover_lb_pool_seconds", Labels.of("pool", "web", "part", "queue")))
                .isZero();
        assertThat(count(
                        registry,
                        "drover_lb_target_seconds",
                        Labels.of("pool", "web", "target", target, "part", "first_byte")))
                .isEqualTo(3);
        assertThat(count(
                        registry,
                        "drover_lb_target_seconds",
                        Labels.of("pool", "web", "target", target, "part", "connect")))
                .isEqualTo(1);
        long series = rows(registry);
        for (int i = 0; i < 50; i++) {
            wire.get("/" + i);
        }
        assertThat(rows(registry)).isEqualTo(series);
    }

    private static long count(PrometheusRegistry registry, String name, Labels labels) {
        return registry.scrape().stream()
                .filter(snapshot -> snapshot.getMetadata().getName().equals(name))
                .flatMap(snapshot -> ((HistogramSnapshot) snapshot).getDataPoints().stream())
                .filter(point -> point.getLabels().equals(labels))
                .findFirst()
                .orElseThrow()
                .getCount();
    }

    private static long rows(PrometheusRegistry registry) {
        return registry.scrape().stream()
                .mapToLong(snapshot -> snapshot.getDataPoints().size())
                .sum();
    }

    @Test
    void a_trace_is_passed_on_and_made_only_where_that_is_wanted() throws IOException {
        Origin origin = closing(Origin.named("hello"));
        serve(
                http("web", origin),
                http("traced", origin).withObservation(ObservationConfig.DEFAULTS.withTraceSample(100)));
        client().send("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: " + PARENT + "\r\ntracestate: x=1\r\n\r\n")
                .response();
        client().get("/");
        client("traced")
                .send("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: " + PARENT + "\r\ntracestate: x=1\r\n\r\n")
                .response();
        client("traced").get("/");
        // Not one: the whole trace begins anew, its state with it.
        client("traced")
                .send("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: 00-0-0-0\r\ntracestate: x=1\r\n\r\n")
                .response();
        client("traced")
                .send("GET / HTTP/1.1\r\nHost: a\r\ntraceparent: " + PARENT + "\r\ntraceparent: " + PARENT + "\r\n\r\n")
                .response();

        List<String> heads = origin.requests.stream().map(Origin.Request::head).toList();
        assertThat(heads.get(0)).contains("traceparent: " + PARENT).contains("tracestate: x=1");
        assertThat(heads.get(1)).doesNotContain("traceparent");
        assertThat(heads.get(2)).contains("traceparent: " + PARENT).contains("tracestate: x=1");
        for (int i = 3; i < 6; i++) {
            assertThat(heads.get(i)).containsPattern("traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01\r\n");
            assertThat(heads.get(i)).doesNotContain(PARENT).doesNotContain("tracestate");
            assertThat(heads.get(i).split("traceparent")).hasSize(2);
        }
        assertThat(Wire.field(heads.get(3), "traceparent")).isNotEqualTo(Wire.field(heads.get(4), "traceparent"));
        assertThat(lb.requests(Journal.Kind.RECENT, 100))
                .extracting(RequestStatus::traceId)
                .contains(Wire.field(heads.get(3), "traceparent").substring(3, 35));
    }
}
