package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS that ends at the targets: the server name chooses the route, and not a byte is changed. */
class TlsPassThroughTest extends Harness {
    @TempDir
    Path directory;

    /** Answers each line with itself, by TLS with a certificate of its own. */
    private final class Server implements AutoCloseable {
        private final TestCertificate certificate;
        private final ServerSocket socket;

        Server(String name) {
            certificate = TestCertificate.create(directory, name.replace("*", "any"), name);
            try {
                SSLContext context = SSLContext.getInstance("TLS");
                KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
                keys.init(certificate.store(), new char[0]);
                context.init(keys.getKeyManagers(), null, null);
                socket = context.getServerSocketFactory()
                        .createServerSocket(0, 100, loopback(0).getAddress());
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            Thread.ofVirtual().start(() -> {
                while (!socket.isClosed()) {
                    try {
                        var accepted = socket.accept();
                        Thread.ofVirtual().start(() -> echo(accepted));
                    } catch (IOException e) {
                        return;
                    }
                }
            });
        }

        private static void echo(java.net.Socket accepted) {
            try (accepted) {
                accepted.getInputStream().transferTo(accepted.getOutputStream());
            } catch (IOException e) {
                // The client is gone.
            }
        }

        PoolConfig pool() {
            return PoolConfig.of(
                    certificate.certificate().getFileName().toString(),
                    Balance.ROUND_ROBIN,
                    List.of(TargetConfig.active(loopback(socket.getLocalPort()))));
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private final List<TestCertificate> trusted = new ArrayList<>();

    private Server server(String name) {
        Server server = closing(new Server(name));
        trusted.add(server.certificate);
        return server;
    }

    private X509Certificate shown(String name) throws IOException {
        SSLContext client = TestCertificate.client(null, trusted.toArray(TestCertificate[]::new));
        try (SSLSocket socket = TestCertificate.connect(client, bound("web"), name)) {
            socket.getOutputStream().write("hello".getBytes(StandardCharsets.US_ASCII));
            assertThat(socket.getInputStream().readNBytes(5))
                    .asString(StandardCharsets.US_ASCII)
                    .isEqualTo("hello");
            return (X509Certificate) socket.getSession().getPeerCertificates()[0];
        }
    }

    private ListenerConfig tls(RouteConfig... routes) {
        return new ListenerConfig("web", loopback(0), Protocol.TLS, List.of(routes));
    }

    @Test
    void the_server_name_chooses_the_target_whose_certificate_the_client_sees() throws IOException {
        Server exact = server("x.a.example");
        Server wild = server("*.a.example");
        Server rest = server("rest.example");
        serve(tls(
                RouteConfig.everything(rest.pool()),
                RouteConfig.of("*.a.example", "", wild.pool()),
                RouteConfig.of("x.a.example", "", exact.pool())));
        assertThat(shown("X.A.example")).isEqualTo(exact.certificate.x509());
        assertThat(shown("y.a.example")).isEqualTo(wild.certificate.x509());
        assertThat(shown("other.example")).isEqualTo(rest.certificate.x509());
        assertThat(shown("")).as("no name").isEqualTo(rest.certificate.x509());
        serve(tls(RouteConfig.of("*.a.example", "", wild.pool())));
        assertThat(shown("x.a.example")).isEqualTo(wild.certificate.x509());
    }

    @Test
    void names_without_a_route_and_what_is_no_tls_are_reset_before_a_target_sees_them() throws IOException {
        Origin origin = closing(Origin.named("never"));
        serve(tls(RouteConfig.of("a.example", "", PoolConfig.of("a", Balance.ROUND_ROBIN, targets(origin)))));
        SSLContext client = TestCertificate.client(null);
        for (String name : List.of("b.example", "")) {
            assertThat(org.assertj.core.api.Assertions.catchThrowable(
                            () -> TestCertificate.connect(client, bound("web"), name)))
                    .isInstanceOf(IOException.class);
        }
        assertThat(event("SERVER_NAME_UNKNOWN")).isEqualTo(2);
        assertThat(client().send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").ended())
                .isTrue();
        // One that says nothing has as long as for the head of a request.
        assertThat(client().send("\u0016\u0003").ended()).isTrue();
        assertThat(event("TLS_FAILED")).isEqualTo(2);
        await().until(() -> lb.status().getFirst().connections() == 0);
        assertThat(origin.connections).hasValue(0);
    }

    @Test
    void a_first_message_in_single_bytes_and_what_comes_with_it_arrive_as_they_were() throws Exception {
        StringBuilder seen = new StringBuilder();
        Origin raw = closing(new Origin((socket, in, out) -> {
            byte[] all = in.readNBytes(HELLO.length + 5);
            seen.append(new String(all, StandardCharsets.ISO_8859_1));
            out.write('!');
        }));
        serve(tls(RouteConfig.of("a.example", "", PoolConfig.of("a", Balance.ROUND_ROBIN, targets(raw)))));
        String hello = new String(HELLO, StandardCharsets.ISO_8859_1);
        Wire wire = client();
        for (int i = 0; i < hello.length() - 1; i++) {
            wire.send(hello.substring(i, i + 1));
        }
        wire.send(hello.substring(hello.length() - 1) + "early");
        assertThat(wire.in().read()).isEqualTo('!');
        assertThat(seen).asString().isEqualTo(hello + "early");
    }

    /** A ClientHello with nothing but a.example. */
    private static final byte[] HELLO = hello();

    private static byte[] hello() {
        java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
        int name = 9;
        int extensions = 4 + 2 + 3 + name;
        int body = 34 + 1 + 4 + 2 + 2 + extensions;
        out.writeBytes(new byte[] {22, 3, 1, 0, (byte) (4 + body), 1, 0, 0, (byte) body, 3, 3});
        out.writeBytes(new byte[32]);
        out.writeBytes(new byte[] {0, 0, 2, 19, 1, 1, 0, 0, (byte) extensions});
        out.writeBytes(new byte[] {0, 0, 0, (byte) (5 + name), 0, (byte) (3 + name), 0, 0, (byte) name});
        out.writeBytes("a.example".getBytes(StandardCharsets.US_ASCII));
        return out.toByteArray();
    }
}
