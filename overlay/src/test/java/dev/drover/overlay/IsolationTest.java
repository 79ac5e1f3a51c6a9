package dev.drover.overlay;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Transport;
import dev.drover.overlay.path.Drop;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two networks with the same addresses on the same two hosts. */
@Tag("root")
@Timeout(120)
class IsolationTest {
    private static final int PORT = 7000;
    private static final int TIMEOUT_MS = 10_000;

    /** The second network, beside that of {@link TwoHosts}: same subnets, other VNI, port of the underlay and bridge. */
    private static final class Second implements AutoCloseable {
        private final List<AutoCloseable> resources = new ArrayList<>();
        final TestNs one;
        final TestNs two;
        private final Overlay first;

        Second(TwoHosts hosts, int vni, int port) {
            one = container(hosts.one);
            two = container(hosts.two);
            first = overlay(hosts.one, vni, port);
            overlay(hosts.two, vni, port);
        }

        private TestNs container(TwoHosts.Side side) {
            TestNs container = keep(new TestNs());
            side.ip("link add br1 type bridge");
            side.ip("link set br1 up");
            side.ip("link add eth0 netns " + container.name + " mtu 1450 type veth peer name v1");
            side.ip("link set v1 mtu 1450 master br1 up");
            container.exec("ip", "link", "set", "eth0", "up");
            container.exec("ip", "address", "add", side.address() + "/16", "dev", "eth0");
            return container;
        }

        private Overlay overlay(TwoHosts.Side side, int vni, int port) {
            OverlayConfig c = side.config(Mode.AUTO, false);
            OverlayConfig config =
                    new OverlayConfig(vni, c.vtep(), port, "br1", c.mode(), null, c.peers(), c.neighbours());
            Lanes lanes = keep(Lanes.open(Transport.EPOLL, 1));
            return keep(side.host.netNs.call(() -> Overlay.start(lanes, config)));
        }

        private <T extends AutoCloseable> T keep(T resource) {
            resources.addFirst(resource);
            return resource;
        }

        @Override
        public void close() {
            for (AutoCloseable resource : resources) {
                try {
                    resource.close();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            }
        }
    }

    /** Says {@code name} to whoever connects. */
    private static ServerSocket serve(TestNs container, String address, String name) throws IOException {
        ServerSocket listener = container.netNs.call(() -> new ServerSocket(PORT, 10, InetAddress.ofLiteral(address)));
        Thread.ofPlatform().daemon().start(() -> {
            while (!listener.isClosed()) {
                try (Socket client = listener.accept()) {
                    client.getOutputStream().write(name.getBytes(UTF_8));
                } catch (IOException e) {
                    return; // closed
                }
            }
        });
        return listener;
    }

    private static String ask(TestNs container, String address) throws IOException {
        try (Socket socket = container.netNs.call(() -> connect(address))) {
            socket.setSoTimeout(TIMEOUT_MS);
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    private static Socket connect(String address) throws IOException {
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(InetAddress.ofLiteral(address), PORT), TIMEOUT_MS);
        return socket;
    }

    @Test
    void networksWithTheSameAddressesOnTheSameHostsNeverMeet() throws Exception {
        try (TwoHosts hosts = new TwoHosts();
                Second second = new Second(hosts, 43, 4790)) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            hosts.two.drover(Mode.AUTO);
            String address = hosts.two.address();
            for (TestNs container : List.of(hosts.one.container, second.one)) {
                await().atMost(Duration.ofSeconds(20)).until(() -> container.pings(address));
            }
            try (ServerSocket _ = serve(hosts.two.container, address, "first");
                    ServerSocket _ = serve(second.two, address, "second")) {
                for (int i = 0; i < 20; i++) {
                    assertThat(ask(hosts.one.container, address)).isEqualTo("first");
                    assertThat(ask(second.one, address)).isEqualTo("second");
                }
                second.two.exec("ip", "link", "set", "eth0", "down");
                assertThat(second.one.pings(address)).isFalse();
                assertThat(ask(hosts.one.container, address)).isEqualTo("first");
            }
            for (Overlay each : List.of(overlay, second.first)) {
                assertThat(each.status().drops())
                        .containsEntry(Drop.WRONG_VNI, 0L)
                        .containsEntry(Drop.UNKNOWN_VTEP, 0L);
            }
            assertThat(macs(overlay)).hasSize(2).doesNotContainAnyElementsOf(macs(second.first));
        }
    }

    private static List<Mac> macs(Overlay overlay) {
        return overlay.fdb().stream().map(FdbEntry::mac).toList();
    }

    /** Another network of the same hosts, by mistake on the port of the first. */
    @Test
    void packetsOfAnotherNetworkOnTheSamePortAreDroppedAndCounted() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO);
            OverlayConfig c = hosts.two.config(Mode.AUTO, false);
            OverlayConfig other =
                    new OverlayConfig(43, c.vtep(), c.port(), c.bridge(), c.mode(), null, c.peers(), List.of());
            hosts.two.start(other, 1, PathProbes.Timing.STANDARD);
            assertThat(hosts.two.container.pings(hosts.one.address())).isFalse();
            assertThat(hosts.one.container.pings(hosts.two.address())).isFalse();
            assertThat(overlay.status().drops().get(Drop.WRONG_VNI)).isPositive();
            assertThat(hosts.two.running().status().drops().get(Drop.WRONG_VNI)).isPositive();
            assertThat(overlay.fdb()).noneMatch(entry -> entry.known() == FdbEntry.Known.LEARNED);
        }
    }
}
