package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.NetNs;
import dev.drover.dataplane.Transport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The client's address kept on the way to targets: a client, a load balancer and a target in a network namespace each. */
@Tag("root")
@ParameterizedClass(name = "{0}")
@EnumSource(Transport.class)
@ExtendWith(LeakGuard.class)
@Timeout(60)
class SourceAddressTest {
    private static final String CLIENT_IPV4 = "192.0.2.10";
    private static final String CLIENT_IPV6 = "2001:db8:1::10";
    private static final String LB_IPV4 = "192.0.2.1";
    private static final String LB_IPV6 = "2001:db8:1::1";
    private static final String LB_AT_TARGET_IPV4 = "198.51.100.1";
    private static final String LB_AT_TARGET_IPV6 = "2001:db8:2::1";
    private static final String TARGET_IPV4 = "198.51.100.10";
    private static final String TARGET_IPV6 = "2001:db8:2::10";

    @Parameter
    Transport transport;

    private final Deque<AutoCloseable> toClose = new ArrayDeque<>();
    private Host client;
    private Host proxy;
    private Host target;
    private LoadBalancer lb;

    private record Host(String name, NetNs netNs) implements AutoCloseable {
        static Host add(String role) {
            String name = "lbsrc" + ProcessHandle.current().pid() + role;
            run("ip", "netns", "add", name);
            Host host = new Host(name, NetNs.open("/run/netns/" + name));
            host.ip("link", "set", "lo", "up");
            return host;
        }

        void ip(String... arguments) {
            String[] command = new String[arguments.length + 3];
            command[0] = "ip";
            command[1] = "-n";
            command[2] = name;
            System.arraycopy(arguments, 0, command, 3, arguments.length);
            run(command);
        }

        void address(String device, String ipv4, String ipv6) {
            ip("addr", "add", ipv4 + "/24", "dev", device);
            ip("addr", "add", ipv6 + "/64", "dev", device, "nodad");
            ip("link", "set", device, "up");
        }

        @Override
        public void close() {
            netNs.close();
            run("ip", "netns", "del", name);
        }
    }

    @BeforeEach
    void open() {
        client = closing(Host.add("c"));
        proxy = closing(Host.add("p"));
        target = closing(Host.add("t"));
        proxy.ip("link", "add", "clients", "type", "veth", "peer", "name", "eth0", "netns", client.name());
        proxy.ip("link", "add", "targets", "type", "veth", "peer", "name", "eth0", "netns", target.name());
        client.address("eth0", CLIENT_IPV4, CLIENT_IPV6);
        proxy.address("clients", LB_IPV4, LB_IPV6);
        proxy.address("targets", LB_AT_TARGET_IPV4, LB_AT_TARGET_IPV6);
        target.address("eth0", TARGET_IPV4, TARGET_IPV6);
        target.ip("route", "add", "default", "via", LB_AT_TARGET_IPV4);
        target.ip("-6", "route", "add", "default", "via", LB_AT_TARGET_IPV6);
        // As docs/operator-guide.md has it: what belongs to a transparent socket is for this host, wherever it is
        // addressed.
        for (String version : List.of("-4", "-6")) {
            proxy.ip(version, "rule", "add", "fwmark", "1", "lookup", "100");
            proxy.ip(version, "route", "add", "local", "default", "dev", "lo", "table", "100");
        }
        run(
                "ip",
                "netns",
                "exec",
                proxy.name(),
                "nft",
                "table inet drover-source { chain prerouting { type filter hook prerouting priority mangle; "
                        + "meta l4proto tcp socket transparent 1 meta mark set 1; }; }");
        lb = proxy.netNs().call(() -> {
            Lanes lanes = closing(Lanes.open(transport, 2));
            for (int i = 0; i < lanes.count(); i++) {
                // A lane's thread is of the namespace that starts it.
                lanes.lane(i).submit(() -> {}).syncUninterruptibly();
            }
            return closing(new LoadBalancer(lanes, LbSettings.DEFAULTS));
        });
    }

    @AfterEach
    void close() throws Exception {
        while (!toClose.isEmpty()) {
            toClose.pop().close();
        }
    }

    private <T extends AutoCloseable> T closing(T resource) {
        toClose.push(resource);
        return resource;
    }

    private static void run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor())
                    .as(String.join(" ", command) + ": " + output)
                    .isZero();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(String.join(" ", command), e);
        }
    }

    /** Says who came, then what he says. */
    private InetSocketAddress origin(String address) throws IOException {
        ServerSocket server = closing(target.netNs().call(() -> {
            ServerSocket socket = new ServerSocket();
            socket.bind(new InetSocketAddress(InetAddress.ofLiteral(address), 0));
            return socket;
        }));
        Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    Socket socket = server.accept();
                    Thread.ofVirtual().start(() -> echo(socket));
                }
            } catch (SocketException e) {
                // Closed: the test has ended.
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        return (InetSocketAddress) server.getLocalSocketAddress();
    }

    private static void echo(Socket socket) {
        try (socket) {
            String who = socket.getInetAddress().getHostAddress() + " ";
            socket.getOutputStream().write(who.getBytes(StandardCharsets.US_ASCII));
            socket.getInputStream().transferTo(socket.getOutputStream());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static PoolConfig pool(InetSocketAddress target) {
        return PoolConfig.of("tcp", Balance.ROUND_ROBIN, List.of(TargetConfig.active(target)));
    }

    private static LbConfig config(Protocol protocol, String bind, PoolConfig pool) {
        InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral(bind), 0);
        return new LbConfig(
                List.of(new ListenerConfig("tcp", address, protocol, List.of(RouteConfig.everything(pool)))));
    }

    /** What the client hears of the target, with {@code bytes} sent to it. */
    private String exchange(String bytes) throws IOException {
        InetSocketAddress bound = lb.status().getFirst().bound();
        try (Wire wire = client.netNs().call(() -> new Wire(bound))) {
            wire.send(bytes).finishOutput();
            return wire.rest();
        }
    }

    private void serve(LbConfig config) {
        proxy.netNs().run(() -> assertThat(lb.apply(config).problems()).isEmpty());
    }

    @ParameterizedTest
    @CsvSource({
        LB_IPV4 + ", " + TARGET_IPV4 + ", " + CLIENT_IPV4 + ", " + LB_AT_TARGET_IPV4,
        LB_IPV6 + ", " + TARGET_IPV6 + ", 2001:db8:1:0:0:0:0:10, 2001:db8:2:0:0:0:0:1",
        LB_IPV4 + ", " + TARGET_IPV6 + ", 2001:db8:2:0:0:0:0:1, 2001:db8:2:0:0:0:0:1"
    })
    void the_target_sees_the_client_where_that_is_wanted_and_can_be(
            String bind, String to, String withIt, String withoutIt) throws IOException {
        PoolConfig pool = pool(origin(to));
        serve(config(Protocol.TCP, bind, pool));
        assertThat(exchange("a")).isEqualTo(withoutIt + " a");
        serve(config(Protocol.TCP, bind, pool.withClientAddress()));
        String much = "b".repeat(1 << 20);
        for (int i = 0; i < 3; i++) {
            assertThat(exchange(much)).isEqualTo(withIt + " " + much);
        }
        await().until(() -> lb.outcomes().get("TUNNELLED") == 4);
        assertThat(lb.events().get("UNEXPECTED_EXCEPTION")).isZero();
    }
}
