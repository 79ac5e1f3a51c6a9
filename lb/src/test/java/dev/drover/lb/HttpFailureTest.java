package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class HttpFailureTest extends Harness {
    /** Reads a request and hangs up in the hardest way. */
    private Origin resetting() {
        return closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            Origin.reset(socket);
        }));
    }

    /** Reads requests and never says anything. */
    private Origin silent() {
        return closing(new Origin((socket, in, out) -> {
            while (Origin.readRequest(in) != null) {
                // Ignored.
            }
        }));
    }

    private static TargetConfig dead() {
        return TargetConfig.active(refused());
    }

    private ListenerConfig web(List<TargetConfig> targets) {
        return listener("web", Protocol.HTTP, targets);
    }

    private static List<TargetConfig> with(TargetConfig first, Origin... others) {
        List<TargetConfig> all = new ArrayList<>(List.of(first));
        all.addAll(targets(others));
        return all;
    }

    @Test
    void a_refused_connect_is_tried_on_another_target() throws IOException {
        Origin origin = closing(Origin.http(request -> Origin.ok(request.body() + "!")));
        serve(web(with(dead(), origin)));
        for (int i = 0; i < 4; i++) {
            Wire wire = client();
            assertThat(wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
                            .response()
                            .body())
                    .isEqualTo("abc!");
        }
        // The dead target is passed over once it is known.
        assertThat(event("UPSTREAM_CONNECT_FAILED")).isEqualTo(1);
        assertThat(lb.status().getFirst().targets().getFirst().backingOff()).isTrue();
    }

    @Test
    void without_a_target_that_connects_the_answer_is_503() throws IOException {
        serve(web(List.of(dead(), dead())));
        Wire wire = client();
        assertThat(wire.get("/").status()).isEqualTo(503);
        assertThat(wire.get("/").body()).isEqualTo("503 Service Unavailable\n");
        assertThat(event("UPSTREAM_CONNECT_FAILED"))
                .as("all tried though all are known")
                .isEqualTo(4);
        assertThat(outcome("CONNECT_FAILED")).isEqualTo(2);
        assertThat(wire.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n")
                        .response(true)
                        .status())
                .isEqualTo(503);
        serve(web(List.of()));
        assertThat(wire.get("/").status()).isEqualTo(503);
        assertThat(outcome("NO_TARGET")).isEqualTo(1);
    }

    @Test
    void a_target_that_comes_back_gets_its_turns_again() throws IOException {
        Origin gone = Origin.named("back");
        int port = gone.address().getPort();
        gone.close();
        Origin other = closing(Origin.named("other"));
        serve(web(List.of(TargetConfig.active(loopback(port)), TargetConfig.active(other.address()))));
        Wire wire = client();
        assertThat(wire.get("/").body()).isEqualTo("other");
        closing(Origin.http(request -> Origin.ok("back"), port));
        await().atMost(Duration.ofSeconds(5)).until(() -> wire.get("/").body().equals("back"));
    }

    @Test
    void a_reset_before_the_response_repeats_what_is_idempotent() throws IOException {
        Origin good = closing(Origin.http(request -> Origin.ok(request.line().split(" ")[0] + request.body())));
        serve(web(with(TargetConfig.active(resetting().address()), good)));
        for (String method : List.of("GET", "PUT", "DELETE", "OPTIONS")) {
            for (int i = 0; i < 2; i++) {
                Wire wire = client();
                wire.send(
                        method + " / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
                assertThat(wire.response().body()).isEqualTo(method + "body");
            }
        }
        assertThat(event("RETRIED")).isGreaterThanOrEqualTo(2);
    }

    @Test
    void a_reset_before_the_response_does_not_repeat_post() throws IOException {
        Origin bad = resetting();
        Origin good = closing(Origin.named("good"));
        serve(web(with(TargetConfig.active(bad.address()), good)));
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            seen.add(client().send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx")
                    .response()
                    .status());
        }
        assertThat(seen).containsExactly(502, 200, 502, 200);
        assertThat(good.requests).hasSize(2);
        assertThat(outcome("UPSTREAM_CLOSED")).isEqualTo(2);
    }

    @Test
    void a_body_too_large_to_keep_is_not_repeated() throws IOException {
        Origin good =
                closing(Origin.http(request -> Origin.ok("" + request.body().length())));
        serve(web(with(
                TargetConfig.active(closing(new Origin((socket, in, out) -> {
                            Wire.readHead(in);
                            in.readNBytes(150_000);
                            Origin.reset(socket);
                        }))
                        .address()),
                good)));
        String large = "x".repeat(200_000);
        Wire first = client();
        first.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n" + large);
        assertThat(first.response().status()).isEqualTo(502);
        assertThat(client().send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 200000\r\n\r\n" + large)
                        .response()
                        .body())
                .isEqualTo("200000");
    }

    @Test
    void a_large_body_is_held_back_until_a_target_is_connected() throws IOException {
        Origin good =
                closing(Origin.http(request -> Origin.ok("" + request.body().length())));
        serve(web(List.of(dead(), dead(), TargetConfig.active(good.address()))));
        String large = "x".repeat(2_000_000);
        assertThat(client().send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2000000\r\n\r\n" + large)
                        .response()
                        .body())
                .isEqualTo("2000000");
    }

    /** Closes connections that are idle for 150 ms, and all after {@code most} responses, without a word. */
    private Origin impatient(int most) {
        return closing(new Origin((socket, in, out) -> {
            for (int i = 0; i < most; i++) {
                Origin.Request request = Origin.readRequest(in);
                if (request == null) {
                    return;
                }
                out.write(Origin.ok(request.line().substring(0, 4)).getBytes(StandardCharsets.US_ASCII));
                out.flush();
                socket.setSoTimeout(150);
                in.mark(1);
                try {
                    if (in.read() < 0) {
                        return;
                    }
                    in.reset();
                } catch (SocketTimeoutException e) {
                    return;
                }
                socket.setSoTimeout(0);
            }
        }));
    }

    @Test
    void targets_that_close_connections_unasked_cost_no_request_that_may_be_repeated() {
        serve(http("web", impatient(2)));
        List<CompletableFuture<Void>> clients = new ArrayList<>();
        for (int c = 0; c < 8; c++) {
            clients.add(CompletableFuture.runAsync(
                    () -> {
                        try (Wire wire = new Wire(bound("web"))) {
                            for (int i = 0; i < 60; i++) {
                                assertThat(wire.get("/").status()).isEqualTo(200);
                                if (i % 20 == 0) {
                                    LockSupport.parkNanos(149_500_000);
                                }
                            }
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    task -> Thread.ofVirtual().start(task)));
        }
        clients.forEach(CompletableFuture::join);
        assertThat(event("UPSTREAM_REUSED")).isPositive();
    }

    @Test
    void post_does_not_meet_the_idle_timeout_of_a_target() throws IOException {
        serve(http("web", impatient(1_000)));
        Wire wire = client();
        for (int i = 0; i < 30; i++) {
            wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\nx");
            assertThat(wire.response().body()).isEqualTo("POST");
            LockSupport.parkNanos(i % 3 == 0 ? 0 : 149_000_000);
        }
        assertThat(event("UPSTREAM_REUSED")).isPositive();
    }

    @Test
    void a_target_that_does_not_answer_in_time_is_504() throws IOException {
        serve(http("web", silent()));
        Wire wire = client();
        long before = System.nanoTime();
        assertThat(wire.get("/").status()).isEqualTo(504);
        assertThat(System.nanoTime() - before).isBetween(2_500_000_000L, 8_000_000_000L);
        assertThat(outcome("RESPONSE_TIMEOUT")).isEqualTo(1);
    }

    @Test
    void requests_waiting_for_a_target_that_left_the_configuration_go_elsewhere() throws Exception {
        Origin mute = silent();
        serve(http("web", mute));
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            Wire wire = client();
            wire.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
            answers.add(CompletableFuture.supplyAsync(
                    () -> {
                        try {
                            return wire.response().body();
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    task -> Thread.ofVirtual().start(task)));
        }
        await().until(() -> lb.inFlight(mute.address()) == 5);
        serve(http("web", closing(Origin.named("elsewhere"))));
        for (CompletableFuture<String> answer : answers) {
            assertThat(answer).succeedsWithin(Duration.ofMillis(2_500)).isEqualTo("elsewhere");
        }
        assertThat(event("RETRIED_TARGET_REMOVED")).isEqualTo(5);
        await().until(() -> lb.inFlight(mute.address()) == 0);
        assertThat(lb.status().getFirst().targets()).hasSize(1);
    }

    @Test
    void a_slow_answer_of_a_removed_target_is_taken_when_there_is_no_other() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        Origin slow = closing(Origin.http(request -> {
            try {
                answer.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Origin.ok("late");
        }));
        serve(http("web", slow));
        Wire wire = client();
        wire.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        await().until(() -> lb.inFlight(slow.address()) == 1);
        serve(http("web"));
        await().pollDelay(Duration.ofMillis(1_300)).until(() -> lb.inFlight(slow.address()) == 1);
        assertThat(lb.status().getFirst().targets().getFirst().state()).isEqualTo(TargetStatus.State.REMOVED);
        answer.countDown();
        assertThat(wire.response().body()).isEqualTo("late");
    }

    @Test
    void a_draining_target_finishes_what_it_has_and_gets_nothing_new() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        Origin draining = closing(Origin.http(request -> {
            try {
                if (request.path().equals("/slow")) {
                    answer.await();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Origin.ok("old");
        }));
        Origin next = closing(Origin.named("new"));
        serve(http("web", draining));
        Wire idle = client();
        assertThat(idle.get("/").body()).isEqualTo("old");
        Wire slow = client();
        slow.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n");
        await().until(() -> lb.inFlight(draining.address()) == 1);
        serve(web(List.of(new TargetConfig(draining.address(), true), TargetConfig.active(next.address()))));
        for (int i = 0; i < 10; i++) {
            assertThat(idle.get("/").body()).isEqualTo("new");
        }
        assertThat(lb.inFlight(draining.address())).isEqualTo(1);
        await().until(() -> draining.openConnections() == 1);
        assertThat(lb.status().getFirst().targets().getFirst().state()).isEqualTo(TargetStatus.State.DRAINING);
        await().pollDelay(Duration.ofMillis(1_200)).until(() -> lb.inFlight(draining.address()) == 1);
        answer.countDown();
        assertThat(slow.response().body()).isEqualTo("old");
        await().until(() -> lb.inFlight(draining.address()) == 0 && draining.openConnections() == 0);
    }

    @Test
    void a_response_that_breaks_off_does_not_look_complete() throws IOException {
        serve(http("web", closing(new Origin((socket, in, out) -> {
            Origin.Request request = Origin.readRequest(in);
            out.write((request.path().equals("/length")
                            ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
                            : request.path().equals("/close")
                                    ? "HTTP/1.1 200 OK\r\n\r\nabc"
                                    : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            out.flush();
            in.mark(1);
            if (request.path().equals("/close")) {
                // Until the bytes have been relayed.
                socket.setSoTimeout(300);
                try {
                    in.read();
                } catch (SocketTimeoutException e) {
                    Origin.reset(socket);
                }
            }
        }))));
        for (String path : List.of("/length", "/chunked", "/close")) {
            assertThatThrownBy(() -> client().get(path)).isInstanceOf(EOFException.class);
        }
        assertThat(outcome("RESPONSE_TRUNCATED")).isEqualTo(3);
    }

    @Test
    void an_invalid_response_is_502() throws IOException {
        List<String> bad = List.of(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
                "HTTP/1.1 20 OK\r\n\r\n",
                "HTTP/2.0 200 OK\r\n\r\n",
                "SSH-2.0-OpenSSH_9\r\n\r\n",
                "HTTP/1.1 200 OK\r\nX: " + "y".repeat(40_000) + "\r\n\r\n");
        AtomicInteger next = new AtomicInteger();
        serve(http("web", closing(Origin.http(request -> bad.get(next.getAndIncrement())))));
        Wire wire = client();
        for (String response : bad) {
            assertThat(wire.get("/").status()).as(response).isEqualTo(502);
        }
        assertThat(outcome("UPSTREAM_INVALID")).isEqualTo(bad.size());
    }

    @Test
    void bytes_behind_a_response_are_never_given_to_another_request() throws IOException {
        serve(http("web", closing(Origin.http(request -> Origin.ok("own") + Origin.ok("stolen")))));
        Wire wire = client();
        for (int i = 0; i < 10; i++) {
            assertThat(wire.get("/").body()).isEqualTo("own");
        }
    }

    @Test
    void slow_clients_are_answered_408() throws IOException {
        serve(http("web", closing(Origin.http(request -> Origin.ok(request.body())))));
        Wire head = client();
        head.send("GET / HTTP/1.1\r\nHo");
        assertThat(head.response().status()).isEqualTo(408);
        assertThat(head.ended()).isTrue();
        Wire body = client();
        body.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
        assertThat(body.response().status()).isEqualTo(408);
        assertThat(body.ended()).isTrue();
        await().until(() -> outcome("REQUEST_TIMEOUT") == 2);
    }

    @Test
    void a_blackholed_target_costs_one_connect_timeout() throws IOException {
        // Full backlog: the kernel drops further SYNs, as a host that vanished does.
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Socket> fill = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Socket socket = closing(new Socket());
                fill.add(socket);
                try {
                    socket.connect(full.getLocalSocketAddress(), 100);
                } catch (SocketTimeoutException e) {
                    break;
                }
            }
            serve(web(with(
                    TargetConfig.active((InetSocketAddress) full.getLocalSocketAddress()),
                    closing(Origin.named("other")))));
            long before = System.nanoTime();
            for (int i = 0; i < 4; i++) {
                assertThat(client().get("/").body()).isEqualTo("other");
            }
            assertThat(System.nanoTime() - before).isLessThan(2_500_000_000L);
            assertThat(fill).isNotEmpty();
        }
    }
}
