package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

@SuppressWarnings("StringConcatToTextBlock") // line ends are the point
class HttpRelayTest extends Harness {
    private Origin echo() {
        return closing(Origin.http(request -> Origin.ok(request.head() + request.body())));
    }

    private Origin answering(String response) {
        return closing(Origin.http(request -> response));
    }

    @Test
    void requests_one_after_the_other_visit_the_targets_in_turn() throws IOException {
        serve(http("web", closing(Origin.named("01")), closing(Origin.named("02")), closing(Origin.named("03"))));
        List<String> seen = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            try (Wire wire = new Wire(bound("web"))) {
                seen.add(wire.get("/name").body());
            }
        }
        assertThat(seen).containsExactly("01", "02", "03", "01", "02", "03", "01", "02", "03");
        Wire kept = client();
        assertThat(List.of(
                        kept.get("/").body(),
                        kept.get("/").body(),
                        kept.get("/").body()))
                .containsExactly("01", "02", "03");
    }

    @Test
    void upstream_connections_are_reused() throws IOException {
        Origin origin = closing(Origin.named("a"));
        serve(http("web", origin));
        Wire wire = client();
        for (int i = 0; i < 50; i++) {
            assertThat(wire.get("/").status()).isEqualTo(200);
        }
        assertThat(origin.connections).hasValue(1);
    }

    @Test
    void the_request_arrives_without_hop_by_hop_fields_and_with_forwarded_ones() throws IOException {
        Origin origin = echo();
        serve(http("web", origin));
        Wire wire = client();
        wire.send("GET /a?b=c HTTP/1.1\r\nHost: shop.example:81\r\nAccept: */*\r\nConnection: keep-alive, X-Secret\r\n"
                + "Keep-Alive: timeout=5\r\nX-Secret: 1\r\nProxy-Connection: x\r\nTE: trailers, deflate\r\n"
                + "Proxy: http://evil\r\nProxy-Authorization: b\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"
                + "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 203.0.113.10\r\nX-Forwarded-Proto: https\r\n"
                + "X-Forwarded-Host: other\r\nForwarded: for=203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nX-Forwarded-Port: 1\r\n"
                + "Cookie: a=b\r\n\r\n");
        assertThat(wire.response().status()).isEqualTo(200);
        int port = bound("web").getPort();
        assertThat(origin.requests.getFirst().head())
                .isEqualTo("GET /a?b=c HTTP/1.1\r\nHost: shop.example:81\r\nAccept: */*\r\nCookie: a=b\r\n"
                        + "Connection: TE\r\nTE: trailers\r\n"
                        + "X-Forwarded-For: 127.0.0.1\r\n"
                        + "X-Forwarded-Host: shop.example:81\r\n"
                        + "X-Forwarded-Proto: http\r\nX-Forwarded-Port: " + port + "\r\n\r\n");
    }

    @Test
    void a_proxy_in_front_is_believed_when_the_listener_says_so() throws IOException {
        Origin origin = echo();
        serve(http("web", origin).withEntry(EntryConfig.PLAIN.withForwardedFrom(List.of("127.0.0.0/8", "::1"))));
        Wire wire = client();
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=203.0.113.9\r\nX-Forwarded-For: 203.0.113.9\r\n"
                + "X-Forwarded-Proto: https\r\n\r\n");
        assertThat(wire.response().status()).isEqualTo(200);
        assertThat(origin.requests.getFirst().head())
                .isEqualTo("GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
                        + "X-Forwarded-For: 203.0.113.9, 127.0.0.1\r\nX-Forwarded-Host: a\r\nX-Forwarded-Port: "
                        + bound("web").getPort() + "\r\n\r\n");
    }

    @Test
    void the_response_arrives_without_hop_by_hop_fields() throws IOException {
        serve(http(
                "web",
                answering("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nKeep-Alive: timeout=9\r\nConnection: X-Hop\r\n"
                        + "X-Hop: 1\r\nProxy-Authenticate: x\r\nETag: \"e\"\r\n\r\nok")));
        Wire wire = client();
        assertThat(wire.get("/").head()).isEqualTo("HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nETag: \"e\"\r\n\r\n");
        assertThat(wire.get("/").body()).isEqualTo("ok");
    }

    @Test
    void an_absolute_target_names_the_host() throws IOException {
        Origin origin = echo();
        serve(http("web", origin));
        Wire wire = client();
        wire.send("GET http://a.example:8080/p?q HTTP/1.1\r\nHost: b.example\r\n\r\n")
                .response();
        wire.send("GET http://a.example?q HTTP/1.1\r\nHost: b.example\r\n\r\n").response();
        wire.send("OPTIONS http://a.example HTTP/1.1\r\nHost: b.example\r\n\r\n")
                .response();
        wire.send("OPTIONS * HTTP/1.1\r\nHost: b.example\r\n\r\n").response();
        assertThat(origin.requests.stream().map(r -> r.head().split("\r\nX-Forw")[0]))
                .containsExactly(
                        "GET /p?q HTTP/1.1\r\nHost: a.example:8080",
                        "GET /?q HTTP/1.1\r\nHost: a.example",
                        "OPTIONS * HTTP/1.1\r\nHost: a.example",
                        "OPTIONS * HTTP/1.1\r\nHost: b.example");
    }

    @Test
    void bodies_pass_with_either_framing() throws IOException {
        Origin origin = closing(Origin.http(request -> Origin.ok(request.body())));
        serve(http("web", origin));
        Wire wire = client();
        assertThat(wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
                        .response()
                        .body())
                .isEqualTo("hello");
        assertThat(wire.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: Chunked\r\n\r\n"
                                + "5\r\nhello\r\n006;a=b;c=\"d\\\"\r\n".replace("\\\"\r\n", "\\\"e\"\r\n")
                                + " world\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n")
                        .response()
                        .body())
                .isEqualTo("hello world{X-Sum: 1}");
        assertThat(wire.get("/").body()).isEmpty();
    }

    @Test
    void chunked_responses_pass_with_trailers() throws IOException {
        serve(http(
                "web",
                answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                        + "3;x\r\nabc\r\n0\r\nX-Sum: 1\r\nTransfer-Encoding: gzip\r\n\r\n")));
        Wire wire = client();
        Wire.Response response = wire.get("/");
        assertThat(response.body()).isEqualTo("abc{X-Sum: 1}");
        assertThat(response.field("Trailer")).isEqualTo("X-Sum");
        assertThat(wire.get("/").body()).isEqualTo("abc{X-Sum: 1}");
    }

    @Test
    void responses_without_a_body_end_with_their_head() throws IOException {
        Origin origin = closing(Origin.http(request -> switch (request.path()) {
            case "/head" -> "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
            case "/204" -> "HTTP/1.1 204 No Content\r\n\r\n";
            case "/304" -> "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n";
            default -> Origin.ok("body");
        }));
        serve(http("web", origin));
        Wire wire = client();
        Wire.Response head = wire.send("HEAD /head HTTP/1.1\r\nHost: t\r\n\r\n").response(true);
        assertThat(head.field("Content-Length")).isEqualTo("1000");
        assertThat(wire.get("/204").status()).isEqualTo(204);
        assertThat(wire.get("/304").field("Content-Length")).isEqualTo("77");
        assertThat(wire.get("/").body()).isEqualTo("body");
        assertThat(origin.connections).hasValue(1);
    }

    @Test
    void a_client_of_http_1_0_gets_what_it_understands() throws IOException {
        Origin origin = closing(Origin.http(request -> request.path().equals("/chunked")
                ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
                : Origin.ok("plain")));
        serve(http("web", origin));
        assertThat(client().send("GET /chunked HTTP/1.0\r\n\r\n").rest())
                .isEqualTo("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde");
        assertThat(origin.requests.getFirst().head())
                .startsWith("GET /chunked HTTP/1.1\r\nHost: 127.0.0.1:"
                        + bound("web").getPort() + "\r\n");
        assertThat(client().send("GET / HTTP/1.0\r\n\r\n").rest()).endsWith("Connection: close\r\n\r\nplain");
        Wire kept = client();
        for (int i = 0; i < 2; i++) {
            Wire.Response response = kept.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
                    .response();
            assertThat(response.field("Connection")).isEqualTo("keep-alive");
        }
    }

    @Test
    void a_response_that_ends_with_its_connection_becomes_chunked() throws IOException {
        serve(http("web", closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            out.write("HTTP/1.0 200 OK\r\n\r\nsome ".getBytes(StandardCharsets.ISO_8859_1));
            out.flush();
            out.write("text".getBytes(StandardCharsets.ISO_8859_1));
        }))));
        Wire wire = client();
        Wire.Response response = wire.get("/");
        assertThat(response.field("Transfer-Encoding")).isEqualTo("chunked");
        assertThat(response.body()).isEqualTo("some text");
        assertThat(wire.get("/").body()).isEqualTo("some text");
    }

    @Test
    void continue_and_early_hints_are_relayed() throws IOException {
        serve(http("web", closing(new Origin((socket, in, out) -> {
            String head = Wire.readHead(in);
            out.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                    .getBytes(StandardCharsets.ISO_8859_1));
            out.write(Origin.ok(Wire.readBody(in, head, false)).getBytes(StandardCharsets.ISO_8859_1));
        }))));
        Wire wire = client();
        wire.send("PUT / HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        assertThat(wire.response().status()).isEqualTo(100);
        assertThat(wire.response().field("Link")).isEqualTo("x");
        wire.send("data");
        assertThat(wire.response().body()).isEqualTo("data");
    }

    @Test
    void requests_sent_ahead_are_answered_in_order() throws IOException {
        Origin origin = closing(Origin.http(request -> Origin.ok(request.path() + request.body())));
        serve(http("web", origin, closing(Origin.http(request -> Origin.ok(request.path() + request.body())))));
        Wire wire = client();
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            all.append("POST /").append(i).append(" HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n.");
            all.append("GET /g").append(i).append(" HTTP/1.1\r\nHost: t\r\n\r\n");
        }
        wire.send(all.toString());
        for (int i = 0; i < 40; i++) {
            assertThat(wire.response().body()).isEqualTo("/" + i + ".");
            assertThat(wire.response().body()).isEqualTo("/g" + i);
        }
    }

    @Test
    void large_bodies_pass_unharmed_both_ways() throws Exception {
        Origin origin = closing(new Origin((socket, in, out) -> {
            String head = Wire.readHead(in);
            long length = Long.parseLong(Wire.field(head, "Content-Length"));
            out.write(
                    ("HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            byte[] piece = new byte[70_000];
            for (long left = length; left > 0; ) {
                int n = in.read(piece, 0, (int) Math.min(left, piece.length));
                out.write(piece, 0, n);
                left -= n;
            }
        }));
        serve(http("web", origin));
        Wire wire = client();
        int length = 24 * 1024 * 1024;
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
            try {
                OutputStream out = wire.socket.getOutputStream();
                out.write(("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: " + length + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
                for (int at = 0; at < length; at += 4096) {
                    out.write(block(at / 4096));
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        assertThat(Wire.readHead(wire.in())).startsWith("HTTP/1.1 200");
        for (int at = 0; at < length; at += 4096) {
            assertThat(wire.in().readNBytes(4096)).isEqualTo(block(at / 4096));
        }
        sending.get(20, TimeUnit.SECONDS);
    }

    private static byte[] block(int number) {
        byte[] block = new byte[4096];
        new java.util.Random(number).nextBytes(block);
        return block;
    }

    @Test
    void a_client_that_does_not_read_holds_the_target_back() throws Exception {
        AtomicLong written = new AtomicLong();
        serve(http("web", closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            out.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            byte[] piece = new byte[64 * 1024];
            for (int i = 0; i < 15_000; i++) {
                out.write(piece);
                written.addAndGet(piece.length);
            }
        }))));
        Wire wire = closing(new Wire(bound("web"), 16 * 1024));
        wire.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        long[] last = {-1};
        await().pollInterval(java.time.Duration.ofMillis(300))
                .until(() -> last[0] == (last[0] = written.get()) && last[0] > 0);
        assertThat(written.get()).isLessThan(64_000_000);
        wire.in().readNBytes(1_000_000);
        wire.reset();
        await().until(() ->
                lb.inFlight(lb.status().getFirst().targets().getFirst().address()) == 0);
    }

    @Test
    void a_target_that_does_not_read_holds_the_client_back() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        serve(http("web", closing(new Origin((socket, in, out) -> {
            Wire.readHead(in);
            try {
                done.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }))));
        Wire wire = client();
        AtomicLong written = new AtomicLong();
        Thread sender = Thread.ofVirtual().start(() -> {
            try {
                wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000000\r\n\r\n");
                byte[] piece = new byte[64 * 1024];
                while (written.get() < 900_000_000) {
                    wire.socket.getOutputStream().write(piece);
                    written.addAndGet(piece.length);
                }
            } catch (IOException e) {
                // Cut off after the response timeout.
            }
        });
        long[] last = {-1};
        await().pollInterval(java.time.Duration.ofMillis(300))
                .until(() -> last[0] == (last[0] = written.get()) && last[0] > 0);
        assertThat(written.get()).isLessThan(64_000_000);
        done.countDown();
        sender.join(10_000);
    }

    @Test
    void an_upgraded_connection_is_a_tunnel_with_two_separate_ends() throws IOException {
        Origin origin = closing(new Origin((socket, in, out) -> {
            String head = Wire.readHead(in);
            out.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: " + Wire.field(head, "Upgrade")
                            + "\r\nConnection: Upgrade\r\n\r\nfirst")
                    .getBytes(StandardCharsets.US_ASCII));
            byte[] all = Origin.readAll(in);
            out.write(all);
            out.write("last".getBytes(StandardCharsets.US_ASCII));
        }));
        serve(http("web", origin));
        Wire wire = client();
        wire.send("GET /chat HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        Wire.Response response = wire.response();
        assertThat(response.status()).isEqualTo(101);
        assertThat(response.field("Upgrade")).isEqualTo("websocket");
        assertThat(response.field("Connection")).isEqualTo("Upgrade");
        wire.send("GET / HTTP/1.1\r\n\r\n\0\1\2");
        wire.finishOutput();
        assertThat(wire.rest()).isEqualTo("firstGET / HTTP/1.1\r\n\r\n\0\1\2last");
        await().until(() -> outcome("UPGRADED") == 1 && lb.inFlight(origin.address()) == 0);
    }

    @Test
    void a_switch_of_protocol_nobody_asked_for_is_refused() throws IOException {
        serve(http(
                "web", answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")));
        assertThat(client().get("/").status()).isEqualTo(502);
    }

    @Test
    void a_client_that_resets_ends_the_request_at_the_target() throws IOException {
        CompletableFuture<Boolean> ended = new CompletableFuture<>();
        Origin origin = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            try {
                ended.complete(in.read() < 0);
            } catch (IOException e) {
                ended.complete(true);
            }
        }));
        serve(http("web", origin));
        Wire wire = client();
        wire.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        await().until(() -> lb.inFlight(origin.address()) == 1);
        wire.reset();
        assertThat(ended).succeedsWithin(java.time.Duration.ofSeconds(2)).isEqualTo(true);
        await().until(() -> lb.inFlight(origin.address()) == 0 && outcome("CLIENT_ABORT") == 1);
    }

    @Test
    void a_client_that_ends_its_sending_half_still_gets_its_responses() throws Exception {
        CountDownLatch answer = new CountDownLatch(1);
        serve(http("web", closing(Origin.http(request -> {
            try {
                answer.await(5, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Origin.ok(request.path());
        }))));
        Wire wire = client();
        wire.send("GET /1 HTTP/1.1\r\nHost: t\r\n\r\nGET /2 HTTP/1.1\r\nHost: t\r\n\r\n")
                .finishOutput();
        answer.countDown();
        assertThat(wire.response().body()).isEqualTo("/1");
        assertThat(wire.response().body()).isEqualTo("/2");
        assertThat(wire.ended()).isTrue();
    }

    @Test
    void a_client_that_ended_its_sending_half_gets_a_large_response_slowly() throws Exception {
        String large = "0123456789abcdef".repeat(512 * 1024);
        serve(http("web", closing(Origin.http(request -> Origin.ok(large)))));
        Wire wire = closing(new Wire(bound("web"), 32 * 1024));
        wire.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n").finishOutput();
        await().until(() -> lb.status().getFirst().targets().getFirst().total() == 1);
        assertThat(wire.response().body()).isEqualTo(large);
        assertThat(wire.ended()).isTrue();
    }

    @Test
    void an_answer_before_the_end_of_the_request_is_relayed() throws Exception {
        serve(http("web", closing(new Origin((socket, in, out) -> {
            Wire.readHead(in);
            out.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"
                    .getBytes(StandardCharsets.US_ASCII));
            out.flush();
        }))));
        for (int i = 0; i < 20; i++) {
            try (Wire wire = new Wire(bound("web"))) {
                wire.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n" + "x".repeat(50_000));
                Wire.Response response = wire.response();
                assertThat(response.status()).isEqualTo(413);
                assertThat(response.body()).isEqualTo("big");
                assertThat(response.field("Connection")).isEqualTo("close");
                wire.finishOutput();
                assertThat(wire.ended()).isTrue();
            }
        }
    }

    @Test
    void keep_alive_connections_outlive_changes_of_the_targets() throws IOException {
        Origin one = closing(Origin.named("1"));
        Origin two = closing(Origin.named("2"));
        serve(http("web", one));
        Wire wire = client();
        assertThat(wire.get("/").body()).isEqualTo("1");
        serve(http("web", two));
        assertThat(wire.get("/").body()).isEqualTo("2");
        await().until(() -> one.openConnections() == 0);
        serve(http("web"));
        assertThat(wire.get("/").status()).isEqualTo(503);
        serve(http("web", two));
        assertThat(wire.get("/").body()).isEqualTo("2");
    }

    @Test
    void close_is_honoured() throws IOException {
        serve(http("web", closing(Origin.named("a"))));
        Wire wire = client();
        Wire.Response response = wire.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
                .response();
        assertThat(response.field("Connection")).isEqualTo("close");
        assertThat(wire.ended()).isTrue();
    }
}
