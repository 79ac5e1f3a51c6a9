package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Targets get no more work than they may have; who waits is served in turn, or told in time. */
class CapacityTest extends Harness {
    private final Semaphore answers = new Semaphore(0);
    private final AtomicInteger now = new AtomicInteger();
    private final AtomicInteger most = new AtomicInteger();

    private Origin gated() {
        return closing(Origin.http(request -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            try {
                if (!answers.tryAcquire(30, TimeUnit.SECONDS)) {
                    throw new IOException("no answer wanted");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                now.decrementAndGet();
            }
            return Origin.ok(request.path());
        }));
    }

    private void serveCapacity(Origin origin, CapacityConfig capacity) {
        PoolConfig pool =
                PoolConfig.of("p", Balance.ROUND_ROBIN, targets(origin)).withCapacity(capacity);
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))));
    }

    private static Wire ask(Wire wire) throws IOException {
        return wire.send("GET /x HTTP/1.1\r\nHost: t\r\n\r\n");
    }

    @Test
    void a_full_target_has_others_wait_and_serves_them_all() throws IOException {
        Origin origin = gated();
        serveCapacity(origin, new CapacityConfig(4, 100, Duration.ofSeconds(30)));
        List<Wire> wires = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            wires.add(ask(client()));
        }
        await().until(() -> event("QUEUED") >= 30);
        answers.release(1_000);
        for (Wire wire : wires) {
            assertThat(wire.response().status()).isEqualTo(200);
        }
        // Two lanes may each see the last free place at the same moment.
        assertThat(most.get()).isBetween(4, 5);
        assertThat(lb.inFlight(origin.address())).isZero();
    }

    @Test
    void a_full_queue_and_a_long_wait_are_503() throws IOException {
        Origin origin = gated();
        serveCapacity(origin, new CapacityConfig(1, 1, Duration.ofMillis(300)));
        Wire first = ask(client());
        await().until(() -> lb.inFlight(origin.address()) == 1);
        List<Wire> others = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            others.add(ask(client()));
        }
        for (Wire wire : others) {
            assertThat(wire.response().status()).isEqualTo(503);
        }
        assertThat(outcome("OVERLOADED")).isEqualTo(6);
        answers.release(100);
        assertThat(first.response().status()).isEqualTo(200);
        assertThat(ask(first).response().status()).isEqualTo(200);
    }

    @Test
    void without_a_queue_a_full_target_is_503_at_once() throws IOException {
        Origin origin = gated();
        serveCapacity(origin, new CapacityConfig(1, 0, Duration.ofSeconds(5)));
        Wire first = ask(client());
        await().until(() -> lb.inFlight(origin.address()) == 1);
        assertThat(ask(client()).response().status()).isEqualTo(503);
        answers.release(100);
        assertThat(first.response().status()).isEqualTo(200);
    }

    @Test
    void clients_that_leave_the_queue_take_no_place_in_it() throws IOException {
        Origin origin = gated();
        serveCapacity(origin, new CapacityConfig(1, 2, Duration.ofSeconds(30)));
        Wire first = ask(client());
        await().until(() -> lb.inFlight(origin.address()) == 1);
        List<Wire> waiting = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            waiting.add(ask(client()));
        }
        await().until(() -> event("QUEUED") == 4);
        for (Wire wire : waiting) {
            wire.reset();
        }
        await().until(() -> outcome("CLIENT_ABORT") == 4);
        Wire last = ask(client());
        await().until(() -> event("QUEUED") == 5);
        answers.release(100);
        assertThat(first.response().status()).isEqualTo(200);
        assertThat(last.response().status()).isEqualTo(200);
    }

    @Test
    void a_slow_attempt_goes_elsewhere_when_it_may_be_repeated() throws IOException {
        Origin slow = gated();
        Origin fast = closing(Origin.named("fast"));
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, targets(slow, fast))
                .withRetries(new RetryConfig(20, 10, Duration.ofMillis(200)));
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))));
        Wire wire = client();
        for (int i = 0; i < 4; i++) {
            assertThat(wire.get("/").body()).isEqualTo("fast");
        }
        assertThat(event("RETRIED_SLOW"))
                .as("each took the turns of both targets")
                .isEqualTo(4);
        wire.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n");
        await().until(() -> now.get() > 0);
        answers.release(100);
        assertThat(wire.response().body()).as("not repeated").isEqualTo("/p");
    }

    @Test
    void retries_end_with_the_budget() throws IOException {
        Origin closing = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
        }));
        Origin other = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
        }));
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, targets(closing, other))
                .withOutlier(OutlierConfig.OFF)
                .withRetries(new RetryConfig(0, 1, Duration.ZERO));
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool))));
        for (int i = 0; i < 40; i++) {
            assertThat(client().get("/").status()).isEqualTo(502);
        }
        assertThat(event("RETRIED")).isBetween(4L, 30L);
        assertThat(event("RETRY_BUDGET_SPENT")).isPositive();
    }
}
