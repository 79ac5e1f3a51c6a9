package dev.drover.lb;

import static dev.drover.lb.LimitsConfig.Limit;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/**
 * Limits of one listener. Those that hold by default here are so wide that only the one under test can have stopped what
 * stops.
 */
class LimitsTest extends Harness {
    private static final Duration SOON = Duration.ofMillis(80);
    private static final String GET = "GET / HTTP/1.1\r\nHost: a\r\n";

    private final CountDownLatch never = new CountDownLatch(1);

    @Override
    LbSettings settings() {
        return LbSettings.DEFAULTS.withDrainTimeout(Duration.ofSeconds(3));
    }

    private Origin origin() {
        return closing(Origin.http(request -> {
            if (request.path().equals("/never")) {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            }
            return Origin.ok("ok");
        }));
    }

    private Wire limited(Limit limit, long value) throws IOException {
        return limited(LimitsConfig.DEFAULTS.with(limit, value));
    }

    private Wire limited(LimitsConfig limits) throws IOException {
        Origin origin = origin();
        serve(http("web", origin).withLimits(limits), http("free", origin));
        return client();
    }

    private void refused(String request, int status) throws IOException {
        Wire wire = client();
        assertThat(wire.send(request).response().status()).isEqualTo(status);
        assertThat(wire.ended()).isTrue();
        assertThat(client("free").send(request).response().status()).isEqualTo(200);
    }

    @Test
    void bytes_of_a_head() throws IOException {
        limited(Limit.HEAD_BYTES, 512);
        refused(GET + "X: " + "x".repeat(512) + "\r\n\r\n", 431);
        assertThat(client().get("/").status()).isEqualTo(200);
    }

    @Test
    void fields_of_a_head() throws IOException {
        limited(Limit.HEAD_FIELDS, 5);
        refused(GET + "X: x\r\n".repeat(5) + "\r\n", 431);
        assertThat(client().send(GET + "X: x\r\n".repeat(4) + "\r\n").response().status())
                .isEqualTo(200);
    }

    @Test
    void bytes_of_a_request_line() throws IOException {
        limited(Limit.LINE_BYTES, 64);
        refused("GET /" + "x".repeat(64) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414);
    }

    @Test
    void bytes_of_a_body_told_before_or_not() throws IOException {
        limited(Limit.BODY_BYTES, 10);
        refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n12345678901", 413);
        refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n", 413);
        assertThat(client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1234567890")
                        .response()
                        .status())
                .isEqualTo(200);
    }

    @Test
    void time_of_a_head() throws IOException {
        Wire wire = limited(Limit.REQUEST_HEAD, SOON.toMillis());
        assertThat(wire.send(GET).response().status()).isEqualTo(408);
        assertThat(outcome("REQUEST_TIMEOUT")).isEqualTo(1);
    }

    @Test
    void time_between_two_reads_of_a_body() throws IOException {
        Wire wire = limited(
                LimitsConfig.DEFAULTS.with(Limit.REQUEST_BODY, SOON.toMillis()).with(Limit.BODY_RATE, 0));
        assertThat(wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1")
                        .response()
                        .status())
                .isEqualTo(408);
    }

    @Test
    void a_body_that_trickles() throws Exception {
        Wire wire = limited(LimitsConfig.DEFAULTS.with(Limit.BODY_RATE, 10_000).with(Limit.BODY_RATE_WINDOW, 200));
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        Wire.Response response = trickle(wire);
        assertThat(response.status()).isEqualTo(408);
    }

    /** A byte now and then until the answer is there. */
    private static Wire.Response trickle(Wire wire) throws IOException, InterruptedException {
        while (wire.in().available() == 0) {
            try {
                wire.send("x");
            } catch (SocketException e) {
                break;
            }
            Thread.sleep(20);
        }
        return wire.response();
    }

    @Test
    void a_connection_without_a_request() throws IOException {
        Wire wire = limited(Limit.KEEP_ALIVE, SOON.toMillis());
        assertThat(wire.get("/").status()).isEqualTo(200);
        assertThat(wire.ended()).isTrue();
    }

    @Test
    void time_to_the_first_byte_of_a_response() throws IOException {
        Wire wire = limited(Limit.FIRST_BYTE, SOON.toMillis());
        assertThat(wire.get("/never").status()).isEqualTo(504);
        assertThat(outcome("RESPONSE_TIMEOUT")).isEqualTo(1);
    }

