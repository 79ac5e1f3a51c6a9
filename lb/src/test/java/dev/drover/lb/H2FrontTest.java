package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import io.netty.handler.codec.http2.Http2Exception;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients of HTTP/2 before targets of HTTP/1.1; {@link H2SpecTest} has the frames, this has what becomes of requests. */
class H2FrontTest extends Harness {
    private static final int NO_ERROR = 0;
    private static final int PROTOCOL_ERROR = 1;
    private static final int INTERNAL_ERROR = 2;
    private static final int ENHANCE_YOUR_CALM = 11;

    @TempDir
    Path directory;

    private H2Wire h2() throws IOException {
        return closing(new H2Wire(bound("web")));
    }

    private void serveH2c(Origin... origins) {
        serve(http("web", origins).withEntry(EntryConfig.PLAIN.withH2c(true)));
    }

    /** The clients of these tests mean well: a busy machine must not be taken for a slow one of them. */
    @Override
    LbSettings settings() {
        return LbSettings.DEFAULTS.withDrainTimeout(Duration.ofSeconds(3));
    }

    @Test
    void requests_become_requests_of_http_1_1() throws IOException, Http2Exception {
        Origin origin = closing(Origin.http(request -> Origin.ok(request.body().isEmpty() ? "none" : request.body())));
        serveH2c(origin);
        H2Wire wire = h2();
        wire.headers(
                1,
                true,
                ":method",
                "GET",
                ":scheme",
                "http",
                ":path",
                "/a?b=c",
                ":authority",
                "web.example",
                "cookie",
                "a=1",
                "x-thing",
                "some thing",
                "cookie",
                "b=2",
                "te",
                "trailers",
                "x-forwarded-proto",
                "https");
        H2Wire.Response response = wire.response(1);
        assertThat(response.status()).isEqualTo("200");
        assertThat(response.body()).isEqualTo("none");
        assertThat(origin.requests.getFirst().head())
                .startsWith("GET /a?b=c HTTP/1.1\r\nHost: web.example\r\n")
                .contains("\r\ncookie:a=1; b=2\r\n", "\r\nx-thing:some thing\r\n", "\r\nX-Forwarded-Proto: http\r\n")
                .contains("\r\nX-Forwarded-For: 127.0.0.1\r\n")
                .doesNotContain("https");

        // With a length, and without.
        wire.headers(
                3, false, ":method", "POST", ":scheme", "http", ":path", "/", ":authority", "t", "content-length", "5");
        wire.data(3, false, "he").data(3, true, "llo");
        assertThat(wire.response(3).body()).isEqualTo("hello");
        assertThat(origin.requests.get(1).head()).contains("\r\ncontent-length:5\r\n");
        wire.headers(5, false, ":method", "POST", ":scheme", "http", ":path", "/", ":authority", "t");
        wire.data(5, false, "hel").data(5, false, "").data(5, false, "lo");
        wire.headers(5, true, "x-sum", "1", "content-length", "7");
        assertThat(wire.response(5).body()).isEqualTo("hello{x-sum:1}");
        assertThat(origin.requests.get(2).head())
                .contains("\r\nTransfer-Encoding: chunked\r\n")
                .doesNotContain("ontent-");
        assertThat(event("UPSTREAM_REUSED")).isEqualTo(2);
        assertThat(event("CLIENT_HTTP2")).isEqualTo(1);
        // A client of HTTP/1.1 is served at the same port.
        assertThat(client().get("/").status()).isEqualTo(200);
    }

    @Test
    void responses_lose_what_belongs_to_connections_and_keep_trailers() throws IOException, Http2Exception {
        Origin origin = closing(Origin.http(request -> switch (request.path()) {
            case "/trailers" ->
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x-hop\r\nX-Hop: 1"
                        + "\r\nKeep-Alive: 5\r\nX-End: 2\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 0"
                        + "\r\nContent-Length: 9\r\n\r\n";
            case "/none" -> "HTTP/1.1 204 No Content\r\n\r\n";
            case "/hints" -> "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            default -> "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end";
        }));
        serveH2c(origin);
        H2Wire wire = h2();
        H2Wire.Response response = wire.get(1, "/trailers").response(1);
        assertThat(response.body()).isEqualTo("hello");
        assertThat(response.head().get("x-end").toString()).isEqualTo("2");
        assertThat(response.head().names().stream().map(CharSequence::toString))
                .containsExactlyInAnyOrder(":status", "x-end");
        assertThat(response.trailers()).isNotNull();
        assertThat(response.trailers().names().stream().map(CharSequence::toString))
                .containsExactly("grpc-status");
        assertThat(wire.get(3, "/none").response(3).status()).isEqualTo("204");
        wire.get(5, "/hints");
        assertThat(wire.decode(wire.frame(H2Wire.HEADERS)).status().toString()).isEqualTo("103");
        assertThat(wire.response(5).status()).isEqualTo("200");
        assertThat(wire.get(7, "/close").response(7).body()).isEqualTo("until the end");
        wire.headers(9, true, ":method", "HEAD", ":scheme", "http", ":path", "/none", ":authority", "t");
        assertThat(wire.response(9).status()).isEqualTo("204");
    }

