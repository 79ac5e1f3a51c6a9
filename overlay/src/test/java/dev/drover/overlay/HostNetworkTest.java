package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("root")
@Timeout(120)
class HostNetworkTest {
    private static final int DNS = Cidr.parseAddress("169.254.169.250");
    private static final HostNetworkSpec SPEC = spec("10.42.0.0/16", "10.42.1.1");

    private final List<TestNs> namespaces = new ArrayList<>();
    private TestNs host;

    @BeforeEach
    void host() {
        host = namespace();
    }

    @AfterEach
    void close() {
        namespaces.reversed().forEach(TestNs::close);
    }

    @Test
    void theBridgeAndTheResolverHaveTheirAddresses() {
        ensure(SPEC);

        assertThat(host.exec("ip", "addr", "show", "drv1042")).contains("10.42.1.1/16", "mtu 1450", "UP");
        assertThat(host.exec("ip", "-d", "link", "show", "drv1042")).contains("gso_max_size 61440", "gso_max_segs 44");
        assertThat(host.exec("ip", "addr", "show", "drover-dns")).contains("169.254.169.250/32", "UP");
        assertThat(host.exec("cat", "/proc/sys/net/ipv4/ip_forward")).isEqualTo("1\n");
        assertThat(host.exec("cat", "/proc/sys/net/ipv4/conf/drv1042/rp_filter"))
                .isEqualTo("2\n");
    }

    @Test
    void aSecondRunChangesNothing() {
        ensure(SPEC);
        String before = state();

        ensure(SPEC);

        assertThat(state()).isEqualTo(before);
        assertThat(rules("filter")).containsOnlyOnce("-A FORWARD -j DROVER-FORWARD");
    }

    @Test
    void aRuleThatSomebodyFlushedComesBackAndAnotherSubnetTakesThePlaceOfTheOld() {
        ensure(SPEC);
        host.exec("iptables", "-F", "DROVER-FORWARD");
        host.exec("iptables", "-F", "FORWARD");

        ensure(spec("10.43.0.0/16", "10.43.1.1"));

        assertThat(rules("filter")).contains("-A FORWARD -j DROVER-FORWARD", "-A DROVER-FORWARD -i drv1042 -j ACCEPT");
        assertThat(rules("nat")).contains("10.43.0.0/16").doesNotContain("10.42.0.0/16");
        assertThat(rules("raw")).contains("10.43.0.0/16").doesNotContain("10.42.0.0/16");
    }

