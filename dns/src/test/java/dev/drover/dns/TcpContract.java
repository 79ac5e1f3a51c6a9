package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import dev.drover.dns.path.Limits;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Type;

/** DNS over TCP (RFC 7766): framing, pipelining, idle time, limits. */
@Timeout(90)
abstract class TcpContract {
    private static final Duration IDLE = Duration.ofMillis(Limits.DEFAULT.idleMs());

    private static final Limits LIMITS = new Limits(64, 8, 64, 4, 600);

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;
    private DnsClient client;

    abstract Transport transport();

    @BeforeEach
    void serve() {
        server = fixture.server();
        server.apply(config().record("web1", "10.42.1.2").limits(LIMITS).build());
        client = client(server);
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private static void assertAnswered(byte[] reply) {
        assertThat(DnsClient.parse(reply).getRcode()).isEqualTo(Rcode.NOERROR);
    }

    @Test
    void takesAFrameInAnyPieces() throws IOException {
        byte[] query = DnsClient.query("web1.", Type.A).toWire();
        try (DnsClient.Tcp connection = client.connect()) {
            connection.out.write(0);
            connection.out.flush();
            connection.out.write(query.length);
            for (byte b : query) {
                connection.out.write(b);
                connection.out.flush();
            }
            assertAnswered(connection.receive());
        }
    }

    @Test
    void answersManyPipelinedQueries() throws IOException {
        int count = 1_000;
        Set<Integer> expected = new HashSet<>();
        try (DnsClient.Tcp connection = client.connect()) {
            for (int id = 0; id < count; id++) {
                Message query = DnsClient.query("web1.", Type.A);
                query.getHeader().setID(id);
                connection.send(query.toWire());
                expected.add(id);
            }
            for (int i = 0; i < count; i++) {
                assertThat(expected.remove(DnsClient.parse(connection.receive())
                                .getHeader()
                                .getID()))
                        .isTrue();
            }
        }
        assertThat(expected).isEmpty();
    }

    @Test
    void closesWithoutLossWhenTheClientHasNoMoreToAsk() throws IOException {
        try (DnsClient.Tcp connection = client.connect()) {
            connection.send(DnsClient.query("web1.", Type.A).toWire());
            connection.socket.shutdownOutput();
            assertAnswered(connection.receive());
            assertThat(connection.isClosedByServer()).isTrue();
        }
        await().until(() -> server.status().connections() == 0);
    }

    @Test
    void closesAConnectionWithoutAWholeQueryForTheIdleTime() throws IOException {
        try (DnsClient.Tcp connection = client.connect()) {
            connection.send(DnsClient.query("web1.", Type.A).toWire());
            assertAnswered(connection.receive());
            connection.out.write(0); // a byte is no query
            assertThat(connection.isClosedByServer()).isTrue();
        }
    }

    @Test
    void refusesConnectionsAboveTheLimitOfAClientOnly() throws IOException {
        List<DnsClient.Tcp> open = new ArrayList<>();
        try {
            for (int i = 0; i < LIMITS.connectionsPerClient(); i++) {
                DnsClient.Tcp connection = client.connect();
                open.add(connection);
                connection.send(DnsClient.query("web1.", Type.A).toWire());
                assertAnswered(connection.receive());
            }
            assertThat(server.status().connections()).isEqualTo(LIMITS.connectionsPerClient());
            try (DnsClient.Tcp tooMany = client.connect()) {
                assertThat(tooMany.isClosedByServer()).isTrue();
            }
            // UDP is not concerned.
            assertThat(client.ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
        } finally {
            for (DnsClient.Tcp connection : open) {
                connection.close();
            }
        }
        await().until(() -> server.status().connections() == 0);
        assertThat(client.tcp(DnsClient.query("web1.", Type.A)).getRcode()).isEqualTo(Rcode.NOERROR);
    }

    @Test
    void stopsReadingFromAClientThatDoesNotReadReplies() throws IOException {
        String[] many =
                IntStream.rangeClosed(1, 250).mapToObj(i -> "10.42.3." + i).toArray(String[]::new);
        server.apply(config().record("web1", "10.42.1.2")
                .record("many", many)
                .limits(LIMITS)
                .build());
        byte[] query = DnsClient.query("many.", Type.A).toWire();
        try (DnsClient.Tcp connection = client.connect()) {
            connection.socket.setReceiveBufferSize(4096);
            try {
                for (int i = 0; i < 10_000; i++) {
                    connection.send(query);
                }
            } catch (IOException e) {
                assertThat(e).hasMessageMatching(".*(reset|pipe).*");
            }
        }
        // epoll tells of the reset at once; on io_uring a channel that does not read ends by its idle time, begun anew
        // with the last write
        await().atMost(IDLE.multipliedBy(4)).until(() -> server.status().connections() == 0);
        assertThat(client.ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
    }
}
