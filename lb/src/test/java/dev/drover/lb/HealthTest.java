package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Who gets work is decided by checks where there are any, and by failures where there are none. */
class HealthTest extends Harness {
    private static final HealthCheckConfig HTTP = new HealthCheckConfig(
            HealthCheckConfig.Type.HTTP,
            0,
            "/health",
            "check.example.com",
            Duration.ofMillis(50),
            Duration.ofSeconds(2),
            2,
            2,
            200,
            299,
            0);

    /** Answers {@code /health} with its status, all else with its name. */
    private final class Checked {
        final AtomicInteger status;
        final Origin origin;

        Checked(String name, int first) {
            status = new AtomicInteger(first);
            origin = closing(Origin.http(request -> request.path().equals("/health")
                    ? "HTTP/1.1 " + status + " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    : Origin.ok(name)));
        }
    }

    private void servePool(PoolConfig pool) {
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))));
    }

    private static PoolConfig pool(HealthCheckConfig check, boolean failOpen, Origin... origins) {
        return PoolConfig.of("p", Balance.ROUND_ROBIN, targets(origins)).withHealth(check, failOpen);
    }

    private TargetStatus.Health health(Origin origin) {
        return lb.status().getFirst().targets().stream()
                .filter(target -> target.address().equals(origin.address()))
                .findFirst()
                .orElseThrow()
                .health();
    }

    private void awaitHealth(Origin origin, TargetStatus.Health expected) {
        await().pollInterval(Duration.ofMillis(10)).until(() -> health(origin) == expected);
    }

    @Test
    void an_unhealthy_target_gets_nothing_until_it_is_well_again() throws IOException {
        Checked a = new Checked("a", 200);
        Checked b = new Checked("b", 200);
        servePool(pool(HTTP, true, a.origin, b.origin));
        awaitHealth(a.origin, TargetStatus.Health.HEALTHY);
        awaitHealth(b.origin, TargetStatus.Health.HEALTHY);
        Wire wire = client();
        assertThat(List.of(wire.get("/").body(), wire.get("/").body())).containsExactlyInAnyOrder("a", "b");
        b.status.set(500);
        awaitHealth(b.origin, TargetStatus.Health.UNHEALTHY);
        for (int i = 0; i < 6; i++) {
            assertThat(wire.get("/").body()).isEqualTo("a");
        }
        b.status.set(204);
        awaitHealth(b.origin, TargetStatus.Health.HEALTHY);
        assertThat(List.of(wire.get("/").body(), wire.get("/").body())).containsExactlyInAnyOrder("a", "b");
        assertThat(a.origin.requests.getFirst().head())
                .startsWith("GET /health HTTP/1.1\r\nHost: check.example.com\r\n");
    }

    @Test
    void a_new_target_gets_nothing_before_its_first_good_check() throws IOException {
        Checked a = new Checked("a", 200);
        Checked fresh = new Checked("fresh", 503);
        servePool(pool(HTTP, true, a.origin));
        awaitHealth(a.origin, TargetStatus.Health.HEALTHY);
        servePool(pool(HTTP, true, a.origin, fresh.origin));
        Wire wire = client();
        for (int i = 0; i < 20; i++) {
            assertThat(wire.get("/").body()).isEqualTo("a");
        }
        fresh.status.set(200);
        awaitHealth(fresh.origin, TargetStatus.Health.HEALTHY);
        assertThat(List.of(wire.get("/").body(), wire.get("/").body())).containsExactlyInAnyOrder("a", "fresh");
    }

    @Test
    void when_none_is_healthy_all_or_none_get_work_as_wanted() throws IOException {
        Checked a = new Checked("a", 500);
        servePool(pool(HTTP, false, a.origin));
        awaitHealth(a.origin, TargetStatus.Health.UNHEALTHY);
        assertThat(client().get("/").status()).isEqualTo(503);
        assertThat(outcome("NO_TARGET")).isEqualTo(1);
        servePool(pool(HTTP, true, a.origin));
        assertThat(client().get("/").body()).isEqualTo("a");
    }

    @Test
    void below_the_panic_threshold_all_get_work() throws IOException {
        Checked a = new Checked("a", 200);
        Checked b = new Checked("b", 500);
        Checked c = new Checked("c", 500);
        HealthCheckConfig panicky = new HealthCheckConfig(
                HTTP.type(), 0, HTTP.path(), null, HTTP.interval(), HTTP.timeout(), 2, 2, 200, 299, 50);
        servePool(pool(panicky, false, a.origin, b.origin, c.origin));
        awaitHealth(b.origin, TargetStatus.Health.UNHEALTHY);
        awaitHealth(c.origin, TargetStatus.Health.UNHEALTHY);
        awaitHealth(a.origin, TargetStatus.Health.HEALTHY);
        Wire wire = client();
        assertThat(List.of(
                        wire.get("/").body(),
                        wire.get("/").body(),
                        wire.get("/").body()))
                .containsExactlyInAnyOrder("a", "b", "c");
    }

    @Test
    void a_connect_is_enough_for_tcp() throws IOException {
        Origin up = closing(Origin.named("up"));
        HealthCheckConfig tcp = new HealthCheckConfig(
                HealthCheckConfig.Type.TCP,
                0,
                "/",
                null,
                Duration.ofMillis(50),
                Duration.ofSeconds(2),
                1,
                1,
                200,
                399,
                0);
        Origin down = closing(Origin.named("down"));
        servePool(pool(tcp, true, up, down));
        awaitHealth(down, TargetStatus.Health.HEALTHY);
        down.kill();
        awaitHealth(down, TargetStatus.Health.UNHEALTHY);
        awaitHealth(up, TargetStatus.Health.HEALTHY);
        assertThat(client().get("/").body()).isEqualTo("up");
    }

    @Test
    void grpc_servers_are_asked_by_their_own_protocol() {
        AtomicInteger serving = new AtomicInteger(1);
        Origin grpc = closing(new Origin((socket, in, out) -> {
            byte[] preface = in.readNBytes(24);
            assertThat(new String(preface, java.nio.charset.StandardCharsets.US_ASCII))
                    .startsWith("PRI * HTTP/2.0");
            out.write(new byte[] {0, 0, 0, 4, 0, 0, 0, 0, 0});
            while (true) {
                byte[] header = in.readNBytes(9);
                if (header.length < 9) {
                    return;
                }
                int length = (header[0] & 255) << 16 | (header[1] & 255) << 8 | header[2] & 255;
                byte[] payload = in.readNBytes(length);
                boolean last = header[3] == 0 && (header[4] & 1) != 0;
                if (header[3] == 1) {
                    assertThat(new String(payload, java.nio.charset.StandardCharsets.ISO_8859_1))
                            .contains("/grpc.health.v1.Health/Check")
                            .contains("application/grpc");
                }
                if (last) {
                    // :status 200; the message; no trailers are looked at.
                    out.write(new byte[] {0, 0, 1, 1, 4, 0, 0, 0, 1, (byte) 0x88});
                    out.write(new byte[] {0, 0, 7, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, (byte) serving.get()});
                    out.flush();
                    return;
                }
            }
        }));
        HealthCheckConfig check = new HealthCheckConfig(
                HealthCheckConfig.Type.GRPC,
                0,
                "/",
                null,
                Duration.ofMillis(50),
                Duration.ofSeconds(2),
                1,
                1,
                200,
                399,
                0);
        servePool(pool(check, true, grpc));
        awaitHealth(grpc, TargetStatus.Health.HEALTHY);
        serving.set(2);
        awaitHealth(grpc, TargetStatus.Health.UNHEALTHY);
    }

    @Test
    void a_server_that_says_nothing_is_unhealthy_after_the_timeout() {
        Origin mute = closing(new Origin((socket, in, out) -> in.readAllBytes()));
        HealthCheckConfig check = new HealthCheckConfig(
                HealthCheckConfig.Type.HTTP,
                0,
                "/",
                null,
                Duration.ofMillis(50),
                Duration.ofMillis(200),
                1,
                1,
                200,
                399,
                0);
        servePool(pool(check, true, mute));
        awaitHealth(mute, TargetStatus.Health.UNHEALTHY);
    }

    @Test
    void the_same_configuration_again_keeps_what_checks_found_out() {
        Checked a = new Checked("a", 200);
        PoolConfig pool = pool(HTTP, true, a.origin);
        servePool(pool);
        awaitHealth(a.origin, TargetStatus.Health.HEALTHY);
        serve(
                new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))),
                http("more"));
        assertThat(health(a.origin)).isEqualTo(TargetStatus.Health.HEALTHY);
    }

    @Test
    void a_target_that_answers_503_again_and_again_is_passed_over() throws IOException {
        Origin bad = closing(Origin.http(request -> "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n"));
        Origin good = closing(Origin.named("good"));
        servePool(PoolConfig.of("p", Balance.ROUND_ROBIN, targets(bad, good))
                .withOutlier(new OutlierConfig(3, Duration.ofMinutes(1), 50)));
        Wire wire = client();
        for (int i = 0; i < 6; i++) {
            wire.get("/");
        }
        for (int i = 0; i < 6; i++) {
            assertThat(wire.get("/").body()).isEqualTo("good");
        }
        assertThat(bad.requests).hasSize(3);
        assertThat(lb.status().getFirst().targets()).anyMatch(TargetStatus::ejected);
    }
}