    /** What would read otherwise as HTTP/1.1 never gets there (RFC 9113 section 8). */
    @Test
    void malformed_requests_reset_their_stream_and_reach_no_target() throws IOException, Http2Exception {
        Origin origin = closing(Origin.named("one"));
        serveH2c(origin);
        List<List<String>> wrong = List.of(
                List.of("x-a", "b\r\nX-Injected: 1"),
                List.of("x-a", "b\nc"),
                List.of("x-a", "b\0c"),
                List.of("x-a", " b"),
                List.of("x-a", "b\t"),
                List.of("x-a: b\r\nx-c", "d"),
                List.of("x a", "b"),
                List.of("x:a", "b"),
                List.of("X-A", "b"),
                List.of("", "b"),
                List.of("connection", "x-a"),
                List.of("transfer-encoding", "chunked"),
                List.of("upgrade", "h2c"),
                List.of("keep-alive", "5"),
                List.of("proxy-connection", "close"),
                List.of("te", "gzip"),
                List.of("te", "trailers, gzip"),
                List.of("host", "other"),
                List.of("host", "t", "host", "t"),
                List.of("content-length", "0", "content-length", "0"),
                List.of("content-length", "1"),
                List.of("content-length", "-1"),
                List.of("content-length", "+0"),
                List.of(":path", "/"),
                List.of("x-a", "b", ":late", "1"),
                List.of(":status", "200"),
                List.of(":protocol", "websocket"));
        List<String> good = List.of(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "t");
        List<List<String>> pseudo = List.of(
                List.of(":method", "GET", ":scheme", "http", ":authority", "t"),
                List.of(":method", "GET", ":path", "/", ":authority", "t"),
                List.of(":scheme", "http", ":path", "/", ":authority", "t"),
                List.of(":method", "GET", ":scheme", "http", ":path", "", ":authority", "t"),
                List.of(":method", "GET", ":scheme", "http", ":path", "a", ":authority", "t"),
                List.of(":method", "GET", ":scheme", "http", ":path", "/ HTTP/1.1\r\nX: 1", ":authority", "t"),
                List.of(":method", "GET", ":scheme", "http", ":path", "/ x", ":authority", "t"),
                List.of(":method", "GET / HTTP/1.1\r\nX: 1\r\n\r\nGET", ":scheme", "http", ":path", "/"),
                List.of(":method", "GET", ":scheme", "ht tp", ":path", "/", ":authority", "t"),
                List.of(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "t\r\nX: 1"),
                List.of(":method", "CONNECT", ":scheme", "http", ":path", "/", ":authority", "t"));
        List<String[]> all = new ArrayList<>();
        wrong.forEach(fields -> {
            List<String> request = new ArrayList<>(good);
            request.addAll(fields);
            all.add(request.toArray(new String[0]));
        });
        pseudo.forEach(fields -> all.add(fields.toArray(new String[0])));
        for (String[] fields : all) {
            try (H2Wire wire = new H2Wire(bound("web"))) {
                wire.headers(1, true, fields);
                H2Wire.Response response = wire.response(1);
                boolean refused =
                        response.error() == PROTOCOL_ERROR || response.status().equals("400");
                assertThat(refused).as(Arrays.toString(fields)).isTrue();
                // The connection and its compression state go on.
                wire.get(3, "/");
                assertThat(wire.response(3).status()).isEqualTo("200");
            }
        }
        assertThat(origin.requests)
                .hasSize(all.size())
                .allSatisfy(request -> assertThat(request.head().toLowerCase(Locale.ROOT))
                        .startsWith("get / http/1.1\r\nhost: test\r\n")
                        .doesNotContain("injected"));
    }

