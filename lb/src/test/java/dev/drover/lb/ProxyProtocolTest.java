package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.lb.path.ProxyGreeting;
import io.netty.handler.codec.http2.Http2Exception;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients behind proxies that tell of them by the PROXY protocol. */
class ProxyProtocolTest extends Harness {
    private static final String HEADER = "PROXY TCP4 203.0.113.9 198.51.100.2 56324 8443\r\n";
    private static final List<String> LOOPBACK = List.of("127.0.0.0/8", "::1/128");

    @TempDir
    Path directory;

    private Socket proxied(InetSocketAddress to) throws IOException {
        Socket socket = closing(new Socket(to.getAddress(), to.getPort()));
        socket.setSoTimeout(20_000);
        socket.getOutputStream().write(HEADER.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    @ParameterizedTest
    @EnumSource(ProxyGreeting.class)
    void what_one_listener_sends_another_understands(ProxyGreeting greeting) throws IOException {
        Origin origin = closing(Origin.named("one"));
        ListenerConfig web = http("web", origin).withEntry(EntryConfig.PLAIN.withTrustedProxies(LOOPBACK));
        serve(web);
        ListenerConfig front = listener("front", Protocol.TCP, List.of(TargetConfig.active(bound("web"))));
        serve(web, front.withEntry(EntryConfig.PLAIN.withGreeting(greeting)));
        Wire wire = client("front");
        assertThat(wire.get("/").status()).isEqualTo(200);
        assertThat(origin.requests.getLast().head())
                .contains("\r\nX-Forwarded-For: 127.0.0.1\r\n")
                .contains("\r\nX-Forwarded-Port: " + bound("front").getPort() + "\r\n");
    }

    @Test
    void the_header_says_who_the_client_is() throws IOException {
        Origin origin = closing(Origin.named("one"));
        serve(http("web", origin).withEntry(EntryConfig.PLAIN.withTrustedProxies(LOOPBACK)));
        Wire wire = closing(new Wire(proxied(bound("web"))));
        assertThat(wire.get("/").status()).isEqualTo(200);
        assertThat(wire.get("/").status()).isEqualTo(200);
        assertThat(origin.requests)
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.head())
                        .contains("\r\nX-Forwarded-For: 203.0.113.9\r\n", "\r\nX-Forwarded-Port: 8443\r\n"));
        // Header and request in single bytes.
        Wire slow = client();
        for (char c : (HEADER + "GET / HTTP/1.1\r\nHost: a\r\n\r\n").toCharArray()) {
            slow.send(String.valueOf(c));
        }
        assertThat(slow.response().status()).isEqualTo(200);
        assertThat(origin.requests.get(2).head()).contains("203.0.113.9");
    }

    @Test
    void it_comes_before_tls_and_before_http_2() throws IOException, Http2Exception {
        Origin origin = closing(Origin.named("one"));
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        serve(
                http("web", origin)
                        .withEntry(EntryConfig.tls(new TlsConfig(List.of(certificate.files())))
                                .withTrustedProxies(LOOPBACK)),
                http("h2c", origin).withEntry(EntryConfig.PLAIN.withH2c(true).withTrustedProxies(LOOPBACK)));
        SSLContext client = TestCertificate.client(null, certificate);
        SSLSocket tls = (SSLSocket) client.getSocketFactory()
                .createSocket(proxied(bound("web")), "web.example", bound("web").getPort(), true);
        assertThat(closing(new Wire(tls)).get("/").status()).isEqualTo(200);
        assertThat(closing(new H2Wire(proxied(bound("h2c"))))
                        .get(1, "/")
                        .response(1)
                        .status())
                .isEqualTo("200");
        assertThat(origin.requests)
                .hasSize(2)
                .allSatisfy(request -> assertThat(request.head()).contains("\r\nX-Forwarded-For: 203.0.113.9\r\n"));
    }

    @Test
    void a_byte_stream_begins_behind_it() throws IOException {
        serve(tcp("web", closing(new Origin((socket, in, out) -> in.transferTo(out))))
                .withEntry(EntryConfig.PLAIN.withTrustedProxies(LOOPBACK)));
        Wire wire = new Wire(proxied(bound("web")));
        wire.send("hello").finishOutput();
        assertThat(wire.rest()).isEqualTo("hello");
    }

    @Test
    void trusted_proxies_must_send_it_and_others_must_not() throws IOException {
        serve(
                http("web", closing(Origin.named("one"))).withEntry(EntryConfig.PLAIN.withTrustedProxies(LOOPBACK)),
                http("other", closing(Origin.named("two")))
                        .withEntry(EntryConfig.PLAIN.withTrustedProxies(List.of("10.0.0.0/8"))));
        assertThat(client("web").send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ended())
                .isTrue();
        assertThat(client("web").ended()).as("says nothing").isTrue();
        await().until(() -> event("PROXY_HEADER_REFUSED") == 2);
        assertThat(client("other").get("/").body()).isEqualTo("two");
        assertThat(client("other").send(HEADER + "\r\n").response().status()).isEqualTo(400);
    }

    @Test
    void networks_are_checked() {
        assertThatThrownBy(() -> EntryConfig.PLAIN.withTrustedProxies(List.of("10.0.0.0/33")))
                .hasMessage("network: 10.0.0.0/33 (expected: a network such as 10.0.0.0/8 or fd00::/8)");
        assertThatThrownBy(() -> EntryConfig.PLAIN.withTrustedProxies(List.of("proxy")))
                .hasMessage("network: proxy (expected: a network such as 10.0.0.0/8 or fd00::/8)");
    }
}
