package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.GroupPolicy.Between;
import dev.drover.dataplane.GroupPolicy.Linked;
import dev.drover.dataplane.GroupPolicy.Same;
import dev.drover.dataplane.Mac;
import dev.drover.overlay.NetworkPolicy.Link;
import dev.drover.overlay.NetworkPolicy.Member;
import dev.drover.overlay.NetworkPolicy.Rule;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A policy on two hosts: {@code web} and {@code near} on the first, {@code far} on the second. */
@Tag("root")
@Timeout(120)
class NetworkPolicyTest {
    private static final String WEB = "10.42.1.2";
    private static final String NEAR = "10.42.1.3";
    private static final String FAR = "10.42.2.2";
    private static final List<Cidr> SUBNETS = List.of(Cidr.parse("10.42.0.0/16"));
    private static final Rule WITHIN = new Rule(new Same(0, true), "within stack: allow");

    private TwoHosts hosts;
    private TestNs near;
    private PolicyEnforcer first;
    private PolicyEnforcer second;

    @BeforeEach
    void threeContainers() {
        hosts = new TwoHosts();
        hosts.two.drover(Mode.GSO);
        hosts.one.drover(Mode.GSO);
        near = new TestNs();
        plug("v1", near, NEAR);
        for (TestNs ns : List.of(hosts.one.host, hosts.two.host, hosts.one.container, hosts.two.container, near)) {
            ns.exec("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"); // counted as dropped
        }
        first = hosts.one.host.netNs.call(PolicyEnforcer::new);
        second = hosts.two.host.netNs.call(PolicyEnforcer::new);
        await().atMost(Duration.ofSeconds(20)).until(() -> hosts.one.container.pings(FAR));
    }

    @AfterEach
    void close() {
        first.close();
        second.close();
        near.close();
        hosts.close();
    }

    private void plug(String port, TestNs container, String address) {
        hosts.one.ip("link add eth0 netns " + container.name + " mtu 1450 type veth peer name " + port);
        hosts.one.ip("link set " + port + " mtu 1450 master br0 up");
        container.exec("ip", "link", "set", "eth0", "up");
        container.exec("ip", "address", "add", address + "/16", "dev", "eth0");
    }

    private void apply(NetworkPolicy policy) {
        first.apply(policy, "br0", "drt42");
        second.apply(policy, "br0", "drt42");
    }

    private static NetworkPolicy policy(boolean byDefault, List<Rule> rules, String web, String near, String far) {
        Map<Integer, Member> members = new HashMap<>();
        member(members, WEB, "web", web);
        member(members, NEAR, "near", near);
        member(members, FAR, "far", far);
        return new NetworkPolicy(byDefault, SUBNETS, List.of("from", "to"), rules, members);
    }

    /** @param groups one of each kind, with commas */
    private static void member(Map<Integer, Member> members, String address, String name, String groups) {
        members.put(Cidr.parseAddress(address), new Member(name, false, List.of(groups.split(",", -1))));
    }

    private boolean webReachesNear() {
        return hosts.one.container.pings(NEAR);
    }

    private boolean webReachesFar() {
        return hosts.one.container.pings(FAR);
    }

    @Test
    void theSameGroupSpeaksHereAndAcrossHostsAndOthersDoNot() {
        apply(policy(false, List.of(WITHIN), "shop,", "shop,", "shop,"));
        assertThat(webReachesNear()).isTrue();
        assertThat(webReachesFar()).isTrue();
        assertThat(first.drops() + second.drops()).isZero();

        apply(policy(false, List.of(WITHIN), "shop,", "bank,", "bank,"));
        assertThat(webReachesNear()).isFalse();
        assertThat(webReachesFar()).isFalse();
        assertThat(first.drops()).isPositive();
        assertThat(second.drops()).as("where the packet ends").isPositive();
        assertThat(near.pings(FAR)).as("both in the bank").isTrue();
    }

    @Test
    void rulesMayDenyWhatTheDefaultAllows() {
        Rule deny = new Rule(new Between(0, 0, false), "between role=web: deny");
        apply(policy(true, List.of(deny), "web,", "web,", ","));
        assertThat(webReachesNear()).isFalse();
        assertThat(webReachesFar()).isTrue();
        Rule allow = new Rule(new Same(1, true), "within stack: allow");
        apply(policy(true, List.of(allow, deny), "web,s", "web,s", ",s"));
        assertThat(webReachesNear()).as("the first rule that fits decides").isTrue();
    }

