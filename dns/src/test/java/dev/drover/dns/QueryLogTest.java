package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Type;

/** Queries are written down, in part or whole. */
@Timeout(60)
final class QueryLogTest {
    @TempDir
    Path directory;

    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);
    private final DnsServer server = fixture.server();

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private Path serve(int sample) {
        Path file = directory.resolve("queries.log");
        server.apply(config().record("web1", "10.42.1.2")
                .queryLog(new QueryLogConfig(file, sample))
                .build());
        return file;
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    @Test
    void everyQueryIsALine() throws IOException {
        Path file = serve(1);
        client(server).ask("web1.", Type.A);
        client(server).tcp(DnsClient.query("Nobody.rancher.internal.", Type.TXT));
        client(server).udp(new byte[12], 5_000);
        client(server).ask("a\\010b=\\032.rancher.internal.", Type.A);
        client(server).tcp(DnsClient.query("web1.", Type.A));
        await().until(() -> lines(file).size() == 5);
        String start = "\\d{4}-\\d\\d-\\d\\dT\\S+Z client=127\\.0\\.0\\.1 ";
        assertThat(lines(file).get(0)).matches(start + "via=udp name=web1\\. type=A rcode=noerror bytes=38 us=\\d+");
        assertThat(lines(file).get(1))
                .matches(start
                        + "via=tcp name=Nobody\\.rancher\\.internal\\. type=TXT rcode=nxdomain bytes=\\d+ us=\\d+");
        assertThat(lines(file).get(2)).matches(start + "via=udp name=- type=- rcode=formerr bytes=12 us=\\d+");
        assertThat(lines(file).get(3)).contains("name=a\\010b=\\032.rancher.internal. type=A");
        assertThat(lines(file).get(4)).matches(start + "via=tcp name=web1\\. type=A rcode=noerror bytes=38 us=\\d+");
        assertThat(Files.getPosixFilePermissions(file)).hasSize(3);
    }

    @Test
    void ofManyQueriesOneInSoManyIsALine() throws IOException {
        Path file = serve(10);
        // Each lane counts for itself.
        for (int i = 0; i < 200; i++) {
            client(server).ask("web1.", Type.A);
        }
        await().until(() -> lines(file).size() >= 18);
        assertThat(lines(file).size()).isBetween(18, 20);
    }

    @Test
    void aFileThatWasMovedAwayIsMadeAnew() throws IOException {
        Path file = serve(1);
        client(server).ask("web1.", Type.A);
        await().until(() -> lines(file).size() == 1);
        Files.move(file, directory.resolve("old.log"));
        await().until(() -> Files.exists(file));
        client(server).ask("web1.", Type.A);
        await().until(() -> lines(file).size() == 1);
    }

    @Test
    void aFileThatCannotBeWrittenIsRefusedAndTheServerGoesOn() {
        server.apply(config().record("web1", "10.42.1.2").build());
        DnsConfig bad = config().queryLog(new QueryLogConfig(directory.resolve("none/queries.log"), 1))
                .build();
        assertThatThrownBy(() -> server.apply(bad))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageStartingWith("dns.query-log.file: ");
        assertThat(client(server).ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
    }

    @Test
    void theLogEndsWithItsKey() throws IOException {
        Path file = serve(1);
        client(server).ask("web1.", Type.A);
        server.apply(config().record("web1", "10.42.1.2").build());
        assertThat(lines(file)).hasSize(1);
        client(server).ask("web1.", Type.A);
        assertThat(lines(file)).hasSize(1);
    }
}
