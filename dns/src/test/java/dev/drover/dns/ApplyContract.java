package dev.drover.dns;

import static dev.drover.dns.DnsFixture.ANY_PORT;
import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** Changes of a running server. */
@Timeout(60)
abstract class ApplyContract {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");

    private static final InetSocketAddress OTHER_LOOPBACK =
            new InetSocketAddress(InetAddress.ofLiteral("127.0.0.2"), 0);

    private final DnsFixture fixture = new DnsFixture(transport());
    private DnsServer server;

    abstract Transport transport();

    @BeforeEach
    void open() {
        server = fixture.server();
    }

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    private static long serial(DnsClient client) {
        Message reply = client.ask("rancher.internal.", Type.SOA);
        return ((SOARecord) reply.getSection(Section.ANSWER).getFirst()).getSerial();
    }

    private static void assertServes(InetSocketAddress address) {
        DnsClient client = new DnsClient(address);
        assertThat(client.ask("web1.", Type.A).getRcode()).isEqualTo(Rcode.NOERROR);
        assertThat(client.tcp(DnsClient.query("web1.", Type.A)).getRcode()).isEqualTo(Rcode.NOERROR);
    }

    @Test
    void anIdenticalConfigurationIsNoChange() {
        assertThat(server.apply(config().record("web1", "10.42.1.2").build())).isTrue();
        InetSocketAddress address = server.status().addresses().getFirst();
        long serial = serial(client(server));
        assertThat(server.apply(config().record("web1", "10.42.1.2").build())).isFalse();
        assertThat(serial(client(server))).isEqualTo(serial);
        assertThat(server.status().addresses()).containsExactly(address);
    }

    @Test
    void aChangeIsSeenByTheNextQuery() {
        server.apply(config().build());
        DnsClient client = client(server);
        long serial = serial(client);
        for (int i = 1; i < 100; i++) {
            assertThat(client.ask("web" + i + ".rancher.internal.", Type.A).getRcode())
                    .isEqualTo(Rcode.NXDOMAIN);
            server.apply(config().record("web" + i, "10.42.1." + i).build());
            Message reply = client.ask("web" + i + ".rancher.internal.", Type.A);
            assertThat(((ARecord) reply.getSection(Section.ANSWER).getFirst()).getAddress())
                    .isEqualTo(InetAddress.ofLiteral("10.42.1." + i));
            assertThat(serial(client)).isGreaterThan(serial);
        }
    }

