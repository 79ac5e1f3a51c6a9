package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** TLS between load balancer and targets. */
class TargetTlsTest extends Harness {
    @TempDir
    Path directory;

    private TestCertificate certificate;
    private TlsOrigin origin;

    @Override
    LbSettings settings() {
        // A handshake on a busy machine takes its time.
        return LbSettings.DEFAULTS
                .withTimeouts(
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(20),
                        Duration.ofSeconds(10))
                .withDrainTimeout(Duration.ofSeconds(3));
    }

    @BeforeEach
    void origin() throws IOException {
        certificate = TestCertificate.create(directory, "target", "shop.internal");
        origin = closing(new TlsOrigin(TestCertificate.client(certificate), false));
    }

    /** A server of HTTP/1.1 over TLS that answers once for each request; says {@code Connection: close} to {@code /bare}. */
    private static final class TlsOrigin implements AutoCloseable {
        final List<String> names = new CopyOnWriteArrayList<>();
        final AtomicInteger connections = new AtomicInteger();
        private final SSLServerSocket server;
        private final Set<SSLSocket> open = ConcurrentHashMap.newKeySet();

        TlsOrigin(SSLContext context, boolean asks) throws IOException {
            server = (SSLServerSocket)
                    context.getServerSocketFactory().createServerSocket(0, 100, InetAddress.getLoopbackAddress());
            server.setNeedClientAuth(asks);
            Thread.ofVirtual().start(this::accept);
        }

        private void accept() {
            while (!server.isClosed()) {
                try {
                    SSLSocket socket = (SSLSocket) server.accept();
                    Thread.ofVirtual().start(() -> serve(socket));
                } catch (IOException e) {
                    return;
                }
            }
        }

        private void serve(SSLSocket socket) {
            open.add(socket);
            try (socket) {
                socket.startHandshake();
                connections.incrementAndGet();
                if (socket.getSession() instanceof javax.net.ssl.ExtendedSSLSession session) {
                    session.getRequestedServerNames().forEach(name -> names.add(((SNIHostName) name).getAsciiName()));
                }
                Origin.Request request;
                while ((request = Origin.readRequest(socket.getInputStream())) != null) {
                    boolean bare = request.path().equals("/bare");
                    String answer = bare ? "HTTP/1.1 200 OK\r\n\r\nwhole" : Origin.ok("secret " + request.body());
                    socket.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
                    if (bare) {
                        return;
                    }
                }
            } catch (IOException e) {
                // The other side did not like us.
            } finally {
                open.remove(socket);
            }
        }

        TargetConfig target() {
            return TargetConfig.active(new java.net.InetSocketAddress(server.getInetAddress(), server.getLocalPort()));
        }

        @Override
        public void close() throws IOException {
            server.close();
            for (SSLSocket socket : open) {
                socket.close();
            }
        }
    }

    private ListenerConfig web(@Nullable TargetTlsConfig tls) {
        return web(tls, origin);
    }

