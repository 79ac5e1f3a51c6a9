package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Transport;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Timing;
import dev.drover.dns.resolve.Upstream.Endpoint;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Upstreams over TLS: who they are is checked, and one connection serves many questions. */
@Timeout(60)
final class UpstreamTlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();
    private static final Timing QUICK = new Timing(1_500, 1_000, 3_000, 2_000, 1_000, 60_000);

    @TempDir
    static Path directory;

    private static KeyStore keys;

    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);
    private final DnsServer server = fixture.server();
    private final AtomicInteger connections = new AtomicInteger();
    private boolean closesAfterEach;

    @BeforeAll
    static void makeCertificate() throws Exception {
        Path store = directory.resolve("keys.p12");
        Process keytool = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "dns",
                        "-keyalg",
                        "EC",
                        "-dname",
                        "CN=test",
                        "-validity",
                        "30",
                        "-ext",
                        "san=dns:dns.example",
                        "-ext",
                        "bc=ca:true",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        new String(PASSWORD))
                .redirectErrorStream(true)
                .start();
        String said = new String(keytool.getInputStream().readAllBytes(), UTF_8);
        assertThat(keytool.waitFor()).as(said).isZero();
        keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(store)) {
            keys.load(in, PASSWORD);
        }
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private InetSocketAddress upstream() throws Exception {
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        SSLServerSocket listening = (SSLServerSocket)
                context.getServerSocketFactory().createServerSocket(0, 50, InetAddress.ofLiteral("127.0.0.1"));
        fixture.own(listening);
        Thread.ofVirtual().start(() -> {
            while (!listening.isClosed()) {
                try {
                    SSLSocket socket = (SSLSocket) listening.accept();
                    Thread.ofVirtual().start(() -> answer(socket));
                } catch (IOException e) {
                    return; // closed
                }
            }
        });
        return (InetSocketAddress) listening.getLocalSocketAddress();
    }

    private void answer(SSLSocket socket) {
        try (socket) {
            DataInputStream in = new DataInputStream(socket.getInputStream());
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            socket.startHandshake();
            connections.incrementAndGet();
            do {
                byte[] query = new byte[in.readUnsignedShort()];
                in.readFully(query);
                byte[] reply =
                        FakeUpstream.reply(query, Rcode.NOERROR, "192.0.2.1").toWire();
                byte[] frame = new byte[reply.length + 2];
                frame[0] = (byte) (reply.length >> 8);
                frame[1] = (byte) reply.length;
                System.arraycopy(reply, 0, frame, 2, reply.length);
                out.write(frame);
                out.flush();
            } while (!closesAfterEach);
        } catch (IOException e) {
            // the other side has gone, or does not trust us
        }
    }

    private DnsClient forwardTo(InetSocketAddress upstream, String name, boolean trusted) throws Exception {
        DnsFixture.Config config = config().forward(List.of(new Endpoint(upstream, name)))
                .timing(QUICK)
                .cache(CachePolicy.NONE);
        if (trusted) {
            config.trust((X509Certificate) keys.getCertificate("dns"));
        }
        server.apply(config.build());
        return client(server);
    }

    @Test
    void asksManyQuestionsOverOneConnectionPerLane() throws Exception {
        DnsClient client = forwardTo(upstream(), "dns.example", true);
        for (int i = 0; i < 20; i++) {
            Message reply = client.ask("name" + i + ".example.com.", Type.A);
            assertThat(reply.getRcode()).isEqualTo(Rcode.NOERROR);
            assertThat(reply.getSection(Section.ANSWER)).hasSize(1);
        }
        assertThat(connections.get()).isBetween(1, 2);
        assertThat(server.status().upstreams().getFirst().name())
                .startsWith("tls://127.0.0.1:")
                .endsWith("#dns.example");
    }

    @Test
    void connectsAgainWhenTheUpstreamHasClosed() throws Exception {
        closesAfterEach = true;
        DnsClient client = forwardTo(upstream(), "dns.example", true);
        for (int i = 0; i < 10; i++) {
            assertThat(client.ask("name" + i + ".example.com.", Type.A).getRcode())
                    .isEqualTo(Rcode.NOERROR);
        }
        assertThat(connections.get()).isGreaterThan(2);
    }

    @Test
    void asksNobodyWhoseCertificateBearsAnotherName() throws Exception {
        DnsClient client = forwardTo(upstream(), "other.example", true);
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        assertThat(server.status().upstreams().getFirst().healthy()).isFalse();
    }

    @Test
    void asksNobodyWhoIsNotTrusted() throws Exception {
        DnsClient client = forwardTo(upstream(), "dns.example", false);
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
    }

    @Test
    void doesNotWaitLongForAServerThatSpeaksNoTls() throws Exception {
        FakeUpstream plain = fixture.own(FakeUpstream.of("192.0.2.1"));
        DnsClient client = forwardTo(plain.address(), "dns.example", true);
        long start = System.nanoTime();
        assertThat(client.ask("example.com.", Type.A).getRcode()).isEqualTo(Rcode.SERVFAIL);
        assertThat((System.nanoTime() - start) / 1_000_000).isLessThan(4_500);
    }
}