    @Test
    void aContainerThatNobodyKnowsIsTreatedByDefault() {
        apply(policy(false, List.of(WITHIN), "shop,", "shop,", "shop,"));
        try (TestNs stranger = new TestNs()) {
            plug("v2", stranger, "10.42.1.9");
            await().atMost(Duration.ofSeconds(10))
                    .untilAsserted(() -> assertThat(hosts.one.host.exec("tc", "filter", "show", "dev", "v2", "egress"))
                            .contains("drover_policy"));
            assertThat(stranger.pings(WEB)).isFalse();
            assertThat(stranger.pings(FAR)).isFalse();
            assertThat(hosts.one.container.pings("10.42.1.9")).isFalse();
            NetworkPolicy known = policy(false, List.of(WITHIN), "shop,", "shop,", "shop,");
            Map<Integer, Member> members = new HashMap<>(known.members());
            member(members, "10.42.1.9", "stranger", "shop,");
            apply(new NetworkPolicy(false, SUBNETS, known.kinds(), known.rules(), members));
            assertThat(stranger.pings(WEB)).isTrue();
            assertThat(stranger.pings(FAR)).isTrue();
            apply(known);
            assertThat(stranger.pings(WEB))
                    .as("it has gone, as far as is known")
                    .isFalse();
            assertThat(webReachesFar()).isTrue();
        }
    }

    private static NetworkPolicy oneWay() {
        Rule rule = new Rule(new Between(0, 1, true), "from role=web to role=db: allow");
        return policy(false, List.of(rule), "web,", ",", ",db");
    }

    @Test
    void aOneWayRuleLetsAnswersThroughAndConnectionsOnlyFromOneEnd() throws Exception {
        apply(oneWay());
        assertThat(webReachesFar()).isTrue();
        assertThat(hosts.two.container.pings(WEB)).isFalse();
        assertThat(connects(hosts.one.container, hosts.two.container, FAR)).isTrue();
        assertThat(connects(hosts.two.container, hosts.one.container, WEB)).isFalse();
        assertThat(datagramIsAnswered(hosts.one.container, hosts.two.container, FAR))
                .isTrue();
        assertThat(datagramIsAnswered(hosts.two.container, hosts.one.container, WEB))
                .isFalse();
    }

    /** Web with web, near and far as the links say; {@code near} is called cache, {@code far} db. */
    private static NetworkPolicy linked(Link... links) {
        Rule rule = new Rule(new Linked(0, true), "within linked: allow");
        NetworkPolicy policy = policy(false, List.of(rule), "web", "cache", "db");
        return new NetworkPolicy(
                false, policy.subnets(), policy.kinds(), policy.rules(), policy.members(), Set.of(links));
    }

    @Test
    void linksLetBeginFromOneEndHereAndAcrossHosts() throws Exception {
        apply(linked(new Link("web", "db"), new Link("web", "cache")));
        for (TestNs server : List.of(hosts.two.container, near)) {
            String address = server == near ? NEAR : FAR;
            assertThat(connects(hosts.one.container, server, address)).isTrue();
            assertThat(datagramIsAnswered(hosts.one.container, server, address)).isTrue();
            assertThat(hosts.one.container.pings(address)).isTrue();
            assertThat(server.pings(WEB)).isFalse();
        }
        assertThat(connects(near, hosts.one.container, WEB)).isFalse();
        assertThat(datagramIsAnswered(hosts.two.container, hosts.one.container, WEB))
                .isFalse();
        assertThat(near.pings(FAR)).as("both linked to, not to one another").isFalse();
    }

    @Test
    void linksChangeUnderTrafficWithoutLossOfWhatStaysLinked() throws Exception {
        apply(linked(new Link("web", "db"), new Link("web", "cache")));
        Process local = ping(NEAR);
        Process remote = ping(FAR);
        int changes = 0;
        for (; changes < 40 && local.isAlive(); changes++) {
            apply(
                    changes % 2 == 0
                            ? linked(new Link("web", "db"), new Link("web", "cache"), new Link("db", "cache"))
                            : linked(new Link("web", "cache"), new Link("cache", "db"), new Link("web", "db")));
        }
        assertThat(changes).isEqualTo(40);
        allAnswered(local, remote);
        assertThat(first.drops() + second.drops()).isZero();
        apply(linked(new Link("web", "cache")));
        assertThat(webReachesFar()).as("the link is gone").isFalse();
        assertThat(webReachesNear()).isTrue();
        apply(linked(new Link("web", "db")));
        assertThat(webReachesFar()).as("it is back").isTrue();
        assertThat(webReachesNear()).isFalse();
    }