    @Test
    void a_response_that_stands_still() throws IOException {
        Origin origin = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            out.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1".getBytes(StandardCharsets.US_ASCII));
            out.flush();
            in.read();
        }));
        serve(http("web", origin).withLimits(LimitsConfig.DEFAULTS.with(Limit.RESPONSE_IDLE, SOON)));
        assertThat(client().send(GET + "\r\n").rest()).endsWith("\r\n\r\n1");
        await().until(() -> outcome("RESPONSE_TRUNCATED") == 1);
    }

    @Test
    void the_whole_of_a_request() throws Exception {
        Wire silent = limited(LimitsConfig.DEFAULTS
                .with(Limit.REQUEST, Duration.ofMillis(400))
                .with(Limit.BODY_RATE, 0));
        assertThat(silent.get("/never").status()).isEqualTo(504);
        assertThat(outcome("DEADLINE_EXCEEDED")).isEqualTo(1);
        assertThat(lb.targets().getFirst().failed())
                .as("not the target's fault alone")
                .isZero();
        Wire slow = client();
        slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
        assertThat(trickle(slow).status()).isEqualTo(408);
        Wire good = client();
        assertThat(good.get("/").status()).isEqualTo(200);
        // The time of a request ends with it, whatever the connection does next.
        Thread.sleep(500);
        assertThat(good.get("/").status()).isEqualTo(200);
    }

    @Test
    void connections_of_a_listener() throws Exception {
        Wire first = limited(Limit.CONNECTIONS, 2);
        Wire second = client();
        assertThat(first.get("/").status()).isEqualTo(200);
        assertThat(second.get("/").status()).isEqualTo(200);
        assertThat(served(this::client)).isFalse();
        assertThat(event("CLIENT_REFUSED_LISTENER_FULL")).isEqualTo(1);
        first.close();
        await().until(() -> served(this::client));
    }

    private static boolean served(Callable<Wire> client) throws Exception {
        try {
            return client.call().get("/").status() == 200;
        } catch (IOException e) {
            return false; // a reset may even come before the connect is done
        }
    }

    @Test
    void connections_of_a_source() throws Exception {
        Origin origin = origin();
        serve(http("web", origin)
                .withEntry(EntryConfig.PLAIN.withTrustedProxies(List.of("127.0.0.0/8")))
                .withLimits(LimitsConfig.DEFAULTS.with(Limit.SOURCE_CONNECTIONS, 1)));
        Wire one = from("203.0.113.1");
        assertThat(one.get("/").status()).isEqualTo(200);
        assertThat(from("203.0.113.2").get("/").status()).isEqualTo(200);
        assertThat(served(() -> from("203.0.113.1"))).isFalse();
        assertThat(event("CLIENT_REFUSED_SOURCE_FULL")).isEqualTo(1);
        one.close();
        await().until(() -> served(() -> from("203.0.113.1")));
    }

    private Wire from(String address) throws IOException {
        return client().send("PROXY TCP4 " + address + " 198.51.100.2 1234 80\r\n");
    }

    @Test
    void requests_of_a_source() throws Exception {
        Origin origin = origin();
        serve(http("web", origin)
                .withEntry(EntryConfig.PLAIN.withTrustedProxies(List.of("127.0.0.0/8")))
                .withLimits(LimitsConfig.DEFAULTS.with(Limit.SOURCE_RATE, 1).with(Limit.SOURCE_BURST, 3)));
        Wire one = from("203.0.113.1");
        Wire other = from("203.0.113.1");
        assertThat(one.get("/").status()).isEqualTo(200);
        assertThat(other.get("/").status()).isEqualTo(200);
        assertThat(one.get("/").status()).isEqualTo(200);
        Wire.Response refused = one.get("/");
        for (int i = 0; i < 10 && refused.status() == 200; i++) {
            refused = one.get("/"); // so slow a machine that a second went by
        }
        assertThat(refused.status()).isEqualTo(429);
        assertThat(refused.field("Retry-After")).isEqualTo("1");
        assertThat(outcome("RATE_LIMITED")).isPositive();
        assertThat(from("203.0.113.2").get("/").status()).isEqualTo(200);
        await().until(() -> one.get("/").status() == 200);
    }

    @Test
    void streams_of_a_connection_of_http_2_and_their_limits() throws Exception {
        Origin origin = origin();
        serve(http("web", origin)
                .withEntry(EntryConfig.PLAIN.withH2c(true))
                .withLimits(LimitsConfig.DEFAULTS
                        .with(Limit.STREAMS, 7)
                        .with(Limit.SOURCE_RATE, 1)
                        .with(Limit.SOURCE_BURST, 1)
                        .with(Limit.REQUEST, Duration.ofMillis(300))));
        H2Wire wire = closing(new H2Wire(bound("web")));
        byte[] settings = wire.frame(H2Wire.SETTINGS).payload();
        assertThat(settings).containsSequence((byte) 0, (byte) 3, (byte) 0, (byte) 0, (byte) 0, (byte) 7);
        assertThat(wire.get(1, "/never").response(1).status()).isEqualTo("504");
        H2Wire.Response second = wire.get(3, "/").response(3);
        for (int stream = 5; second.status().equals("200") && stream < 20; stream += 2) {
            second = wire.get(stream, "/").response(stream);
        }
        assertThat(second.status()).isEqualTo("429");
        assertThat(second.head().get("retry-after")).isEqualToIgnoringCase("1");
    }

    @Test
    void what_is_wrong_names_listener_key_value_and_what_was_expected() {
        ListenerConfig web = http("web", origin())
                .withLimits(LimitsConfig.DEFAULTS
                        .with(Limit.HEAD_BYTES, 100)
                        .with(Limit.FIRST_BYTE, 0)
                        .with(Limit.LINE_BYTES, 1_000));
        assertThat(LoadBalancer.check(new LbConfig(List.of(web))))
                .containsExactlyInAnyOrder(
                        "listener web: limits.head-bytes: 100 (expected: 256 to 65536)",
                        "listener web: timeouts.first-byte: 0 (expected: 1 to 86400000 ms)",
                        "listener web: limits.line-bytes: 1000 (expected: at most limits.head-bytes, 100)");
    }
}
