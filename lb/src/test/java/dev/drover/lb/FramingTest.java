package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What may be read in two ways is refused; what is refused ends the connection and never reaches a target. */
@SuppressWarnings("StringConcatToTextBlock") // line ends are the point
class FramingTest extends Harness {
    private static final String H = "Host: t\r\n";

    @Override
    LbSettings settings() {
        return super.settings().withMaxBodyBytes(1_000_000);
    }

    static Map<String, Integer> refused_requests() {
        Map<String, Integer> table = new LinkedHashMap<>();
        String get = "GET / HTTP/1.1\r\n";
        String post = "POST / HTTP/1.1\r\n" + H;
        String chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
        // Length and coding, RFC 9112 section 6.
        table.put(post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400);
        table.put(post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400);
        table.put(post + "Content-Length: 5, 5\r\n\r\nhello", 400);
        table.put(post + "Content-Length: +5\r\n\r\nhello", 400);
        table.put(post + "Content-Length: -1\r\n\r\nhello", 400);
        table.put(post + "Content-Length: 0x5\r\n\r\nhello", 400);
        table.put(post + "Content-Length: 5 5\r\n\r\nhello", 400);
        table.put(post + "Content-Length:\r\n\r\nhello", 400);
        table.put(post + "Content-Length: 99999999999999999999\r\n\r\nhello", 400);
        table.put(post + "Content-Length : 5\r\n\r\nhello", 400);
        table.put(post + "Content-Length\t: 5\r\n\r\nhello", 400);
        table.put(post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: identity\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
        table.put(post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400);
        table.put("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        table.put(post + "Connection: Content-Length\r\nContent-Length: 1\r\n\r\nx", 400);
        table.put(get + H + "Connection: close, Host\r\n\r\n", 400);
        table.put(get + H + "Connection: a b\r\n\r\n", 400);
        // Chunks, section 7.1.
        table.put(chunked + "5 \r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + " 5\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "0x5\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "+5\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "-5\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "5_0\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + ";a\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "5\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "5\r\nhello\n0\r\n\r\n", 400);
        table.put(chunked + "5\r\nhelloX\r\n0\r\n\r\n", 400);
        table.put(chunked + "5;a\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "5\r\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "10000000000000000\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "0\r\n\n", 400);
        table.put(chunked + "0\n\r\n", 400);
        table.put(chunked + "0\r\nbad trailer\r\n\r\n", 400);
        table.put(chunked + "0\r\nX : y\r\n\r\n", 400);
        table.put(chunked + "5;" + "a".repeat(5_000) + "\r\nhello\r\n0\r\n\r\n", 400);
        table.put(chunked + "0\r\nX: " + "a".repeat(9_000) + "\r\n\r\n", 400);
        // Start line, section 3.
        table.put("GET  / HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /  HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET / HTTP/1.1 \r\n" + H + "\r\n", 400);
        table.put(" GET / HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET\t/ HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /\r\n\r\n", 400);
        table.put("GET / http/1.1\r\n" + H + "\r\n", 400);
        table.put("GET / HTTP/1.10\r\n" + H + "\r\n", 400);
        table.put("GET / HTTP/1.2\r\n" + H + "\r\n", 505);
        table.put("GET / HTTP/2.0\r\n" + H + "\r\n", 505);
        table.put("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
        table.put("GET / HTTP/0.9\r\n\r\n", 505);
        table.put("G@T / HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /a b HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /\u0001 HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /\u00e9 HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /a#b HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET a HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET * HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET ftp://t/ HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET http:///a HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET http://u@t/a HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("CONNECT t:443 HTTP/1.1\r\n" + H + "\r\n", 501);
        table.put("GET / HTTP/1.1\n" + "Host: t\n\n", 400);
        table.put("GET / HTTP/1.1\r\nHost: t\n\r\n", 400);
        table.put("GET / HTTP/1.1\rX\r\n" + H + "\r\n", 400);
        table.put("\r\n\r\nGET / HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("\nGET / HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("A".repeat(40) + " / HTTP/1.1\r\n" + H + "\r\n", 400);
        table.put("GET /" + "a".repeat(9_000) + " HTTP/1.1\r\n" + H + "\r\n", 414);
        table.put("\u0016\u0003\u0001\u0002\u0000", 400);
        // Fields, section 5.
        table.put(get + "\r\n", 400);
        table.put(get + H + H + "\r\n", 400);
        table.put(get + "Host: a@b\r\n\r\n", 400);
        table.put(get + "Host: a/b\r\n\r\n", 400);
        table.put(get + "Host: a, b\r\n\r\n", 400);
        table.put(get + "Host: a b\r\n\r\n", 400);
        table.put(get + " " + H + "\r\n", 400);
        table.put(get + H + "A: b\r\n c\r\n\r\n", 400);
        table.put(get + H + "A\r\n\r\n", 400);
        table.put(get + H + ": b\r\n\r\n", 400);
        table.put(get + H + "A b: c\r\n\r\n", 400);
        table.put(get + H + "A: b\u0000c\r\n\r\n", 400);
        table.put(get + H + "A: b\rc\r\n\r\n", 400);
        table.put(get + H + "A: \u007f\r\n\r\n", 400);
        table.put(get + H + "A\u00e9: b\r\n\r\n", 400);
        table.put(get + H + "Expect: 200-ok\r\n\r\n", 417);
        table.put(get + H + "A: " + "b".repeat(33_000) + "\r\n\r\n", 431);
        table.put(get + H + "A: b\r\n".repeat(130) + "\r\n", 431);
        // Bodies.
        table.put(post + "Content-Length: 1000001\r\n\r\n", 413);
        table.put(chunked + "F4241\r\nabc", 413);
        return table;
    }

    @Test
    void each_malformed_request_is_refused_and_ends_its_connection() throws IOException {
        Origin origin = closing(Origin.http(request -> Origin.ok("forwarded")));
        serve(http("web", origin));
        for (Map.Entry<String, Integer> row : refused_requests().entrySet()) {
            try (Wire wire = new Wire(bound("web"))) {
                wire.send(row.getKey() + "GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n");
                Wire.Response response = wire.response();
                String shown =
                        row.getKey().substring(0, Math.min(120, row.getKey().length()));
                assertThat(response.status()).as(shown).isEqualTo(row.getValue());
                assertThat(response.field("Connection")).as(shown).isEqualTo("close");
                assertThat(wire.ended()).as(shown).isTrue();
            }
        }
        assertThat(origin.requests).isEmpty();
    }

    @Test
    void a_malformed_request_sent_ahead_is_refused_in_its_turn() throws IOException {
        serve(http("web", closing(Origin.named("first"))));
        Wire wire = client();
        wire.send("GET / HTTP/1.1\r\nHost: t\r\n\r\nGET / HTTP/1.1\r\nbad\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n");
        assertThat(wire.response().body()).isEqualTo("first");
        assertThat(wire.response().status()).isEqualTo(400);
        assertThat(wire.ended()).isTrue();
    }

    @Test
    void what_is_unusual_but_clear_passes() throws IOException {
        Origin origin = closing(Origin.http(request -> Origin.ok("yes")));
        serve(http("web", origin));
        Wire wire = client();
        for (String request : new String[] {
            "\r\nGET / HTTP/1.1\r\nHost:t\r\n\r\n",
            "GET / HTTP/1.1\r\nhOST: \t t \t\r\nEmpty:\r\n\r\n",
            "GET /?a=%00|{}\"<>\\^` HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
            "PATCH /x HTTP/1.1\r\nHost: t\r\nContent-Length: 000\r\n\r\n",
            "M-SEARCH /x HTTP/1.1\r\nHost: t\r\nConnection: , ,keep-alive,,\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: t\r\ntransfer-encoding:\tCHUNKED\t\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: t\r\nX: \u00e9\r\n\r\n",
        }) {
            assertThat(wire.send(request).response().body()).as(request).isEqualTo("yes");
        }
    }

    @Test
    void requests_may_arrive_byte_by_byte() throws IOException {
        serve(http("web", closing(Origin.http(request -> Origin.ok(request.body())))));
        Wire wire = client();
        String request = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "5;x=\"y\"\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n";
        for (int i = 0; i < request.length(); i++) {
            wire.send(request.substring(i, i + 1));
        }
        assertThat(wire.response().body()).isEqualTo("hello!{A: b}");
    }

    @Test
    void noise_is_answered_or_cut_and_leaves_nothing_behind() throws IOException {
        serve(http("web", closing(Origin.http(request -> Origin.ok(request.body())))));
        long seed = System.nanoTime();
        Random random = new Random(seed);
        String[] seeds = refused_requests().keySet().stream()
                .filter(row -> row.length() < 2_000)
                .toArray(String[]::new);
        for (int i = 0; i < 300; i++) {
            byte[] noise;
            if (i % 3 == 0) {
                noise = new byte[random.nextInt(3_000)];
                random.nextBytes(noise);
            } else {
                noise = (seeds[random.nextInt(seeds.length)] + seeds[random.nextInt(seeds.length)])
                        .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
                for (int flips = random.nextInt(6); flips > 0; flips--) {
                    noise[random.nextInt(noise.length)] = (byte) random.nextInt(256);
                }
            }
            try (Wire wire = new Wire(bound("web"))) {
                wire.socket.setSoTimeout(5_000);
                wire.socket.getOutputStream().write(noise);
                wire.finishOutput();
                Origin.readAll(wire.in());
            } catch (java.net.SocketTimeoutException e) {
                throw new AssertionError("seed " + seed + " round " + i + ": neither answered nor closed", e);
            } catch (java.net.SocketException e) {
                // Cut while it was still sending.
            }
        }
        assertThat(event("UNEXPECTED_EXCEPTION")).as("seed " + seed).isZero();
        org.awaitility.Awaitility.await().until(() -> lb.status().getFirst().connections() == 0);
        assertThat(client().get("/").status()).isEqualTo(200);
    }
}
