package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.SysException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("root")
@Timeout(120)
class ContainerNetworkTest {
    private static final Cidr SUBNET = Cidr.parse("10.42.0.0/16");
    private static final int DNS = Cidr.parseAddress("169.254.169.250");
    private static final HostNetworkSpec SPEC =
            new HostNetworkSpec("drv1042", SUBNET, Cidr.parseAddress("10.42.1.1"), DNS, 1450);

    private final List<TestNs> namespaces = new ArrayList<>();
    private TestNs host;
    private ContainerNetwork network;

    @BeforeEach
    void host() {
        host = namespace();
        host.netNs.run(() -> HostNetwork.ensure(SPEC));
        network = host.netNs.call(ContainerNetwork::open);
    }

    @AfterEach
    void close() {
        network.close();
        namespaces.reversed().forEach(TestNs::close);
    }

    @Test
    void twoContainersWithoutNetworkReachEachOtherAndTheHost() {
        TestNs a = namespace();
        TestNs b = namespace();

        Attachment first = network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));
        network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));

        assertThat(first.hostInterface()).isEqualTo("drvaaaaaaaaaaaa");
        assertThat(first.containerInterface()).isEqualTo("eth0");
        assertThat(first.changed()).isTrue();
        assertThat(a.pings("10.42.1.3")).isTrue();
        assertThat(b.pings("10.42.1.2")).isTrue();
        assertThat(a.pings("10.42.1.1")).isTrue();
        assertThat(a.pings("169.254.169.250")).isTrue();
        assertThat(host.pings("10.42.1.2")).isTrue();
        assertThat(a.exec("ip", "route"))
                .contains("default via 10.42.1.1 dev eth0")
                .contains("169.254.169.250 via 10.42.1.1 dev eth0")
                .contains("10.42.0.0/16 dev eth0");
        assertThat(a.exec("ip", "-d", "link", "show", "eth0"))
                .contains(
                        "mtu 1450",
                        "gso_max_size 61440",
                        "gso_max_segs 44",
                        first.mac().toString());
    }

    @Test
    void aWireThatIsNotWhatItWasIsNoticedAndAttachedAgain() {
        TestNs a = namespace();
        AttachRequest request = request("aaaaaaaaaaaa", a, "10.42.1.2");
        assertThat(network.inPlace("aaaaaaaaaaaa", "drv1042", 1450)).isFalse();
        network.attach(request);
        assertThat(network.inPlace("aaaaaaaaaaaa", "drv1042", 1450)).isTrue();
        assertThat(network.inPlace("aaaaaaaaaaaa", "drv1042", 1350)).isFalse();
        host.exec("ip", "link", "set", "drvaaaaaaaaaaaa", "down");
        assertThat(network.inPlace("aaaaaaaaaaaa", "drv1042", 1450)).isFalse();
        host.exec("ip", "link", "del", "drv1042");
        host.netNs.run(() -> HostNetwork.ensure(SPEC));
        assertThat(network.inPlace("aaaaaaaaaaaa", "drv1042", 1450)).isFalse();
        network.attach(request);
        assertThat(network.inPlace("aaaaaaaaaaaa", "drv1042", 1450)).isTrue();
        assertThat(a.pings("10.42.1.1")).isTrue();
    }

    @Test
    void aContainerSpeaksOnlyFromItsOwnAddressAndMacAlsoWhenNoNodeRuns() {
        TestNs a = namespace();
        TestNs b = namespace();
        AttachRequest request = request("aaaaaaaaaaaa", a, "10.42.1.2");
        network.attach(request);
        network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));
        assertThat(a.pings("10.42.1.3")).isTrue();
        assertThat(network.spoofedFrames()).isZero();
        a.exec("ip", "address", "add", "10.42.1.9/32", "dev", "eth0");
        b.exec("ip", "route", "add", "10.42.1.9/32", "dev", "eth0");

        assertThat(a.pings("10.42.1.3", "-I", "10.42.1.9")).isFalse();
        assertThat(b.pings("10.42.1.9"))
                .as("ARP for an address that is not the container's")
                .isFalse();
        assertThat(network.spoofedFrames()).isPositive();
        assertThat(a.pings("10.42.1.3")).isTrue();

        network.close();
        assertThat(a.pings("10.42.1.3", "-I", "10.42.1.9")).isFalse();
        a.exec("ip", "link", "set", "eth0", "address", "02:00:00:00:00:99");
        assertThat(a.pings("10.42.1.3")).as("another MAC").isFalse();

        network = host.netNs.call(ContainerNetwork::open);
        network.attach(request);
        assertThat(a.pings("10.42.1.3"))
                .as("the node has set the MAC right again")
                .isTrue();
    }

    @Test
    void aContainerThatGetsAnotherAddressIsGuardedByThat() {
        TestNs a = namespace();
        TestNs b = namespace();
        network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));
        network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));
        network.attach(request("aaaaaaaaaaaa", a, "10.42.1.7"));
        assertThat(a.pings("10.42.1.3")).isTrue();
        a.exec("ip", "address", "add", "10.42.1.2/32", "dev", "eth0");
        assertThat(a.pings("10.42.1.3", "-I", "10.42.1.2")).isFalse();
    }

    @Test
    void aContainerWithANetworkKeepsItsDefaultRouteAndGetsTheNextInterface() {
        TestNs container = namespace();
        container.exec("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other");
        container.exec("ip", "addr", "add", "172.17.0.2/16", "dev", "eth0");
        container.exec("ip", "link", "set", "eth0", "up");
        container.exec("ip", "route", "add", "default", "via", "172.17.0.1");

        Attachment attachment = network.attach(request("cccccccccccc", container, "10.42.1.4"));

        assertThat(attachment.containerInterface()).isEqualTo("eth1");
        assertThat(container.exec("ip", "route"))
                .contains("default via 172.17.0.1 dev eth0")
                .contains("169.254.169.250 via 10.42.1.1 dev eth1")
                .doesNotContain("default via 10.42.1.1");
        assertThat(container.pings("169.254.169.250")).isTrue();
    }

    @Test
    void aNewProcessAdoptsARunningWireWithoutTouchingIt() throws Exception {
        TestNs a = namespace();
        TestNs b = namespace();
        AttachRequest request = request("aaaaaaaaaaaa", a, "10.42.1.2");
        Attachment before = network.attach(request);
        network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));
        assertThat(a.pings("10.42.1.3")).isTrue();
        Process traffic = new ProcessBuilder(a.inside("busybox", "ping", "-c", "30", "-i", "0.05", "10.42.1.3"))
                .redirectErrorStream(true)
                .start();

        network.close();
        network = host.netNs.call(ContainerNetwork::open);
        host.netNs.run(() -> HostNetwork.ensure(SPEC));
        Attachment after = network.attach(request);

        assertThat(after.changed()).isFalse();
        assertThat(after.hostIndex()).isEqualTo(before.hostIndex());
        assertThat(after.containerIndex()).isEqualTo(before.containerIndex());
        assertThat(traffic.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(output(traffic)).contains("30 packets transmitted, 30 packets received, 0% packet loss");
    }

    @Test
    void aHalfMadeWireIsRepaired() {
        TestNs a = namespace();
        AttachRequest request = request("aaaaaaaaaaaa", a, "10.42.1.2");
        Attachment before = network.attach(request);
        host.exec("ip", "link", "set", before.hostInterface(), "nomaster");
        host.exec("ip", "link", "set", before.hostInterface(), "down");
        a.exec("ip", "addr", "flush", "dev", "eth0");
        a.exec("ip", "addr", "add", "10.42.9.9/16", "dev", "eth0");
        a.exec("ip", "link", "set", "eth0", "down");
        a.exec("ip", "link", "set", "eth0", "mtu", "1300");

        Attachment after = network.attach(request);

        assertThat(after.changed()).isTrue();
        assertThat(after.containerIndex()).isEqualTo(before.containerIndex());
        assertThat(a.exec("ip", "-4", "addr", "show", "eth0"))
                .contains("10.42.1.2/16", "mtu 1450")
                .doesNotContain("10.42.9.9");
        assertThat(host.pings("10.42.1.2")).isTrue();
        assertThat(network.attach(request).changed()).isFalse();
    }

    @Test
    void aChangedRequestMovesTheContainer() {
        TestNs a = namespace();
        network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));
        HostNetworkSpec moved = new HostNetworkSpec("drv1042", SUBNET, Cidr.parseAddress("10.42.7.1"), DNS, 1400);
        host.netNs.run(() -> HostNetwork.ensure(moved));
        Mac mac = Mac.random();

        network.attach(new AttachRequest(
                "aaaaaaaaaaaa",
                a.path,
                SUBNET,
                Cidr.parseAddress("10.42.7.2"),
                mac,
                moved.address(),
                DNS,
                "drv1042",
                1400));

        assertThat(a.exec("ip", "route"))
                .contains("default via 10.42.7.1 dev eth0", "169.254.169.250 via 10.42.7.1")
                .doesNotContain("10.42.1.1");
        assertThat(a.exec("ip", "addr", "show", "eth0")).contains(mac.toString(), "10.42.7.2/16", "mtu 1400");
        assertThat(host.exec("ip", "addr", "show", "drv1042"))
                .contains("10.42.7.1/16")
                .doesNotContain("10.42.1.1");
        assertThat(a.pings("169.254.169.250")).isTrue();
    }

    @Test
    void aRestartedContainerGetsAWireIntoItsNewNamespace() {
        TestNs before = namespace();
        TestNs after = namespace();
        network.attach(request("aaaaaaaaaaaa", before, "10.42.1.2"));

        network.attach(request("aaaaaaaaaaaa", after, "10.42.1.2"));

        assertThat(after.pings("10.42.1.1")).isTrue();
        assertThat(before.exec("ip", "-o", "link")).doesNotContain("eth0");
    }

    @Test
    void aReusedAddressIsReachableAtOnceAlthoughItsMacIsNew() {
        TestNs a = namespace();
        TestNs b = namespace();
        TestNs c = namespace();
        network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));
        network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));
        assertThat(a.pings("10.42.1.3")).isTrue();
        network.detach("bbbbbbbbbbbb");

        network.attach(request("cccccccccccc", c, "10.42.1.3"));

        assertThat(a.pings("10.42.1.3")).isTrue();
    }

    @Test
    void detachLeavesNothing() {
        TestNs a = namespace();
        network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));

        assertThat(network.detach("aaaaaaaaaaaa")).isTrue();
        assertThat(network.detach("aaaaaaaaaaaa")).isFalse();

        assertThat(network.list()).isEmpty();
        assertThat(a.exec("ip", "-o", "link").lines()).noneMatch(line -> line.contains("eth"));
        assertThat(a.exec("ip", "route")).isBlank();
    }

    @Test
    void pruningTakesOutWhatNoContainerOwns() {
        TestNs a = namespace();
        TestNs b = namespace();
        network.attach(request("aaaaaaaaaaaa", a, "10.42.1.2"));
        Attachment live = network.attach(request("bbbbbbbbbbbb", b, "10.42.1.3"));

        assertThat(network.list())
                .contains(new HostEnd("bbbbbbbbbbbb", live.hostInterface(), live.hostIndex(), "drv1042"))
                .hasSize(2);
        assertThat(network.prune("drv1042", Set.of("bbbbbbbbbbbb"))).containsExactly("aaaaaaaaaaaa");
        assertThat(network.prune("drv1042", Set.of("bbbbbbbbbbbb"))).isEmpty();
        assertThat(network.list()).extracting(HostEnd::key).containsExactly("bbbbbbbbbbbb");
    }

    @Test
    void theHostsOwnNamespaceIsRefused() {
        assertThatThrownBy(() -> network.attach(request("aaaaaaaaaaaa", host, "10.42.1.2")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("network namespace of container aaaaaaaaaaaa: " + host.path
                        + " is the host's own (expected: one of the container's own)");
    }

    @Test
    void aContainerThatHasGoneIsAClearError() {
        AttachRequest request = new AttachRequest(
                "aaaaaaaaaaaa",
                "/proc/4194305/ns/net",
                SUBNET,
                Cidr.parseAddress("10.42.1.2"),
                Mac.random(),
                SPEC.address(),
                DNS,
                "drv1042",
                1450);

        assertThatThrownBy(() -> network.attach(request))
                .isInstanceOf(SysException.class)
                .hasMessage("open network namespace /proc/4194305/ns/net: No such file or directory");
    }

    @Test
    void attachIsQuick() {
        List<Double> fresh = new ArrayList<>();
        List<Double> adopted = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            AttachRequest request = request("%012d".formatted(i), namespace(), "10.42.1." + (2 + i));
            fresh.add(milliseconds(() -> network.attach(request)));
            adopted.add(milliseconds(() -> network.attach(request)));
        }

        System.out.printf(
                "attach: median %.1f ms, worst %.1f ms; adoption: median %.1f ms, worst %.1f ms%n",
                median(fresh), Collections.max(fresh), median(adopted), Collections.max(adopted));
        assertThat(median(fresh)).isLessThan(1000);
    }

    private static double milliseconds(Runnable task) {
        long start = System.nanoTime();
        task.run();
        return (System.nanoTime() - start) / 1e6;
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }

    private static AttachRequest request(String key, TestNs container, String address) {
        return new AttachRequest(
                key,
                container.path,
                SUBNET,
                Cidr.parseAddress(address),
                Mac.random(),
                SPEC.address(),
                DNS,
                SPEC.bridge(),
                1450);
    }

    private TestNs namespace() {
        TestNs namespace = new TestNs();
        namespaces.add(namespace);
        return namespace;
    }

    private static String output(Process process) throws IOException {
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
}