    @Test
    void losesNoQueryWhileItChanges() throws Exception {
        server.apply(config().record("web1", "10.42.1.2").build());
        DnsClient client = client(server);
        AtomicBoolean stop = new AtomicBoolean();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> askers = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                askers.add(threads.submit(() -> {
                    int answered = 0;
                    while (!stop.get()) {
                        byte[] reply =
                                client.udp(DnsClient.query("web1.", Type.A).toWire(), 2_000);
                        assertThat(reply).as("reply").isNotNull();
                        Message message = DnsClient.parse(reply);
                        assertThat(message.getRcode()).isEqualTo(Rcode.NOERROR);
                        assertThat(message.getSection(Section.ANSWER)).isNotEmpty();
                        answered++;
                    }
                    return answered;
                }));
            }
            for (int i = 0; i < 500; i++) {
                DnsFixture.Config next = config().record("web1", "10.42.1." + (1 + i % 250));
                if (i % 10 == 0) {
                    // A second address comes and goes; the first one must not notice.
                    next.binds(ANY_PORT, OTHER_LOOPBACK);
                    next.record("web2", "10.42.2.1");
                }
                server.apply(next.build());
            }
            stop.set(true);
            for (Future<Integer> asker : askers) {
                assertThat(asker.get()).isPositive();
            }
        }
    }

    @Test
    void movesToAnotherAddress() throws IOException {
        server.apply(config().record("web1", "10.42.1.2").build());
        InetSocketAddress old = server.status().addresses().getFirst();
        InetSocketAddress next = new InetSocketAddress(LOOPBACK, freePort());
        server.apply(config().record("web1", "10.42.1.2").binds(next).build());
        assertThat(server.status().addresses()).containsExactly(next);
        assertServes(next);
        assertThat(new DnsClient(old).udp(DnsClient.query("web1.", Type.A).toWire(), 200))
                .isNull();
        server.apply(config().record("web1", "10.42.1.2").binds().build());
        assertThat(server.status().addresses()).isEmpty();
    }

    @Test
    void movesBetweenOneAddressAndTheWildcardOfAPort() throws IOException {
        int port = freePort();
        InetSocketAddress one = new InetSocketAddress(LOOPBACK, port);
        InetSocketAddress all = new InetSocketAddress(InetAddress.ofLiteral("0.0.0.0"), port);
        for (InetSocketAddress bind : List.of(one, all, one)) {
            server.apply(config().record("web1", "10.42.1.2").binds(bind).build());
            assertThat(server.status().addresses()).hasSize(1);
            awaitClosed(one);
            assertServes(one);
        }
    }

    /**
     * io_uring lets go of a closed socket when its pending receive is cancelled, a moment after the close: until then the
     * kernel may give it a query, which clients ask again. With epoll no query is lost.
     */
    private void awaitClosed(InetSocketAddress address) {
        if (transport() == Transport.IO_URING) {
            byte[] query = DnsClient.query("web1.", Type.A).toWire();
            await().until(() -> new DnsClient(address).udp(query, 500) != null);
        }
    }

    @Test
    void servesSeveralAddressesAlsoOfIpv6() {
        server.apply(config().record("web1", "10.42.1.2")
                .binds(ANY_PORT, new InetSocketAddress(InetAddress.ofLiteral("::1"), 0))
                .build());
        assertThat(server.status().addresses()).hasSize(2).allSatisfy(ApplyContract::assertServes);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, LOOPBACK)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void namesAnAddressInUseAndServesOn() throws IOException {
        server.apply(config().record("web1", "10.42.1.2").build());
        InetSocketAddress running = server.status().addresses().getFirst();
        try (ServerSocket tcp = new ServerSocket(0, 1, LOOPBACK);
                DatagramSocket udp = new DatagramSocket(0, LOOPBACK)) {
            for (int port : new int[] {tcp.getLocalPort(), udp.getLocalPort()}) {
                DnsConfig taken = config().record("web2", "10.42.1.3")
                        .binds(ANY_PORT, OTHER_LOOPBACK, new InetSocketAddress(LOOPBACK, port))
                        .build();
                assertThatThrownBy(() -> server.apply(taken))
                        .isInstanceOf(UncheckedIOException.class)
                        .hasMessageStartingWith("dns.binds: 127.0.0.1:" + port + " (expected: ")
                        .hasMessageContaining("in use");
                assertThat(server.status().addresses()).containsExactly(running);
                assertServes(running);
                assertThat(client(server).ask("web2.rancher.internal.", Type.A).getRcode())
                        .isEqualTo(Rcode.NXDOMAIN);
            }
        }
    }

    @Test
    void refusesAPortThatAnotherServerOfOursHas() {
        server.apply(config().build());
        InetSocketAddress taken = server.status().addresses().getFirst();
        DnsServer second = fixture.server();
        assertThatThrownBy(() -> second.apply(config().binds(taken).build()))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("in use");
        assertThat(second.status().addresses()).isEmpty();
    }

    @Test
    void namesAnAddressOfAnotherHost() {
        InetSocketAddress foreign = new InetSocketAddress(InetAddress.ofLiteral("192.0.2.1"), 5300);
        assertThatThrownBy(() -> server.apply(config().binds(foreign).build()))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageStartingWith("dns.binds: 192.0.2.1:5300 (expected: ");
    }

    @Test
    void closesItsPortsAndRefusesChangesAfterwards() throws IOException {
        server.apply(config().build());
        InetSocketAddress address = server.status().addresses().getFirst();
        server.close();
        server.close();
        try (ServerSocket tcp = new ServerSocket()) {
            tcp.bind(address);
        }
        assertThatThrownBy(() -> server.apply(config().build())).isInstanceOf(IllegalStateException.class);
    }
}