    private static ListenerConfig web(@Nullable TargetTlsConfig tls, TlsOrigin origin) {
        PoolConfig pool = PoolConfig.of("shop", Balance.ROUND_ROBIN, List.of(origin.target()))
                .withTargetTls(tls);
        return new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool)));
    }

    private TargetTlsConfig ca(@Nullable String name) {
        return TargetTlsConfig.ca(certificate.certificate(), name);
    }

    private static String pin(TestCertificate of) throws NoSuchAlgorithmException {
        byte[] key = of.x509().getPublicKey().getEncoded();
        return "sha256/"
                + Base64.getEncoder()
                        .encodeToString(MessageDigest.getInstance("SHA-256").digest(key));
    }

    @Test
    void a_target_of_the_authority_with_the_name_gets_requests_over_one_connection() throws IOException {
        serve(web(ca("shop.internal")));
        Wire wire = client();
        for (int i = 0; i < 3; i++) {
            assertThat(wire.get("/").body()).isEqualTo("secret ");
        }
        assertThat(wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + "x".repeat(200_000))
                        .response()
                        .body())
                .hasSize(200_007);
        assertThat(wire.get("/bare").body()).isEqualTo("whole");
        assertThat(origin.connections).hasValueLessThanOrEqualTo(2);
        assertThat(origin.names).contains("shop.internal");
        assertThat(lb.targets().getFirst().encryption()).isEqualTo(TargetStatus.Encryption.VERIFIED);
    }

    private void refused(TargetTlsConfig tls) throws IOException {
        serve(web(tls));
        assertThat(client().get("/").status()).isEqualTo(503);
        assertThat(client().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecret")
                        .response()
                        .status())
                .isEqualTo(503);
        assertThat(event("UPSTREAM_TLS_FAILED")).isPositive();
        assertThat(outcome("CONNECT_FAILED")).isEqualTo(2);
    }

    @Test
    void one_with_another_name_gets_none() throws IOException {
        refused(ca("other.internal"));
    }

    @Test
    void one_whose_address_is_not_in_its_certificate_gets_none() throws IOException {
        refused(ca(null));
    }

    @Test
    void one_of_another_authority_gets_none() throws IOException {
        TestCertificate other = TestCertificate.create(directory, "other", "shop.internal");
        refused(TargetTlsConfig.ca(other.certificate(), "shop.internal"));
    }

    @Test
    void one_that_this_host_does_not_trust_gets_none() throws IOException {
        refused(new TargetTlsConfig(null, List.of(), "shop.internal", null, true));
    }

    @Test
    void one_with_another_key_gets_none() throws Exception {
        TestCertificate other = TestCertificate.create(directory, "other", "shop.internal");
        refused(new TargetTlsConfig(certificate.certificate(), List.of(pin(other)), "shop.internal", null, true));
    }

    @Test
    void one_with_the_key_needs_no_authority() throws Exception {
        serve(web(new TargetTlsConfig(null, List.of(pin(certificate)), null, null, true)));
        assertThat(client().get("/").body()).isEqualTo("secret ");
    }

    @Test
    void without_verification_anybody_gets_them_and_that_is_told() throws IOException {
        serve(web(new TargetTlsConfig(null, List.of(), null, null, false)));
        assertThat(client().get("/").body()).isEqualTo("secret ");
        assertThat(lb.targets().getFirst().encryption()).isEqualTo(TargetStatus.Encryption.UNVERIFIED);
    }

    @Test
    void a_target_that_asks_is_shown_our_certificate() throws IOException {
        TestCertificate own = TestCertificate.create(directory, "own", "lb");
        TlsOrigin asking = closing(new TlsOrigin(TestCertificate.client(certificate, own), true));
        serve(web(
                new TargetTlsConfig(certificate.certificate(), List.of(), "shop.internal", own.files(), true), asking));
        assertThat(client().get("/").body()).isEqualTo("secret ");
        serve(web(ca("shop.internal"), asking));
        assertThat(client().get("/").status()).isBetween(502, 503);
    }

    @Test
    void health_is_asked_with_the_same_eyes() {
        HealthCheckConfig check = new HealthCheckConfig(
                HealthCheckConfig.Type.HTTP,
                0,
                "/",
                null,
                Duration.ofMillis(50),
                Duration.ofSeconds(5),
                1,
                1,
                200,
                399,
                0);
        serve(healthy(check, ca("shop.internal")));
        await().until(() -> lb.targets().getFirst().health() == TargetStatus.Health.HEALTHY);
        serve(http("web"));
        serve(healthy(check, ca("other.internal")));
        await().until(() -> lb.targets().getFirst().health() == TargetStatus.Health.UNHEALTHY);
    }

    private ListenerConfig healthy(HealthCheckConfig check, TargetTlsConfig tls) {
        PoolConfig pool = PoolConfig.of("shop", Balance.ROUND_ROBIN, List.of(origin.target()))
                .withTargetTls(tls)
                .withHealth(check, false);
        return new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool)));
    }

    @Test
    void a_change_to_tls_leaves_no_connection_in_the_clear() throws IOException {
        AtomicInteger requests = new AtomicInteger();
        Origin plain = closing(new Origin((socket, in, out) -> {
            in.mark(1);
            while (in.read() == 'G') { // not the first byte of a TLS handshake
                in.reset();
                Origin.readRequest(in);
                requests.incrementAndGet();
                out.write(Origin.ok("plain").getBytes(StandardCharsets.US_ASCII));
                in.mark(1);
            }
        }));
        PoolConfig pool = PoolConfig.of("shop", Balance.ROUND_ROBIN, targets(plain));
        ListenerConfig clear =
                new ListenerConfig("web", loopback(0), Protocol.HTTP, List.of(RouteConfig.everything(pool)));
        serve(clear);
        Wire wire = client();
        assertThat(wire.get("/").body()).isEqualTo("plain");
        serve(new ListenerConfig(
                "web",
                loopback(0),
                Protocol.HTTP,
                List.of(RouteConfig.everything(pool.withTargetTls(ca("shop.internal"))))));
        assertThat(wire.get("/").status()).isEqualTo(503);
        assertThat(requests).hasValue(1);
    }

    @Test
    void files_that_cannot_be_used_let_nothing_out_and_new_ones_are_taken() throws IOException {
        Path ca = directory.resolve("ca.pem");
        ListenerConfig web = web(TargetTlsConfig.ca(ca, "shop.internal"));
        assertThatThrownBy(() -> lb.applyStrict(new LbConfig(List.of(web))))
                .isInstanceOf(LbConfigException.class)
                .hasMessageContaining("listener web: pool shop: target-tls.ca: " + ca + " is missing");
        assertThat(lb.apply(new LbConfig(List.of(web))).problems()).hasSize(1);
        assertThat(client().get("/").status()).isEqualTo(503);
        assertThat(origin.connections).hasValue(0);
        Files.copy(certificate.certificate(), ca);
        await().until(() -> client().get("/").status() == 200);
    }

    @Test
    void a_byte_stream_has_no_tls_of_ours() {
        PoolConfig pool = PoolConfig.of("shop", Balance.ROUND_ROBIN, List.of(origin.target()))
                .withTargetTls(ca("shop.internal"));
        assertThat(LoadBalancer.check(new LbConfig(List.of(
                        new ListenerConfig("raw", loopback(0), Protocol.TCP, List.of(RouteConfig.everything(pool)))))))
                .containsExactly("listener raw: target-tls: at pool shop (expected: only with protocol http)");
    }
}
