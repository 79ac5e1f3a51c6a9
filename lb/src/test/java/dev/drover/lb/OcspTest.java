package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import dev.drover.lb.TlsConfig.Stapling;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What is stapled to certificates, with OpenSSL's responder and OpenSSL's client. */
@Timeout(120)
@ExtendWith(LeakGuard.class)
class OcspTest {
    private static final DateTimeFormatter ASN1_TIME =
            DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final String GOOD = "Cert Status: good";
    private static final String NONE = "OCSP response: no response sent";

    @TempDir
    Path directory;

    private final TestAuthority authority = TestAuthority.create("authority");
    private final List<Process> responders = new ArrayList<>();
    private Lanes lanes;
    private LoadBalancer lb;
    private Origin origin;

    @BeforeEach
    void open() {
        lanes = Lanes.open(Transport.EPOLL, 1);
        lb = new LoadBalancer(lanes);
        origin = Origin.named("one");
    }

    @AfterEach
    void close() {
        long unexpected = lb.events().get("UNEXPECTED_EXCEPTION");
        lb.close();
        origin.close();
        lanes.close();
        responders.forEach(Process::destroyForcibly);
        assertThat(unexpected).isZero();
    }

    private ListenerConfig listener(TlsConfig.Certificate certificate, Stapling from) {
        return Harness.http("web", origin)
                .withEntry(EntryConfig.tls(new TlsConfig(List.of(certificate)).withStapling(from)));
    }

    private void serve(TlsConfig.Certificate certificate, Stapling from) {
        lb.applyStrict(new LbConfig(List.of(listener(certificate, from))));
    }

    /** What OpenSSL's client says of a handshake with the listener in which it asks for the standing of the certificate. */
    private String handshake() throws IOException, InterruptedException {
        InetSocketAddress to = lb.status().getFirst().bound();
        Path trusted = Files.writeString(directory.resolve("authority.pem"), TestAuthority.pem(authority.x509()));
        return run(
                "openssl",
                "s_client",
                "-connect",
                "127.0.0.1:" + to.getPort(),
                "-servername",
                "web.example",
                "-status",
                "-CAfile",
                trusted.toString(),
                "-verify_return_error");
    }

    private static String run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
        return out;
    }

    private void stapled(String expected) {
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(handshake()).contains(expected).contains("Verify return code: 0 (ok)"));
    }

    /** The standing of a certificate as {@code openssl ca} writes it. */
    private Path index(TestAuthority.Issued of, boolean revoked) throws IOException {
        String end = ASN1_TIME.format(Instant.now().plusSeconds(86_400));
        String line = (revoked ? "R\t" + end + "\t" + ASN1_TIME.format(Instant.now()) : "V\t" + end + "\t") + "\t"
                + "%04X".formatted(of.x509().getSerialNumber().longValueExact()) + "\tunknown\t/CN=web.example\n";
        return Files.writeString(directory.resolve("index" + revoked + ".txt"), line);
    }

    /** OpenSSL's responder, once it listens. */
    private void respond(int port, Path index) throws IOException {
        Path certificate = Files.writeString(directory.resolve("ca.pem"), TestAuthority.pem(authority.x509()));
        Path key = Files.writeString(
                directory.resolve("ca.key"), TestAuthority.pem(authority.pair().getPrivate()));
        Path out = directory.resolve("responder.txt");
        responders.add(new ProcessBuilder(
                        "openssl",
                        "ocsp",
                        "-index",
                        index.toString(),
                        "-port",
                        Integer.toString(port),
                        "-CA",
                        certificate.toString(),
                        "-rsigner",
                        certificate.toString(),
                        "-rkey",
                        key.toString(),
                        "-nmin",
                        "10",
                        "-ignore_err")
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start());
        await().until(() -> Files.readString(out).contains("waiting for OCSP client connections"));
    }

    @Test
    void the_answer_of_the_certificates_responder_is_fetched_and_stapled() throws Exception {
        int port = Harness.refused().getPort();
        TestAuthority.Issued web = authority.issue(
                "web.example", 0x1001, TestAuthority.Kind.MUST_STAPLE, "http://127.0.0.1:" + port + "/");
        serve(web.write(directory, "web"), Stapling.FETCH);
        // Nobody is there to ask: told, and no reason not to serve.
        await().until(() -> lb.staplesRefused().get("web") > 0);
        assertThat(handshake()).contains(NONE);
        assertThat(lb.events().get("TLS_WITHOUT_STAPLE")).isPositive();
        assertThat(lb.stapleEnds().values()).containsExactly(0.0);

        respond(port, index(web, false));
        stapled(GOOD);
        double left = lb.stapleEnds().values().iterator().next() - Instant.now().getEpochSecond();
        assertThat(left).isBetween(60.0, 600.0);
    }

    @Test
    void a_revoked_certificate_gets_no_staple() throws Exception {
        int port = Harness.refused().getPort();
        TestAuthority.Issued web =
                authority.issue("web.example", 0x1002, TestAuthority.Kind.PLAIN, "http://127.0.0.1:" + port + "/ocsp");
        respond(port, index(web, true));
        serve(web.write(directory, "web"), Stapling.FETCH);
        await().until(() -> lb.staplesRefused().get("web") > 0);
        assertThat(handshake()).contains(NONE);
    }

    @Test
    void the_file_beside_the_certificate_is_stapled_and_read_again_when_it_changes() throws Exception {
        int port = Harness.refused().getPort();
        TestAuthority.Issued web = authority.issue("web.example", 0x1003, TestAuthority.Kind.PLAIN, null);
        TlsConfig.Certificate files = web.write(directory, "web");
        Path file = directory.resolve("web.pem.ocsp");
        serve(files, Stapling.FILE);
        assertThat(handshake()).contains(NONE);

        respond(port, index(web, false));
        Path made = directory.resolve("made.der");
        Path leaf = Files.writeString(directory.resolve("leaf.pem"), TestAuthority.pem(web.x509()));
        await().atMost(Duration.ofSeconds(20)).until(() -> {
            run(
                    "openssl",
                    "ocsp",
                    "-issuer",
                    directory.resolve("ca.pem").toString(),
                    "-cert",
                    leaf.toString(),
                    "-url",
                    "http://127.0.0.1:" + port,
                    "-respout",
                    made.toString(),
                    "-noverify");
            return Files.exists(made);
        });
        Files.copy(made, file);
        stapled(GOOD);

        // What cannot be used changes nothing but the log and a counter.
        long before = lb.staplesRefused().get("web");
        Files.writeString(file, "nonsense");
        await().until(() -> lb.staplesRefused().get("web") == before + 1);
        assertThat(handshake()).contains(GOOD);

        // Another certificate in the same file has nothing to show: the answer is the old one's.
        authority.issue("web.example", 0x1004, TestAuthority.Kind.PLAIN, null).write(directory, "web");
        stapled(NONE);

        lb.applyStrict(new LbConfig(List.of(listener(files, Stapling.OFF))));
        assertThat(lb.stapleEnds()).isEmpty();
        assertThat(handshake()).contains(NONE);
    }
}
