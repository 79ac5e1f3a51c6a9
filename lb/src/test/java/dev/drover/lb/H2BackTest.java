package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.netty.handler.codec.http2.Http2Exception;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Targets of HTTP/2, well behaved and not; {@link GrpcTest} has real ones. */
class H2BackTest extends Harness {
    private static final int CANCEL = 8;
    private static final int INTERNAL_ERROR = 2;
    private static final int REFUSED_STREAM = 7;
    private static final int MAX_CONCURRENT_STREAMS = 3;
    private static final int INITIAL_WINDOW_SIZE = 4;
    private static final int MAX_HEADER_LIST_SIZE = 6;

    /** A busy machine must not be taken for a slow client. */
    @Override
    LbSettings settings() {
        return LbSettings.DEFAULTS
                .withTimeouts(
                        Duration.ofMillis(500),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(10))
                .withDrainTimeout(Duration.ofSeconds(3));
    }

    private static PoolConfig pool(TargetProtocol protocol, H2Origin... origins) {
        return PoolConfig.of(
                        "p",
                        Balance.ROUND_ROBIN,
                        Arrays.stream(origins)
                                .map(origin -> TargetConfig.active(origin.address()))
                                .toList())
                .withTargetProtocol(protocol);
    }

    private void serve(PoolConfig pool) {
        serve(new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool)))
                .withEntry(EntryConfig.PLAIN.withH2c(true)));
    }

    private H2Origin serving(H2Origin origin) {
        closing(origin);
        serve(pool(TargetProtocol.HTTP_2, origin));
        return origin;
    }

    private H2Origin serving(H2Origin.Answer answer) {
        return serving(new H2Origin(answer));
    }

    private H2Wire h2() throws IOException {
        return closing(new H2Wire(bound("web")));
    }

    private static byte[] code(int value) {
        return new byte[] {0, 0, 0, (byte) value};
    }

    // What passes.

    @Test
    void requests_of_http_1_1_become_streams() throws IOException {
        H2Origin origin = serving((peer, request) -> H2Origin.ok(peer, request.stream(), "for " + request.path()));
        Wire wire = client();
        wire.send("GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nX-Thing: Some thing \r\nCookie: a=1\r\n");
        wire.send("Connection: X-Secret, TE\r\nX-Secret: 1\r\nTE: trailers\r\n\r\n");
        Wire.Response response = wire.response();
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.field("x-origin")).isEqualTo("h2");
        assertThat(response.body()).isEqualTo("for /a?b=c");
        assertThat(wire.get("/again").body()).isEqualTo("for /again");
        H2Origin.Request request = origin.requests.getFirst();
        assertThat(request.head().method()).hasToString("GET");
        assertThat(request.head().scheme()).hasToString("http");
        assertThat(request.head().authority()).hasToString("shop.example");
        assertThat(request.head().get("x-thing")).hasToString("Some thing");
        assertThat(request.head().get("te")).hasToString("trailers");
        assertThat(request.head().get("x-forwarded-for")).hasToString("127.0.0.1");
        assertThat(request.head().contains("connection")).isFalse();
        assertThat(request.head().contains("x-secret")).isFalse();
        assertThat(request.head().contains("host")).isFalse();
        assertThat(origin.connections()).isEqualTo(1);
        assertThat(event("UPSTREAM_HTTP2")).isEqualTo(1);
    }

    @Test
    void bodies_and_trailers_pass_between_http_1_1_and_http_2() throws IOException {
        H2Origin origin = serving((peer, request) -> {
            int stream = request.stream();
            peer.headers(stream, false, ":status", "200")
                    .data(stream, false, request.body())
                    .headers(stream, true, "x-sum", "7", "content-length", "9");
        });
        Wire wire = client();
        wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
        assertThat(wire.response().body()).isEqualTo("hello{x-sum:7}");
        wire.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.send("3;x=y\r\none\r\n3\r\ntwo\r\n0\r\nX-End: 1\r\nHost: evil\r\n\r\n");
        assertThat(wire.response().body()).isEqualTo("onetwo{x-sum:7}");
        H2Origin.Request chunked = origin.requests.getLast();
        assertThat(chunked.trailers().get("x-end")).hasToString("1");
        assertThat(chunked.trailers().contains("host")).isFalse();
        assertThat(chunked.head().contains("transfer-encoding")).isFalse();
        assertThat(origin.requests.getFirst().head().get("content-length")).hasToString("5");
    }

    @Test
    void heads_without_a_body_and_interim_responses_pass() throws IOException {
        serving((peer, request) -> {
            int stream = request.stream();
            switch (request.path()) {
                case "/head" -> peer.headers(stream, true, ":status", "200", "content-length", "99");
                case "/none" -> peer.headers(stream, true, ":status", "204");
                case "/same" -> peer.headers(stream, true, ":status", "304", "etag", "x");
                case "/hints" -> {
                    peer.headers(stream, false, ":status", "103", "link", "</x>");
                    H2Origin.ok(peer, stream, "behind");
                }
                case "/sized" ->
                    peer.headers(stream, false, ":status", "200", "content-length", "2")
                            .data(stream, false, "ok")
                            .headers(stream, true, "x-t", "1");
                default -> peer.headers(stream, true, ":status", "200");
            }
        });
        Wire wire = client();
        wire.send("HEAD /head HTTP/1.1\r\nHost: t\r\n\r\n");
        assertThat(wire.response(true).field("content-length")).isEqualTo("99");
        assertThat(wire.send("GET /none HTTP/1.1\r\nHost: t\r\n\r\n")
                        .response(true)
                        .status())
                .isEqualTo(204);
        assertThat(wire.send("GET /same HTTP/1.1\r\nHost: t\r\n\r\n")
                        .response(true)
                        .status())
                .isEqualTo(304);
        assertThat(wire.get("/empty").field("content-length")).isEqualTo("0");
        assertThat(wire.get("/sized").body()).as("no place for trailers").isEqualTo("ok");
        assertThat(wire.send("GET /hints HTTP/1.1\r\nHost: t\r\n\r\n")
                        .response(true)
                        .status())
                .isEqualTo(103);
        assertThat(wire.response().body()).isEqualTo("behind");
        assertThat(wire.get("/empty").status()).isEqualTo(200);
    }

    @Test
    void a_response_may_end_before_its_request() throws IOException, Http2Exception {
        H2Origin origin = new H2Origin(
                new byte[0],
                (peer, frame) -> {
                    if (frame.type() == H2Wire.HEADERS && !frame.ends()) {
                        H2Origin.ok(peer, frame.stream(), "enough");
                    }
                    return false;
                },
                (peer, request) -> {});
        serving(origin);
        H2Wire wire = h2();
        wire.headers(1, false, ":method", "POST", ":scheme", "http", ":path", "/", ":authority", "t");
        assertThat(wire.response(1).body()).isEqualTo("enough");
        await().until(() -> !origin.resets.isEmpty());
        assertThat(origin.resets.getFirst().error()).isEqualTo(CANCEL);
    }

    // Connections and streams.

    /** Answers what is held once {@code go} is done, and everything from then on at once. */
    private static H2Origin.Answer heldUntil(CompletableFuture<Void> go) {
        return (peer, request) -> {
            var _ = go.thenRun(() -> {
                try {
                    H2Origin.ok(peer, request.stream(), request.path());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        };
    }

    @Test
    void many_requests_share_a_connection_of_each_lane() throws Exception {
        CompletableFuture<Void> go = new CompletableFuture<>();
        H2Origin origin = serving(heldUntil(go));
        List<CompletableFuture<String>> all = gets(40);
        await().until(() -> origin.requests.size() == 40);
        go.complete(null);
        for (int i = 0; i < all.size(); i++) {
            assertThat(all.get(i).get()).isEqualTo("/" + i);
        }
        assertThat(origin.connections()).isLessThanOrEqualTo(2);
        assertThat(origin.most.get()).isGreaterThanOrEqualTo(20);
    }

    /** Requests of as many connections at once, for {@code /0}, {@code /1} and so on. */
    private List<CompletableFuture<String>> gets(int count) throws IOException {
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Wire wire = client();
            String path = "/" + i;
            CompletableFuture<String> body = new CompletableFuture<>();
            all.add(body);
            Thread.ofVirtual().start(() -> {
                try {
                    body.complete(wire.get(path).body());
                } catch (IOException e) {
                    body.completeExceptionally(e);
                }
            });
        }
        return all;
    }

    @Test
    void no_more_streams_than_the_target_takes() throws Exception {
        CompletableFuture<Void> go = new CompletableFuture<>();
        H2Origin origin = serving(
                new H2Origin(H2Origin.setting(MAX_CONCURRENT_STREAMS, 2), (peer, frame) -> false, heldUntil(go)));
        List<CompletableFuture<String>> all = gets(100);
        // Lanes have 8 connections each.
        await().until(() -> origin.requests.size() == 32 && event("QUEUED") == 100 - 32);
        go.complete(null);
        for (int i = 0; i < all.size(); i++) {
            assertThat(all.get(i).get()).isEqualTo("/" + i);
        }
        assertThat(origin.most.get()).isEqualTo(2);
        assertThat(origin.connections()).isEqualTo(16);
    }

    @Test
    void a_client_that_goes_away_cancels_its_stream_alone() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        H2Origin origin = serving((peer, request) -> {
            if (!request.path().equals("/never")) {
                H2Origin.ok(peer, request.stream(), "ok");
            }
            go.countDown();
        });
        H2Wire wire = h2();
        wire.get(1, "/never");
        go.await();
        wire.send(H2Wire.RST_STREAM, 0, 1, code(CANCEL));
        await().until(() -> !origin.resets.isEmpty());
        assertThat(origin.resets.getFirst().error()).isEqualTo(CANCEL);
        assertThat(wire.get(3, "/").response(3).body()).isEqualTo("ok");
        assertThat(origin.connections()).isEqualTo(1);
        assertThat(outcome("CLIENT_ABORT")).isEqualTo(1);
        assertThat(lb.status().getFirst().targets().getFirst().active()).isZero();
    }

    @Test
    void a_target_that_leaves_gets_nothing_new_and_its_connections_end_with_the_last_answer() throws Exception {
        CountDownLatch arrived = new CountDownLatch(1);
        CompletableFuture<Runnable> answer = new CompletableFuture<>();
        H2Origin origin = closing(new H2Origin((peer, request) -> {
            answer.complete(() -> {
                try {
                    H2Origin.ok(peer, request.stream(), "late");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            arrived.countDown();
        }));
        H2Origin other = closing(new H2Origin((peer, request) -> H2Origin.ok(peer, request.stream(), "other")));
        serve(pool(TargetProtocol.HTTP_2, origin));
        Wire wire = client().send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n");
        arrived.await();
        serve(pool(TargetProtocol.HTTP_2, other));
        assertThat(client().get("/").body()).isEqualTo("other");
        answer.get().run();
        assertThat(wire.response().body()).isEqualTo("late");
        await().until(() -> origin.origin.openConnections() == 0);
        assertThat(origin.goodbyes).hasSize(1);
    }

    @Test
    void changes_of_targets_cost_no_request() throws Exception {
        List<H2Origin> origins = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            origins.add(closing(new H2Origin((peer, request) -> H2Origin.ok(peer, request.stream(), request.body()))));
        }
        serve(pool(TargetProtocol.HTTP_2, origins.getFirst()));
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger done = new AtomicInteger();
        AtomicInteger wrong = new AtomicInteger();
        List<Thread> clients = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Wire wire = client();
            String request = i % 2 == 0
                    ? "GET / HTTP/1.1\r\nHost: t\r\n\r\n"
                    : "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello";
            String answer = i % 2 == 0 ? "" : "hello";
            clients.add(Thread.ofVirtual().start(() -> {
                while (!over.get()) {
                    try {
                        wrong.addAndGet(wire.send(request).response().body().equals(answer) ? 0 : 1);
                    } catch (IOException e) {
                        wrong.incrementAndGet();
                        return;
                    }
                    done.incrementAndGet();
                }
            }));
        }
        for (int change = 0; change < 50; change++) {
            int before = done.get();
            H2Origin one = origins.get(change % 3);
            H2Origin two = origins.get((change + 1) % 3);
            serve(change % 2 == 0 ? pool(TargetProtocol.HTTP_2, one, two) : pool(TargetProtocol.HTTP_2, two));
            await().pollInterval(Duration.ofMillis(5)).until(() -> done.get() > before + 8 || wrong.get() > 0);
        }
        over.set(true);
        for (Thread client : clients) {
            client.join();
        }
        assertThat(wrong.get()).isZero();
        assertThat(lb.outcomes().get("RELAYED")).isEqualTo(done.get());
        H2Origin out = origins.get(48 % 3);
        await().until(() -> out.origin.openConnections() == 0);
    }

    @Test
    void the_protocol_of_targets_changes_while_they_serve() throws IOException {
        H2Origin origin = serving((peer, request) -> H2Origin.ok(peer, request.stream(), "two"));
        Origin old = closing(Origin.named("one"));
        assertThat(client().get("/").body()).isEqualTo("two");
        serve(pool(TargetProtocol.HTTP_1_1, origin));
        await().until(() -> origin.origin.openConnections() == 0);
        serve(PoolConfig.of("p", Balance.ROUND_ROBIN, targets(old)));
        assertThat(client().get("/").body()).isEqualTo("one");
    }

    // What a target says that it has not looked at is sent again, whatever its method.

    @Test
    void a_refused_stream_is_sent_again_and_not_for_ever() throws IOException {
        AtomicInteger refusals = new AtomicInteger(1);
        H2Origin origin = serving((peer, request) -> {
            if (refusals.getAndDecrement() > 0) {
                peer.send(H2Wire.RST_STREAM, 0, request.stream(), code(REFUSED_STREAM));
            } else {
                H2Origin.ok(peer, request.stream(), request.body());
            }
        });
        String post = "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello";
        assertThat(client().send(post).response().body()).isEqualTo("hello");
        assertThat(event("UPSTREAM_REFUSED")).isEqualTo(1);
        assertThat(lb.status().getFirst().targets().getFirst().failed()).isZero();
        refusals.set(1_000);
        assertThat(client().send(post).response().status()).isEqualTo(502);
        assertThat(origin.requests).hasSize(4);
        assertThat(outcome("UPSTREAM_CLOSED")).isEqualTo(1);
    }

    @Test
    void a_request_behind_goaway_goes_to_a_new_connection_and_those_before_end_well() throws Exception {
        AtomicInteger connection = new AtomicInteger();
        CompletableFuture<H2Wire> first = new CompletableFuture<>();
        H2Origin origin = closing(new H2Origin((peer, request) -> {
            if (request.path().equals("/early")) {
                first.complete(peer);
            } else if (connection.getAndIncrement() == 0) {
                // The stream of /early is 3, this one was not looked at.
                peer.send(H2Wire.GOAWAY, 0, 0, new byte[] {0, 0, 0, 3, 0, 0, 0, 0});
            } else {
                H2Origin.ok(peer, request.stream(), "new " + request.body());
            }
        }));
        serve(pool(TargetProtocol.HTTP_2, origin));
        H2Wire wire = h2();
        wire.get(1, "/early");
        H2Wire old = first.get();
        wire.headers(3, false, ":method", "POST", ":scheme", "http", ":path", "/late", ":authority", "t");
        wire.data(3, true, "post");
        assertThat(wire.response(3).body()).isEqualTo("new post");
        H2Origin.ok(old, 3, "early");
        assertThat(wire.response(1).body()).isEqualTo("early");
        assertThat(origin.connections()).isEqualTo(2);
        await().until(() -> origin.origin.openConnections() == 1);
        assertThat(outcome("RELAYED")).isEqualTo(2);
    }

    @Test
    void what_a_target_may_have_begun_is_sent_again_only_if_it_may() throws IOException {
        H2Origin bad = closing(new H2Origin(
                (peer, request) -> peer.send(H2Wire.RST_STREAM, 0, request.stream(), code(INTERNAL_ERROR))));
        H2Origin good = closing(new H2Origin((peer, request) -> H2Origin.ok(peer, request.stream(), "good")));
        serve(pool(TargetProtocol.HTTP_2, bad, good));
        for (int i = 0; i < 4; i++) {
            assertThat(client().get("/").body()).isEqualTo("good");
        }
        int refused = 0;
        for (int i = 0; i < 2; i++) {
            Wire.Response response = client().send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n")
                    .response();
            refused += response.status() == 502 ? 1 : 0;
        }
        assertThat(refused).isEqualTo(1);
    }

    @Test
    void a_killed_target_costs_what_may_be_repeated_nothing() throws Exception {
        H2Origin dying = closing(new H2Origin((peer, request) -> {}));
        H2Origin good = closing(new H2Origin((peer, request) -> H2Origin.ok(peer, request.stream(), request.path())));
        serve(pool(TargetProtocol.HTTP_2, dying, good));
        List<CompletableFuture<String>> all = gets(20);
        await().until(() -> dying.requests.size() == 10);
        dying.origin.kill();
        for (int i = 0; i < all.size(); i++) {
            assertThat(all.get(i).get()).isEqualTo("/" + i);
        }
    }

    // What must not be forwarded.

    /** Frames of a bad response, by name. */
    private static final Map<String, H2Origin.Answer> MALFORMED = Map.ofEntries(
            Map.entry("upper case", (peer, r) -> peer.headers(r.stream(), true, ":status", "200", "X-Up", "1")),
            Map.entry("connection", (peer, r) -> peer.headers(r.stream(), true, ":status", "200", "connection", "x")),
            Map.entry(
                    "transfer-encoding",
                    (peer, r) -> peer.headers(r.stream(), true, ":status", "200", "transfer-encoding", "chunked")),
            Map.entry("no status", (peer, r) -> peer.headers(r.stream(), true, "x", "y")),
            Map.entry("bad status", (peer, r) -> peer.headers(r.stream(), true, ":status", "2x0")),
            Map.entry("two statuses", (peer, r) -> peer.headers(r.stream(), true, ":status", "200", ":status", "200")),
            Map.entry("request field", (peer, r) -> peer.headers(r.stream(), true, ":status", "200", ":path", "/")),
            Map.entry("late status", (peer, r) -> peer.headers(r.stream(), true, "x", "y", ":status", "200")),
            Map.entry("line end", (peer, r) -> peer.headers(r.stream(), true, ":status", "200", "x", "a\r\nb: c")),
            Map.entry("interim end", (peer, r) -> peer.headers(r.stream(), true, ":status", "103")),
            Map.entry("upgrade", (peer, r) -> peer.headers(r.stream(), false, ":status", "101")),
            Map.entry("data first", (peer, r) -> peer.data(r.stream(), true, "x")),
            Map.entry(
                    "length without a body",
                    (peer, r) -> peer.headers(r.stream(), true, ":status", "200", "content-length", "5")),
            Map.entry(
                    "two lengths",
                    (peer, r) -> peer.headers(
                            r.stream(), true, ":status", "200", "content-length", "0", "content-length", "0")),
            Map.entry("unknown stream", (peer, r) -> peer.headers(99, true, ":status", "200")),
            Map.entry("push", (peer, r) -> peer.send(5, H2Wire.END_HEADERS, r.stream(), new byte[] {0, 0, 0, 2})),
            Map.entry("frame too long", (peer, r) -> peer.send(H2Wire.DATA, 0, r.stream(), new byte[20_000])));

    @Test
    void a_malformed_response_is_answered_502() throws IOException {
        H2Origin origin = serving((peer, request) -> {
            String name = request.path().substring(1).replace('+', ' ');
            H2Origin.Answer answer = MALFORMED.get(name);
            if (answer == null) {
                H2Origin.ok(peer, request.stream(), "fine");
            } else {
                answer.to(peer, request);
            }
        });
        for (String name : MALFORMED.keySet()) {
            Wire wire = client();
            assertThat(wire.get("/" + name.replace(' ', '+')).status()).as(name).isEqualTo(502);
            // One bad answer must not cost the next request anything; rests after failures aside.
            assertThat(wire.get("/fine").body()).as("behind " + name).isEqualTo("fine");
        }
        assertThat(outcome("UPSTREAM_INVALID")).isEqualTo(MALFORMED.size());
        assertThat(lb.status().getFirst().targets().getFirst().failures()).containsKey("invalid");
        assertThat(origin.requests).hasSize(2 * MALFORMED.size());
    }

    @Test
    void a_body_of_another_length_than_told_never_looks_complete() throws IOException, Http2Exception {
        serving((peer, request) -> {
            int stream = request.stream();
            peer.headers(stream, false, ":status", "200", "content-length", "5");
            peer.data(stream, true, request.path().equals("/short") ? "1234" : "123456");
        });
        for (String path : List.of("/short", "/long")) {
            H2Wire wire = h2();
            assertThat(wire.get(1, path).response(1).error()).as(path).isEqualTo(INTERNAL_ERROR);
            Wire old = client().send("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n");
            assertThat(old.rest())
                    .as(path)
                    .doesNotContain("12345\n")
                    .satisfies(all -> assertThat(
                                    all.substring(all.indexOf("\r\n\r\n") + 4).length())
                            .isLessThan(5));
        }
        assertThat(outcome("RESPONSE_TRUNCATED")).isEqualTo(4);
    }

    @Test
    void a_target_that_does_not_speak_http_2_gets_no_request() throws IOException {
        Origin old = closing(Origin.named("one"));
        serve(PoolConfig.of("p", Balance.ROUND_ROBIN, targets(old)).withTargetProtocol(TargetProtocol.HTTP_2));
        assertThat(client().get("/").status()).isEqualTo(503);
        Origin silent = closing(new Origin((socket, in, out) -> Origin.readAll(in)));
        serve(PoolConfig.of("p", Balance.ROUND_ROBIN, targets(silent)).withTargetProtocol(TargetProtocol.HTTP_2));
        assertThat(client().get("/").status()).isEqualTo(503);
        assertThat(outcome("CONNECT_FAILED") + outcome("NO_TARGET")).isEqualTo(2);
        assertThat(event("UPSTREAM_HTTP2")).isZero();
    }

    @Test
    void a_head_the_target_will_not_take_is_the_client_s_fault() throws IOException {
        H2Origin origin = serving(new H2Origin(
                H2Origin.setting(MAX_HEADER_LIST_SIZE, 1_000),
                (peer, frame) -> false,
                (peer, request) -> H2Origin.ok(peer, request.stream(), "ok")));
        Wire wire = client();
        wire.send("GET / HTTP/1.1\r\nHost: t\r\nX-Long: " + "x".repeat(1_000) + "\r\n\r\n");
        assertThat(wire.response().status()).isEqualTo(431);
        assertThat(wire.get("/").body()).isEqualTo("ok");
        assertThat(origin.requests).hasSize(1);
        assertThat(lb.status().getFirst().targets().getFirst().failed()).isZero();
    }

    // Flow control.

    @Test
    void a_client_that_does_not_read_holds_up_its_own_stream_alone() throws Exception {
        AtomicInteger sent = new AtomicInteger();
        AtomicInteger window = new AtomicInteger(65_535);
        CompletableFuture<Integer> big = new CompletableFuture<>();
        int length = 8_000_000;
        H2Origin origin = new H2Origin(
                new byte[0],
                (peer, frame) -> {
                    if (frame.type() == H2Wire.SETTINGS && frame.payload().length > 0) {
                        window.set(initialWindow(frame.payload()));
                    }
                    if (frame.type() == H2Wire.WINDOW_UPDATE && big.isDone() && frame.stream() == big.join()) {
                        window.addAndGet(frame.error());
                        pump(peer, big.join(), sent, window, length);
                    }
                    return false;
                },
                (peer, request) -> {
                    if (request.path().equals("/big")) {
                        big.complete(request.stream());
                        peer.headers(request.stream(), false, ":status", "200");
                        pump(peer, request.stream(), sent, window, length);
                    } else {
                        H2Origin.ok(peer, request.stream(), "small");
                    }
                });
        serving(origin);
        H2Wire wire = h2();
        wire.get(1, "/big");
        big.get();
        int[] before = {-1};
        await().pollInterval(Duration.ofMillis(200)).until(() -> {
            boolean still = before[0] == sent.get() && before[0] > 0;
            before[0] = sent.get();
            return still;
        });
        assertThat(sent.get()).as("taken for a client that reads nothing").isLessThan(1_000_000);
        assertThat(wire.get(3, "/small").response(3).body()).isEqualTo("small");
        assertThat(origin.connections()).isEqualTo(1);
        wire.window(1, length);
        wire.window(0, length);
        wire.response(1);
        assertThat(sent.get()).isEqualTo(length);
    }

    private static int initialWindow(byte[] settings) {
        for (int i = 0; i < settings.length; i += 6) {
            if (settings[i + 1] == INITIAL_WINDOW_SIZE) {
                return (settings[i + 2] & 0xff) << 24
                        | (settings[i + 3] & 0xff) << 16
                        | (settings[i + 4] & 0xff) << 8
                        | settings[i + 5] & 0xff;
            }
        }
        return 65_535;
    }

    private static void pump(H2Wire peer, int stream, AtomicInteger sent, AtomicInteger window, int length)
            throws IOException {
        while (window.get() > 0 && sent.get() < length) {
            int piece = Math.min(Math.min(16_000, window.get()), length - sent.get());
            window.addAndGet(-piece);
            peer.send(H2Wire.DATA, sent.addAndGet(piece) == length ? H2Wire.END_STREAM : 0, stream, new byte[piece]);
        }
    }

    @Test
    void a_target_that_does_not_read_stops_the_client() throws Exception {
        AtomicInteger got = new AtomicInteger();
        CompletableFuture<H2Wire> upload = new CompletableFuture<>();
        serving(new H2Origin(
                new byte[0],
                (peer, frame) -> {
                    if (frame.type() == H2Wire.DATA) {
                        got.addAndGet(frame.payload().length);
                        if (frame.ends()) {
                            H2Origin.ok(peer, frame.stream(), "got " + got);
                        }
                        upload.complete(peer);
                        return true;
                    }
                    return false;
                },
                (peer, request) -> {}));
        int length = 20_000_000;
        Wire wire = client();
        AtomicInteger written = new AtomicInteger();
        Thread.ofVirtual().start(() -> {
            try {
                wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: " + length + "\r\n\r\n");
                String piece = "x".repeat(100_000);
                while (written.get() < length) {
                    wire.send(piece);
                    written.addAndGet(piece.length());
                }
            } catch (IOException e) {
                written.set(-1);
            }
        });
        H2Wire peer = upload.get();
        int[] before = {-1};
        await().pollInterval(Duration.ofMillis(200)).until(() -> {
            boolean still = before[0] == written.get() && got.get() == 65_535;
            before[0] = written.get();
            return still;
        });
        assertThat(written.get()).as("beyond what kernels hold").isLessThan(15_000_000);
        peer.window(0, length);
        peer.window(3, length);
        assertThat(wire.response().body()).isEqualTo("got " + length);
    }

    @Test
    void a_target_that_floods_is_cut_off() throws ExecutionException, InterruptedException, IOException {
        CompletableFuture<Void> over = new CompletableFuture<>();
        serving((peer, request) -> {
            try {
                for (int i = 0; i < 50_000; i++) {
                    peer.send(H2Wire.PING, 0, 0, new byte[8]);
                }
            } finally {
                over.complete(null);
            }
        });
        assertThat(client().get("/").status()).isEqualTo(502);
        over.get();
    }

    // Health.

    @Test
    void checks_by_http_go_over_http_2() {
        AtomicInteger status = new AtomicInteger(200);
        H2Origin origin = closing(new H2Origin(
                (peer, request) -> peer.headers(request.stream(), true, ":status", String.valueOf(status.get()))));
        HealthCheckConfig check = new HealthCheckConfig(
                HealthCheckConfig.Type.HTTP,
                0,
                "/up",
                "check.example",
                Duration.ofMillis(50),
                Duration.ofSeconds(2),
                1,
                1,
                200,
                299,
                0);
        serve(pool(TargetProtocol.HTTP_2, origin).withHealth(check, true));
        await().until(() -> health() == TargetStatus.Health.HEALTHY);
        status.set(500);
        await().until(() -> health() == TargetStatus.Health.UNHEALTHY);
        assertThat(origin.requests.getFirst().path()).isEqualTo("/up");
        assertThat(origin.requests.getFirst().head().authority()).hasToString("check.example");
    }

    private TargetStatus.Health health() {
        return lb.status().getFirst().targets().getFirst().health();
    }

    @Test
    void a_byte_stream_has_no_protocol_to_choose() {
        H2Origin origin = closing(new H2Origin((peer, request) -> {}));
        LbConfig raw = new LbConfig(List.of(new ListenerConfig(
                "raw",
                loopback(0),
                Protocol.TCP,
                List.of(RouteConfig.everything(pool(TargetProtocol.HTTP_2, origin))))));
        assertThatThrownBy(() -> lb.apply(raw))
                .hasMessageContaining(
                        "listener raw: target-protocol: h2 at pool p (expected: only with protocol http)");
    }
}
