package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS with clients: which certificate is shown, live change, and that HTTP and byte streams behave as without. */
class TlsTest extends Harness {
    @TempDir
    Path directory;

    private ListenerConfig https(TlsConfig tls, Origin... origins) {
        return http("web", origins).withEntry(EntryConfig.tls(tls));
    }

    private Wire wire(SSLContext client, String serverName, String... protocols) throws IOException {
        return closing(new Wire(TestCertificate.connect(client, bound("web"), serverName, protocols)));
    }

    private static X509Certificate shown(Wire wire) throws IOException {
        return (X509Certificate) ((SSLSocket) wire.socket).getSession().getPeerCertificates()[0];
    }

    @Test
    void the_server_name_chooses_the_certificate() throws IOException {
        TestCertificate first = TestCertificate.create(directory, "first", "a.example");
        TestCertificate wild = TestCertificate.create(directory, "wild", "*.b.example");
        TestCertificate exact = TestCertificate.create(directory, "exact", "x.b.example");
        serve(https(
                new TlsConfig(
                        List.of(first.files(), wild.files(), exact.files()),
                        "x.b.example",
                        TlsConfig.Version.TLS_1_2,
                        null),
                closing(Origin.named("one"))));
        Map<String, TestCertificate> expected = Map.of(
                "a.example", first,
                "A.Example", first,
                "y.b.example", wild,
                "x.b.example", exact,
                "z.y.b.example", exact,
                "unknown.example", exact,
                "", exact);
        expected.forEach((name, certificate) -> {
            try {
                // A client of its own, since the JDK's resumes a session with the server name it was made with.
                SSLContext client = TestCertificate.client(null, first, wild, exact);
                assertThat(shown(wire(client, name))).as(name).isEqualTo(certificate.x509());
            } catch (IOException e) {
                throw new AssertionError(name, e);
            }
        });
    }

    @Test
    void names_of_no_certificate_are_refused_where_it_is_strict() throws IOException {
        TestCertificate own = TestCertificate.create(directory, "own", "a.example");
        serve(https(
                new TlsConfig(List.of(own.files()), null, TlsConfig.Version.TLS_1_2, null, true),
                closing(Origin.named("one"))));
        SSLContext client = TestCertificate.client(null, own);
        assertThat(wire(client, "a.example").get("/").body()).isEqualTo("one");
        for (String name : List.of("b.example", "")) {
            assertThatThrownBy(() -> wire(TestCertificate.client(null, own), name))
                    .as(name)
                    .isInstanceOf(SSLException.class)
                    .hasMessageContaining("unrecognized_name");
        }
        assertThat(event("TLS_FAILED")).isEqualTo(2);
    }