    private static boolean connects(TestNs client, TestNs server, String address) throws IOException {
        try (ServerSocket listening = server.netNs.call(() -> listen(address));
                Socket socket = client.netNs.call(NetworkPolicyTest::socket)) {
            socket.connect(new InetSocketAddress(address, listening.getLocalPort()), 1_500);
            try (Socket accepted = listening.accept()) {
                accepted.getOutputStream().write(7);
                return socket.getInputStream().read() == 7;
            }
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    /** Bound to a local address, so that the socket is made on this thread and in its namespace. */
    private static Socket socket() {
        try {
            Socket socket = new Socket();
            socket.bind(new InetSocketAddress(InetAddress.ofLiteral("0.0.0.0"), 0));
            return socket;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static ServerSocket listen(String address) {
        try {
            return new ServerSocket(0, 5, InetAddress.ofLiteral(address));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static DatagramSocket datagramSocket() {
        try {
            return new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral("0.0.0.0"), 0));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean datagramIsAnswered(TestNs client, TestNs server, String address) throws IOException {
        try (DatagramSocket serving = server.netNs.call(NetworkPolicyTest::datagramSocket);
                DatagramSocket asking = client.netNs.call(NetworkPolicyTest::datagramSocket)) {
            byte[] text = "question".getBytes(StandardCharsets.US_ASCII);
            asking.send(new DatagramPacket(text, text.length, InetAddress.ofLiteral(address), serving.getLocalPort()));
            DatagramPacket received = new DatagramPacket(new byte[100], 100);
            serving.setSoTimeout(1_500);
            serving.receive(received);
            serving.send(new DatagramPacket(text, text.length, received.getSocketAddress()));
            asking.setSoTimeout(1_500);
            asking.receive(new DatagramPacket(new byte[100], 100));
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    @Test
    void theRulesChangeUnderTrafficWithoutLossOfWhatStaysAllowed() throws Exception {
        apply(policy(false, List.of(WITHIN), "shop,", "shop,", "shop,"));
        Process local = ping(NEAR);
        Process remote = ping(FAR);
        int changes = 0;
        for (; changes < 40 && local.isAlive(); changes++) {
            List<Rule> rules = changes % 2 == 0
                    ? List.of(new Rule(new Same(1, false), "within tier: deny"), WITHIN)
                    : List.of(WITHIN, new Rule(new Between(0, 1, changes % 4 == 1), "from to"));
            apply(policy(changes % 3 == 0, rules, "shop,a", "shop,b", "shop,c"));
        }
        assertThat(changes).isEqualTo(40);
        allAnswered(local, remote);
        assertThat(first.drops() + second.drops()).isZero();
    }

    private static void allAnswered(Process... pings) throws Exception {
        for (Process traffic : pings) {
            assertThat(traffic.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(new String(traffic.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .contains("200 packets transmitted, 200 packets received, 0% packet loss");
        }
    }

    private Process ping(String address) throws IOException {
        return new ProcessBuilder(hosts.one.container.inside("busybox", "ping", "-c", "200", "-i", "0.02", address))
                .redirectErrorStream(true)
                .start();
    }

    @Test
    void thePolicyHoldsWithoutANodeAndIsTakenOverByTheNext() throws Exception {
        apply(oneWay());
        try (ServerSocket listening = hosts.two.container.netNs.call(() -> listen(FAR));
                Socket socket = hosts.one.container.netNs.call(NetworkPolicyTest::socket)) {
            socket.connect(new InetSocketAddress(FAR, listening.getLocalPort()), 5_000);
            try (Socket accepted = listening.accept()) {
                first.close();
                second.close();
                assertThat(near.pings(WEB)).as("no process").isFalse();
                assertThat(hosts.two.container.pings(WEB)).isFalse();
                assertThat(webReachesFar()).isTrue();

                first = hosts.one.host.netNs.call(PolicyEnforcer::new);
                second = hosts.two.host.netNs.call(PolicyEnforcer::new);
                apply(oneWay());
                accepted.getOutputStream().write(7);
                socket.setSoTimeout(5_000);
                assertThat(socket.getInputStream().read())
                        .as("the silent end's conversation is known to the next process")
                        .isEqualTo(7);
                assertThat(near.pings(WEB)).isFalse();
            }
        }
        first.close();
        first = hosts.one.host.netNs.call(PolicyEnforcer::new);
        first.apply(null, "br0", "drt42");
        second.apply(null, "br0", "drt42");
        assertThat(near.pings(WEB))
                .as("without a policy, of which the process before had one")
                .isTrue();
        assertThat(hosts.two.container.pings(WEB)).isTrue();
        assertThat(hosts.one.host.exec("tc", "filter", "show", "dev", "v0", "egress"))
                .isBlank();
        assertThat(hosts.one.host.exec("tc", "filter", "show", "dev", "v0", "ingress"))
                .isBlank();
    }

    @Test
    void whoPausedForAnotherProcessBeginsAgain() {
        NetworkPolicy open = policy(false, List.of(WITHIN), "shop,", "shop,", "shop,");
        NetworkPolicy shut = policy(false, List.of(WITHIN), "shop,", "bank,", "shop,");
        first.apply(open, "br0", "drt42");
        first.pause();
        try (PolicyEnforcer other = hosts.one.host.netNs.call(PolicyEnforcer::new)) {
            other.apply(shut, "br0", "drt42");
            assertThat(webReachesNear()).isFalse();
        }
        first.apply(open, "br0", "drt42");
        assertThat(webReachesNear()).isTrue();
    }

    @Test
    void deniedNowEndsWhatWasEstablished() throws Exception {
        apply(oneWay());
        try (ServerSocket listening = hosts.two.container.netNs.call(() -> listen(FAR));
                Socket socket = hosts.one.container.netNs.call(NetworkPolicyTest::socket)) {
            socket.connect(new InetSocketAddress(FAR, listening.getLocalPort()), 5_000);
            try (Socket accepted = listening.accept()) {
                apply(policy(false, List.of(), "web,", ",", ",db"));
                accepted.getOutputStream().write(7);
                socket.setSoTimeout(1_000);
                int got;
                try {
                    got = socket.getInputStream().read();
                } catch (SocketTimeoutException e) {
                    got = -2;
                }
                assertThat(got).isEqualTo(-2);
            }
        }
    }

    @Test
    void aContainerIsHeldBeforeItsWireIsPluggedIn() {
        apply(policy(false, List.of(WITHIN), "shop,", "bank,", ","));
        Cidr subnet = SUBNETS.getFirst();
        try (TestNs container = new TestNs();
                ContainerNetwork network = hosts.one.host.netNs.call(() -> ContainerNetwork.open(index -> {
                    first.hold(index);
                    assertThat(hosts.one.host.exec("ip", "-o", "link", "show", "drvaaaaaaaaaaaa"))
                            .doesNotContain("master");
                    assertThat(hosts.one.host.exec("tc", "filter", "show", "dev", "drvaaaaaaaaaaaa", "egress"))
                            .contains("drover_policy");
                }))) {
            network.attach(new AttachRequest(
                    "aaaaaaaaaaaa",
                    container.path,
                    subnet,
                    Cidr.parseAddress("10.42.1.4"),
                    Mac.random(),
                    Cidr.parseAddress("10.42.1.1"),
                    Cidr.parseAddress("169.254.169.250"),
                    "br0",
                    1450));
            assertThat(hosts.one.container.pings("10.42.1.4")).isFalse();
            assertThat(first.drops()).isPositive();
        }
    }

    @Test
    void itIsExplained() {
        NetworkPolicy policy = oneWay();
        int web = Cidr.parseAddress(WEB);
        int far = Cidr.parseAddress(FAR);
        assertThat(policy.explain(web, far))
                .isEqualTo(new NetworkPolicy.Finding(
                        true,
                        false,
                        "web (10.42.1.2) to far (10.42.2.2): allowed by rule 1, from role=web to role=db: allow"));
        assertThat(policy.explain(far, web))
                .isEqualTo(new NetworkPolicy.Finding(
                        false,
                        true,
                        "far (10.42.2.2) to web (10.42.1.2): no rule fits, denied by default; what answers 10.42.1.2"
                                + " passes, it may begin the conversation"));
        assertThat(policy.explain(Cidr.parseAddress("10.42.9.9"), far).reason())
                .isEqualTo("10.42.9.9 to far (10.42.2.2): an unknown address, denied by default");
        assertThat(policy.explain(Cidr.parseAddress("192.0.2.9"), far).allowed())
                .isTrue();
    }
}