    @Test
    void requests_that_are_refused_get_an_answer() throws IOException, Http2Exception {
        serveH2c(closing(Origin.named("one")));
        H2Wire wire = h2();
        wire.headers(1, true, ":method", "CONNECT", ":authority", "t:443");
        assertThat(wire.response(1).status()).isEqualTo("501");
        wire.headers(3, true, ":method", "GET", ":scheme", "http", ":path", "/");
        assertThat(wire.response(3).status()).isEqualTo("400");
        wire.headers(5, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a@b");
        assertThat(wire.response(5).status()).isEqualTo("400");
        wire.headers(7, true, ":method", "GET", ":scheme", "http", ":path", "/" + "x".repeat(9_000), ":authority", "t");
        assertThat(wire.response(7).status()).isEqualTo("414");
    }

    @Test
    void a_body_of_another_length_than_told_is_an_error_of_its_stream() throws IOException, Http2Exception {
        Origin origin = closing(Origin.named("one"));
        serveH2c(origin);
        H2Wire wire = h2();
        for (String body : List.of("1234", "123456")) {
            int stream = body.length() == 4 ? 1 : 3;
            wire.headers(
                    stream,
                    false,
                    ":method",
                    "POST",
                    ":scheme",
                    "http",
                    ":path",
                    "/",
                    ":authority",
                    "t",
                    "content-length",
                    "5");
            wire.data(stream, true, body);
            assertThat(wire.response(stream).error()).isEqualTo(PROTOCOL_ERROR);
        }
        assertThat(wire.get(5, "/").response(5).status()).isEqualTo("200");
    }

    @Test
    void a_response_that_breaks_off_resets_its_stream() throws IOException, Http2Exception {
        Origin origin = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            out.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".getBytes(StandardCharsets.US_ASCII));
            out.flush();
        }));
        serveH2c(origin);
        H2Wire.Response response = h2().get(1, "/").response(1);
        assertThat(response.error()).isEqualTo(INTERNAL_ERROR);
    }

    @Test
    void a_reset_by_the_client_ends_the_request_at_the_target() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        Origin origin = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            if (in.read() < 0) {
                ended.countDown();
            }
        }));
        serveH2c(origin);
        H2Wire wire = h2().get(1, "/");
        await().until(() -> lb.status().getFirst().targets().getFirst().active() == 1);
        wire.send(H2Wire.RST_STREAM, 0, 1, new byte[] {0, 0, 0, 8});
        ended.await();
        await().until(() -> outcome("CLIENT_ABORT") == 1
                && lb.status().getFirst().targets().getFirst().active() == 0);
    }

    @Test
    void a_large_response_waits_for_the_window_and_holds_up_nobody() throws IOException, Http2Exception {
        int length = 3_000_000;
        Origin origin = closing(
                Origin.http(request -> Origin.ok(request.path().equals("/big") ? "x".repeat(length) : "small")));
        serveH2c(origin);
        H2Wire wire = h2();
        wire.window(0, 1 << 20);
        wire.get(1, "/big");
        // Its stream's window of 64 KiB is used up; another stream goes on.
        H2Wire.Frame last = wire.frame(H2Wire.DATA);
        int got = last.payload().length;
        while (got < 65_535) {
            got += wire.frame(H2Wire.DATA).payload().length;
        }
        assertThat(got).isEqualTo(65_535);
        assertThat(wire.get(3, "/small").response(3).body()).isEqualTo("small");
        wire.window(1, length);
        wire.window(0, length);
        assertThat(wire.response(1).body()).hasSize(length - got);
    }

    @Test
    void a_slow_target_stops_the_client_by_its_window() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        int length = 2_000_000;
        Origin origin = closing(new Origin((socket, in, out) -> {
            try {
                go.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            Origin.Request request = Origin.readRequest(in);
            out.write(Origin.ok("got " + request.body().length()).getBytes(StandardCharsets.US_ASCII));
            out.flush();
        }));
        TestCertificate certificate = TestCertificate.create(directory, "web", "localhost");
        serve(http("web", origin).withEntry(EntryConfig.tls(new TlsConfig(List.of(certificate.files())))));
        try (HttpClient client = HttpClient.newBuilder()
                .sslContext(TestCertificate.client(null, certificate))
                .build()) {
            URI uri = URI.create("https://localhost:" + bound("web").getPort() + "/");
            HttpRequest post = HttpRequest.newBuilder(uri)
                    .POST(HttpRequest.BodyPublishers.ofByteArray(new byte[length]))
                    .build();
            CompletableFuture<HttpResponse<String>> response =
                    client.sendAsync(post, HttpResponse.BodyHandlers.ofString());
            await().until(() -> origin.connections.get() == 1);
            go.countDown();
            assertThat(response.get().version()).isEqualTo(HttpClient.Version.HTTP_2);
            assertThat(response.get().body()).isEqualTo("got " + length);
        }
    }

    @Test
    void many_requests_at_once_over_one_connection() throws Exception {
        Origin origin = closing(Origin.http(request -> Origin.ok(request.path() + "x".repeat(10_000))));
        TestCertificate certificate = TestCertificate.create(directory, "web", "localhost");
        serve(http("web", origin).withEntry(EntryConfig.tls(new TlsConfig(List.of(certificate.files())))));
        try (HttpClient client = HttpClient.newBuilder()
                .sslContext(TestCertificate.client(null, certificate))
                .build()) {
            String base = "https://localhost:" + bound("web").getPort() + "/";
            client.send(HttpRequest.newBuilder(URI.create(base)).build(), HttpResponse.BodyHandlers.ofString());
            List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                all.add(client.sendAsync(
                        HttpRequest.newBuilder(URI.create(base + i)).build(), HttpResponse.BodyHandlers.ofString()));
            }
            for (int i = 0; i < 100; i++) {
                assertThat(all.get(i).get().body()).isEqualTo("/" + i + "x".repeat(10_000));
            }
        }
        assertThat(event("CLIENT_HTTP2")).isEqualTo(1);
        assertThat(outcome("RELAYED")).isEqualTo(101);
        await().until(() -> lb.status().getFirst().connections() == 0);
    }

    @Test
    void a_removed_listener_says_goodbye_in_two_steps_and_lets_requests_end() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        Origin origin = closing(Origin.http(request -> {
            try {
                go.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Origin.ok("late");
        }));
        serveH2c(origin);
        H2Wire wire = h2().get(1, "/");
        await().until(() -> lb.status().getFirst().targets().getFirst().active() == 1);
        lb.apply(LbConfig.EMPTY);
        H2Wire.Frame first = wire.frame(H2Wire.GOAWAY);
        assertThat(first.error()).isEqualTo(NO_ERROR);
        assertThat(Arrays.copyOf(first.payload(), 4)).isEqualTo(new byte[] {0x7f, -1, -1, -1});
        H2Wire.Frame second = wire.frame(H2Wire.GOAWAY);
        assertThat(Arrays.copyOf(second.payload(), 4)).isEqualTo(new byte[] {0, 0, 0, 1});
        go.countDown();
        assertThat(wire.response(1).body()).isEqualTo("late");
        assertThat(wire.frame()).isNull();
    }

    @Test
    void floods_end_the_connection() throws IOException {
        // With assertions enabled, Netty's io_uring transport trips over one of its own (ChannelOutboundBuffer
        // .removeBytes) when a connection is closed while a write is under way, which ends the loop of the test.
        assumeThat(transport).isEqualTo(Transport.EPOLL);
        serveH2c(closing(Origin.named("one")));
        byte[] eight = new byte[8];
        assertThat(flood(wire -> wire.send(H2Wire.PING, 0, 0, eight))).isEqualTo(ENHANCE_YOUR_CALM);
        assertThat(flood(wire -> wire.send(H2Wire.SETTINGS, 0, 0, new byte[0]))).isEqualTo(ENHANCE_YOUR_CALM);
        int[] stream = {-1};
        assertThat(flood(wire -> {
                    stream[0] += 2;
                    wire.get(stream[0], "/").send(H2Wire.RST_STREAM, 0, stream[0], new byte[] {0, 0, 0, 8});
                }))
                .as("rapid reset")
                .isEqualTo(ENHANCE_YOUR_CALM);
        int[] bad = {-1};
        assertThat(flood(wire -> {
                    bad[0] += 2;
                    wire.headers(bad[0], true, ":method", "GET");
                }))
                .as("streams that we must reset")
                .isEqualTo(ENHANCE_YOUR_CALM);
        boolean[] begun = {false};
        assertThat(flood(wire -> {
                    if (!begun[0]) {
                        begun[0] = true;
                        wire.send(H2Wire.HEADERS, 0, 1, H2Wire.block(":method", "GET"));
                    }
                    wire.send(H2Wire.CONTINUATION, 0, 1, new byte[0]);
                }))
                .as("CONTINUATION")
                .isEqualTo(ENHANCE_YOUR_CALM);
        boolean[] posted = {false};
        assertThat(flood(wire -> {
                    if (!posted[0]) {
                        posted[0] = true;
                        wire.headers(1, false, ":method", "POST", ":scheme", "http", ":path", "/", ":authority", "t");
                    }
                    wire.data(1, false, "");
                }))
                .as("empty DATA")
                .isEqualTo(ENHANCE_YOUR_CALM);
    }

    private interface Step {
        void send(H2Wire wire) throws IOException;
    }

    /** Sends the same again and again; returns the error code of the GOAWAY, or that of a calm end for a reset. */
    private int flood(Step step) throws IOException {
        Socket socket =
                closing(new Socket(bound("web").getAddress(), bound("web").getPort()));
        H2Wire wire = new H2Wire(socket);
        Thread sender = Thread.ofVirtual().start(() -> {
            try {
                for (int i = 0; i < 20_000; i++) {
                    step.send(wire);
                }
            } catch (IOException e) {
                // The other side has had enough.
            }
        });
        try {
            return wire.frame(H2Wire.GOAWAY).error();
        } finally {
            socket.close();
            try {
                sender.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