    @Test
    void requests_go_through_and_say_https() throws IOException {
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        Origin origin = closing(Origin.http(request -> Origin.ok("x".repeat(300_000))));
        serve(https(new TlsConfig(List.of(certificate.files())), origin));
        for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
            Wire wire = wire(TestCertificate.client(null, certificate), "web.example", protocol);
            for (int i = 0; i < 3; i++) {
                String body = "b".repeat(100_000);
                Wire.Response response = wire.send("POST / HTTP/1.1\r\nHost: web.example\r\nX-Forwarded-Proto: http\r\n"
                                + "Content-Length: 100000\r\n\r\n" + body)
                        .response();
                assertThat(response.status()).isEqualTo(200);
                assertThat(response.body()).hasSize(300_000);
            }
            // The last response ends with close_notify, not with a mere end of the connection.
            assertThat(wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                            .rest())
                    .hasSizeGreaterThan(300_000);
        }
        assertThat(origin.requests)
                .hasSize(8)
                .allSatisfy(request -> assertThat(request.head())
                        .contains("\r\nX-Forwarded-Proto: https\r\n")
                        .doesNotContain("X-Forwarded-Proto: http\r\n"));
        assertThat(event("TLS_ESTABLISHED")).isEqualTo(2);
    }

    @Test
    void new_certificates_come_into_use_while_connections_go_on() throws IOException {
        TestCertificate old = TestCertificate.create(directory, "web", "web.example");
        serve(https(new TlsConfig(List.of(old.files())), closing(Origin.named("one"))));
        Wire before = wire(TestCertificate.client(null, old), "web.example");
        TestCertificate next = TestCertificate.create(directory, "next", "web.example");
        next.write(old.certificate(), old.key());
        SSLContext client = TestCertificate.client(null, old, next);
        await().untilAsserted(() -> {
            try (SSLSocket socket = TestCertificate.connect(client, bound("web"), "web.example")) {
                assertThat(socket.getSession().getPeerCertificates()[0]).isEqualTo(next.x509());
            }
        });
        assertThat(before.get("/").status()).isEqualTo(200);

        // A key that is not the certificate's is refused, and what is in use stays.
        TestCertificate other = TestCertificate.create(directory, "other", "web.example");
        other.write(directory.resolve("unused.pem"), old.key());
        Wire.Response response = before.get("/");
        assertThat(response.status()).isEqualTo(200);
        long looked = System.nanoTime();
        await().until(() -> System.nanoTime() - looked > 2_500_000_000L);
        try (SSLSocket socket = TestCertificate.connect(client, bound("web"), "web.example")) {
            assertThat(socket.getSession().getPeerCertificates()[0]).isEqualTo(next.x509());
        }
    }

    @Test
    void files_that_cannot_be_used_are_refused_by_key() throws IOException {
        TestCertificate good = TestCertificate.create(directory, "good", "web.example");
        TestCertificate other = TestCertificate.create(directory, "other", "web.example");
        serve(https(new TlsConfig(List.of(good.files())), closing(Origin.named("one"))));
        Path open = directory.resolve("open.key");
        Files.copy(good.key(), open);
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r-----"));
        Map<TlsConfig, String> wrong = Map.of(
                new TlsConfig(List.of(new TlsConfig.Certificate(good.certificate(), open))),
                "listener web: tls.certificates[0].key: " + open
                        + " has mode rw-r----- (expected: readable by its owner only, chmod 600)",
                new TlsConfig(List.of(good.files(), new TlsConfig.Certificate(good.certificate(), other.key()))),
                "listener web: tls.certificates[1].key: " + other.key() + " is not the key of " + good.certificate()
                        + " (expected: its key)",
                new TlsConfig(List.of(new TlsConfig.Certificate(directory.resolve("none"), good.key()))),
                "listener web: tls.certificates[0].certificate: " + directory.resolve("none")
                        + " is missing (expected: PEM certificates)",
                new TlsConfig(List.of(good.files()), "else.example", TlsConfig.Version.TLS_1_2, null),
                "listener web: tls.default: else.example (expected: a name of a certificate)");
        wrong.forEach((tls, message) -> assertThatThrownBy(() ->
                        lb.applyStrict(new LbConfig(List.of(https(tls, closing(Origin.named("two")))))))
                .isInstanceOf(LbConfigException.class)
                .hasMessage(message));
        assertThat(wire(TestCertificate.client(null, good), "web.example")
                        .get("/")
                        .body())
                .isEqualTo("one");
        // Not strict: told as a problem of the listener, which goes on with what it had.
        assertThat(lb.apply(new LbConfig(
                                List.of(https(wrong.keySet().iterator().next(), closing(Origin.named("two"))))))
                        .problems())
                .hasSize(1);
        assertThat(wire(TestCertificate.client(null, good), "web.example")
                        .get("/")
                        .body())
                .isEqualTo("two");
    }

    @Test
    void clients_show_a_certificate_of_the_authority() throws IOException {
        TestCertificate server = TestCertificate.create(directory, "web", "web.example");
        TestCertificate authority = TestCertificate.create(directory, "client", "client.example");
        TestCertificate stranger = TestCertificate.create(directory, "stranger", "stranger.example");
        serve(https(
                new TlsConfig(List.of(server.files()), null, TlsConfig.Version.TLS_1_2, authority.certificate()),
                closing(Origin.named("one"))));
        assertThat(wire(TestCertificate.client(authority, server), "web.example")
                        .get("/")
                        .body())
                .isEqualTo("one");
        for (SSLContext client :
                List.of(TestCertificate.client(null, server), TestCertificate.client(stranger, server))) {
            for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
                assertThatThrownBy(() -> wire(client, "web.example", protocol).get("/"))
                        .isInstanceOf(IOException.class);
            }
        }
        await().until(() -> event("TLS_FAILED") == 4);
    }

    @Test
    void sessions_are_resumed() throws IOException {
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        serve(https(new TlsConfig(List.of(certificate.files())), closing(Origin.named("one"))));
        for (String protocol : List.of("TLSv1.2", "TLSv1.3")) {
            SSLContext client = TestCertificate.client(null, certificate);
            Wire first = wire(client, "web.example", protocol);
            assertThat(first.get("/").status()).isEqualTo(200);
            SSLSession session = ((SSLSocket) first.socket).getSession();
            long made = session.getCreationTime();
            first.close();
            Wire second = wire(client, "web.example", protocol);
            assertThat(second.get("/").status()).isEqualTo(200);
            assertThat(((SSLSocket) second.socket).getSession().getCreationTime())
                    .as(protocol)
                    .isEqualTo(made);
        }
    }

    @Test
    void older_versions_than_wanted_are_refused() throws IOException {
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        serve(https(
                new TlsConfig(List.of(certificate.files()), null, TlsConfig.Version.TLS_1_3, null),
                closing(Origin.named("one"))));
        SSLContext client = TestCertificate.client(null, certificate);
        assertThatThrownBy(() -> wire(client, "web.example", "TLSv1.2")).isInstanceOf(SSLException.class);
        assertThat(wire(client, "web.example", "TLSv1.3").get("/").status()).isEqualTo(200);
    }

    @Test
    void a_request_for_the_host_of_another_certificate_is_misdirected() throws IOException {
        TestCertificate a = TestCertificate.create(directory, "a", "a.example", "*.both.example");
        TestCertificate b = TestCertificate.create(directory, "b", "b.example", "x.both.example");
        serve(https(new TlsConfig(List.of(a.files(), b.files())), closing(Origin.named("one"))));
        SSLContext client = TestCertificate.client(null, a, b);
        Wire wire = wire(client, "a.example");
        for (String host : List.of("a.example", "A.example:443", "x.both.example", "c.example", "10.0.0.1")) {
            assertThat(wire.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                            .response()
                            .status())
                    .as(host)
                    .isEqualTo(200);
        }
        assertThat(wire.send("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n")
                        .response()
                        .status())
                .isEqualTo(421);
    }

    @Test
    void byte_streams_are_carried_and_their_end_too() throws IOException {
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        Origin echo = closing(new Origin((socket, in, out) -> {
            byte[] all = new byte[5];
            int n = in.readNBytes(all, 0, 5);
            out.write(all, 0, n);
            out.flush();
        }));
        serve(tcp("web", echo).withEntry(EntryConfig.tls(new TlsConfig(List.of(certificate.files())))));
        Wire wire = wire(TestCertificate.client(null, certificate), "web.example");
        assertThat(wire.send("hello").rest()).isEqualTo("hello");
    }

    @Test
    void what_is_not_tls_or_too_slow_is_closed() throws IOException {
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        serve(https(new TlsConfig(List.of(certificate.files())), closing(Origin.named("one"))));
        try (Socket plain = new Socket(bound("web").getAddress(), bound("web").getPort());
                Socket silent =
                        new Socket(bound("web").getAddress(), bound("web").getPort())) {
            plain.getOutputStream().write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            plain.setSoTimeout(10_000);
            silent.setSoTimeout(10_000);
            assertThat(new Wire(plain).ended()).isTrue();
            assertThat(new Wire(silent).ended()).isTrue();
        }
    }

    @Test
    void a_response_that_breaks_off_does_not_look_whole() throws IOException {
        TestCertificate certificate = TestCertificate.create(directory, "web", "web.example");
        Origin origin = closing(new Origin((socket, in, out) -> {
            Origin.readRequest(in);
            out.write("HTTP/1.1 200 OK\r\n\r\nhalf".getBytes(StandardCharsets.US_ASCII));
            out.flush();
            Origin.reset(socket);
        }));
        serve(https(new TlsConfig(List.of(certificate.files())), origin));
        Wire wire = wire(TestCertificate.client(null, certificate), "web.example");
        assertThatThrownBy(() ->
                        wire.send("GET / HTTP/1.0\r\nHost: web.example\r\n\r\n").rest())
                .isInstanceOf(IOException.class);
    }
}