    @Test
    void removeTakesAwayWhatWasMadeAndNothingElse() {
        host.exec("iptables", "-A", "FORWARD", "-i", "docker0", "-j", "ACCEPT");
        host.exec("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "172.17.0.0/16", "-j", "MASQUERADE");
        host.exec("iptables", "-t", "raw", "-S");
        host.exec("ip", "link", "add", "docker0", "type", "bridge");
        String before = state();
        ensure(SPEC);
        HostNetworkSpec other =
                new HostNetworkSpec("drv1043", Cidr.parse("10.43.0.0/16"), Cidr.parseAddress("10.43.1.1"), DNS, 1450);
        ensure(other);

        host.netNs.run(() -> HostNetwork.remove(other));
        assertThat(rules("filter")).contains("drv1042").doesNotContain("drv1043");
        assertThat(host.exec("ip", "link")).contains("drv1042", "drover-dns").doesNotContain("drv1043");
        host.netNs.run(() -> HostNetwork.remove(SPEC));
        host.netNs.run(() -> HostNetwork.remove(SPEC));

        assertThat(state()).isEqualTo(before);
    }

    @Test
    void aBridgeOfTheOperatorStaysWhenItsAddressIsRemoved() {
        HostNetworkSpec operators = new HostNetworkSpec("br0", SPEC.subnet(), SPEC.address(), DNS, 1450);
        host.exec("ip", "link", "add", "br0", "type", "bridge");

        ensure(operators);
        host.netNs.run(() -> HostNetwork.remove(operators));

        assertThat(host.exec("ip", "addr", "show", "br0")).doesNotContain("10.42.1.1");
        assertThat(host.exec("ip", "link")).doesNotContain("drover-dns");
    }

    @Test
    void aBridgeThatTheTunnelMadeFirstIsDeletedByItsName() {
        host.exec("ip", "link", "add", "drv1042", "type", "bridge");

        ensure(SPEC);
        host.netNs.run(() -> HostNetwork.remove(SPEC));

        assertThat(host.exec("ip", "link")).doesNotContain("drv1042", "drover-dns");
    }

    @Test
    void containersReachTheOutsideWhereDockerDropsWhatIsForwarded() {
        TestNs outside = namespace();
        host.exec("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", outside.name);
        host.exec("ip", "addr", "add", "192.0.2.1/24", "dev", "up0");
        host.exec("ip", "link", "set", "up0", "up");
        outside.exec("ip", "addr", "add", "192.0.2.2/24", "dev", "eth0");
        outside.exec("ip", "link", "set", "eth0", "up");
        host.exec("iptables", "-P", "FORWARD", "DROP");
        ensure(SPEC);
        TestNs container = namespace();

        try (ContainerNetwork network = host.netNs.call(ContainerNetwork::open)) {
            network.attach(request("aaaaaaaaaaaa", container, "10.42.1.2"));

            assertThat(container.pings("192.0.2.2")).isTrue();
            outside.exec("ip", "route", "add", "10.42.0.0/16", "via", "192.0.2.1");
            assertThat(outside.pings("10.42.1.2"))
                    .as("new connections from outside")
                    .isFalse();
        }
    }

    @Test
    void bridgedTrafficPassesAndIsNotTrackedAlthoughTheHostFiltersBridges() {
        host.exec("iptables", "-P", "FORWARD", "DROP");
        host.exec("sh", "-c", "echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables");
        ensure(SPEC);
        TestNs a = namespace();
        TestNs b = namespace();

        try (ContainerNetwork network = host.netNs.call(ContainerNetwork::open)) {
            network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));
            network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));

            assertThat(a.pings("10.42.1.3")).isTrue();
            assertThat(host.exec("cat", "/proc/sys/net/netfilter/nf_conntrack_count"))
                    .isEqualTo("0\n");
        }
    }

    @Test
    void questionsToTheResolverAreNotTrackedAndPassAFirewallThatAsksForStates() throws Exception {
        for (String chain : List.of("INPUT", "OUTPUT")) {
            host.exec("iptables", "-P", chain, "DROP");
            host.exec("iptables", "-A", chain, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT");
        }
        ensure(SPEC);
        TestNs container = namespace();
        InetSocketAddress resolver = new InetSocketAddress(Cidr.toInet(DNS), 53);

        try (ContainerNetwork network = host.netNs.call(ContainerNetwork::open)) {
            network.attach(request("aaaaaaaaaaaa", container, "10.42.1.2"));
            try (DatagramSocket server = host.netNs.call(() -> new DatagramSocket(resolver));
                    DatagramSocket client = container.netNs.call(() -> new DatagramSocket())) {
                server.setSoTimeout(5_000);
                client.setSoTimeout(5_000);
                DatagramPacket packet = new DatagramPacket(new byte[12], 12, resolver);
                client.send(packet);
                server.receive(packet);
                server.send(packet);
                client.receive(packet);
                assertThat(packet.getAddress()).isEqualTo(resolver.getAddress());
            }
            try (ServerSocket server =
                            host.netNs.call(() -> new ServerSocket(resolver.getPort(), 1, resolver.getAddress()));
                    Socket client = container.netNs.call(() -> new Socket(resolver.getAddress(), resolver.getPort()))) {
                assertThat(client.getPort()).isEqualTo(server.getLocalPort());
            }
            assertThat(host.exec("cat", "/proc/sys/net/netfilter/nf_conntrack_count"))
                    .isEqualTo("0\n");
        }
    }

    @Test
    void withoutIptablesTheRestWorks() {
        Iptables absent = new Iptables("iptables-that-is-not-installed");

        host.netNs.run(() -> HostNetwork.ensure(SPEC, absent));

        assertThat(host.pings("10.42.1.1")).isTrue();
        assertThatThrownBy(() -> absent.remove(new Iptables.Chain("filter", "FORWARD", "DROVER-FORWARD"), "drv1042"))
                .isInstanceOf(Iptables.IptablesException.class)
                .hasMessageContaining("iptables-that-is-not-installed")
                .hasMessageContaining("No such file or directory");
    }

    @Test
    void aNameOfAnotherDeviceIsAClearError() {
        host.exec("ip", "link", "add", "drv1042", "type", "veth", "peer", "name", "x");

        assertThatThrownBy(() -> ensure(SPEC))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("interface drv1042: veth (expected: a bridge)");
    }

    private void ensure(HostNetworkSpec spec) {
        host.netNs.run(() -> HostNetwork.ensure(spec));
    }

    private String state() {
        return rules("filter")
                + rules("nat")
                + rules("raw")
                + host.exec("ip", "-o", "link")
                + host.exec("ip", "-o", "-4", "addr");
    }

    private String rules(String table) {
        return host.exec("iptables", "-t", table, "-S");
    }

    private static HostNetworkSpec spec(String subnet, String address) {
        return new HostNetworkSpec("drv1042", Cidr.parse(subnet), Cidr.parseAddress(address), DNS, 1450);
    }

    private static AttachRequest request(String key, TestNs container, String address) {
        return new AttachRequest(
                key,
                container.path,
                SPEC.subnet(),
                Cidr.parseAddress(address),
                Mac.random(),
                SPEC.address(),
                DNS,
                SPEC.bridge(),
                SPEC.mtu());
    }

    private TestNs namespace() {
        TestNs namespace = new TestNs();
        namespaces.add(namespace);
        return namespace;
    }
}
