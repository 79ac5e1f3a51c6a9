package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("root")
@Timeout(60)
class RtnetlinkTest {
    private TestNs ns;
    private Rtnetlink rtnetlink;

    @BeforeEach
    void open() {
        ns = new TestNs();
        rtnetlink = Rtnetlink.open(ns.netNs);
    }

    @AfterEach
    void close() {
        rtnetlink.close();
        ns.close();
    }

    @Test
    void aNewNamespaceHasALoopbackThatIsDown() {
        Link lo = rtnetlink.links().get("lo");

        assertThat(lo.index()).isEqualTo(1);
        assertThat(lo.up()).isFalse();
        assertThat(rtnetlink.links().list()).extracting(Link::name).contains("lo");
        assertThat(rtnetlink.links().find(1)).contains(lo);
        assertThat(rtnetlink.links().find("none")).isEmpty();
        assertThat(rtnetlink.links().find(4711)).isEmpty();
    }

    @Test
    void aBridgeForwardsAtOnceAndEverything() {
        Mac mac = Mac.random();
        rtnetlink.links().createBridge("br", mac, 1400);

        JsonNode shown = ns.ip("link", "show", "br").get(0);
        JsonNode data = shown.get("linkinfo").get("info_data");
        assertThat(shown.get("mtu").asInt()).isEqualTo(1400);
        assertThat(shown.get("address").asText()).isEqualTo(mac.toString());
        assertThat(data.get("stp_state").asInt()).isZero();
        assertThat(data.get("forward_delay").asInt()).isZero();

        assertThat(data.get("mcast_snooping").asInt()).isZero();
    }

    @Test
    void ensuringABridgeTwiceKeepsIt() {
        Link first = rtnetlink.links().ensureBridge("br", 1450);
        Link second = rtnetlink.links().ensureBridge("br", 1400);

        assertThat(first.up()).isTrue();
        assertThat(second.index()).isEqualTo(first.index());
        assertThat(second.mac()).isEqualTo(first.mac());
        assertThat(second.mtu()).isEqualTo(1400);
    }

    @Test
    void ensuringABridgeWhoseNameIsTakenSaysSo() {
        veth("br");

        assertThatThrownBy(() -> rtnetlink.links().ensureBridge("br", 1450))
                .hasMessage("interface br: veth (expected: a bridge)");
    }

    @Test
    void aVethPairSpansTwoNamespaces() {
        try (TestNs other = new TestNs();
                Rtnetlink there = Rtnetlink.open(other.netNs)) {
            VethSpec spec = new VethSpec("near", Mac.random(), other.netNs, "far", Mac.random(), 1450, 61440, 44);
            Link near = rtnetlink.links().createVeth(spec);
            Link far = there.links().get("far");

            assertThat(near.kind()).isEqualTo("veth");
            assertThat(near.mac()).isEqualTo(spec.mac());
            assertThat(near.mtu()).isEqualTo(1450);
            assertThat(near.peerIndex()).isEqualTo(far.index());
            assertThat(far.peerIndex()).isEqualTo(near.index());
            JsonNode shown = other.ip("link", "show", "far").get(0);
            assertThat(shown.get("address").asText()).isEqualTo(spec.peerMac().toString());
            assertThat(shown.get("mtu").asInt()).isEqualTo(1450);
            assertThat(shown.get("gso_max_size").asInt()).isEqualTo(61440).isEqualTo(far.gsoMaxSizeBytes());
            assertThat(shown.get("gso_max_segs").asInt()).isEqualTo(44).isEqualTo(far.gsoMaxSegments());
            assertThat(rtnetlink.links().delete("near")).isTrue();
            assertThat(rtnetlink.links().delete("near")).isFalse();
            assertThat(there.links().find("far")).isEmpty();
        }
    }

    @Test
    void aLinkIsChangedInPlace() {
        Link link = veth("d0");
        Link bridge = rtnetlink.links().ensureBridge("br", 1450);
        Mac mac = Mac.random();

        rtnetlink.links().setMtu(link.index(), 1300);
        rtnetlink.links().setMac(link.index(), mac);
        rtnetlink.links().setGsoMax(link.index(), 30000, 20);
        rtnetlink.links().setAlias(link.index(), "of a test");
        rtnetlink.links().rename(link.index(), "d1");
        rtnetlink.links().setUp(link.index());
        rtnetlink.links().setMaster(link.index(), bridge.index());

        Link changed = rtnetlink.links().get("d1");
        assertThat(changed.index()).isEqualTo(link.index());
        assertThat(changed.mac()).isEqualTo(mac);
        assertThat(changed.alias()).isEqualTo("of a test");
        JsonNode shown = ns.ip("link", "show", "d1").get(0);
        assertThat(shown.get("mtu").asInt()).isEqualTo(1300).isEqualTo(changed.mtu());
        assertThat(shown.get("master").asText()).isEqualTo("br");
        assertThat(shown.get("gso_max_segs").asInt()).isEqualTo(20);
        assertThat(changed.master()).isEqualTo(bridge.index());
        assertThat(changed.up()).isTrue();
        rtnetlink.links().setMaster(link.index(), 0);
        rtnetlink.links().setDown(link.index());
        assertThat(rtnetlink.links().get("d1").master()).isZero();
        assertThat(rtnetlink.links().get("d1").up()).isFalse();
    }

    @Test
    void aPortOfABridgeHasNoAddressOfItsOwn() {
        Link bridge = rtnetlink.links().ensureBridge("br", 1450);
        Link link = veth("d0");

        rtnetlink.links().setPort(link.index(), bridge.index());

        Link port = rtnetlink.links().get("d0");
        assertThat(port.master()).isEqualTo(bridge.index());
        assertThat(port.up()).isTrue();
        assertThat(rtnetlink.addresses().list(link.index())).isEmpty();
    }

    @Test
    void aLinkMovesToAnotherNamespace() {
        try (TestNs other = new TestNs();
                Rtnetlink there = Rtnetlink.open(other.netNs)) {
            Link link = veth("d0");

            rtnetlink.links().move(link.index(), other.netNs);

            assertThat(rtnetlink.links().find("d0")).isEmpty();
            assertThat(there.links().find("d0")).isPresent();
        }
    }

    @Test
    void addressesAreAddedListedAndDeleted() {
        Link link = veth("d0");
        InetAddress v4 = Inet4Address.ofLiteral("10.42.1.1");
        InetAddress v6 = Inet6Address.ofLiteral("fd00:42::1");

        assertThat(rtnetlink.addresses().ensure(link.index(), v4, 16)).isTrue();
        assertThat(rtnetlink.addresses().ensure(link.index(), v4, 16)).isFalse();
        assertThat(rtnetlink.addresses().ensure(link.index(), v6, 64)).isTrue();

        assertThat(rtnetlink.addresses().list(link.index()))
                .contains(
                        new LinkAddress(link.index(), v4, 16, Route.SCOPE_UNIVERSE),
                        new LinkAddress(link.index(), v6, 64, Route.SCOPE_UNIVERSE));
        JsonNode info =
                ns.ip("-4", "addr", "show", "d0").get(0).get("addr_info").get(0);
        assertThat(info.get("local").asText()).isEqualTo("10.42.1.1");
        assertThat(info.get("prefixlen").asInt()).isEqualTo(16);
        assertThat(info.get("broadcast").asText()).isEqualTo("10.42.255.255");
        assertThat(rtnetlink.addresses().delete(link.index(), v4, 16)).isTrue();
        assertThat(rtnetlink.addresses().delete(link.index(), v4, 16)).isFalse();
        assertThat(rtnetlink.addresses().delete(link.index(), v6, 64)).isTrue();
    }

    @Test
    void routesAreAddedReplacedListedAndDeleted() {
        Link link = veth("d0");
        Inet4Address gateway = Cidr.toInet(Cidr.parseAddress("10.42.1.1"));
        Inet4Address other = Cidr.toInet(Cidr.parseAddress("10.42.1.9"));
        rtnetlink.addresses().ensure(link.index(), Inet4Address.ofLiteral("10.42.1.2"), 16);
        Route dns = Route.via(Inet4Address.ofLiteral("169.254.169.250"), 32, gateway, link.index());
        Route standard = Route.defaultVia(gateway, link.index());

        assertThat(rtnetlink.routes().add(dns)).isTrue();
        assertThat(rtnetlink.routes().add(dns)).isFalse();
        assertThat(rtnetlink.routes().add(standard)).isTrue();
        rtnetlink.routes().replace(Route.defaultVia(other, link.index()));

        List<Route> routes = rtnetlink.routes().listV4();
        assertThat(routes).anyMatch(dns::leadsAs).anyMatch(Route.defaultVia(other, link.index())::leadsAs);
        assertThat(routes).filteredOn(Route::isDefault).hasSize(1);
        assertThat(routes).anyMatch(Route.onLink(Inet4Address.ofLiteral("10.42.0.0"), 16, link.index())::leadsAs);
        assertThat(texts(ns.ip("route"), "dst"))
                .containsExactlyInAnyOrder("default", "10.42.0.0/16", "169.254.169.250");
        assertThat(rtnetlink.routes().delete(dns)).isTrue();
        assertThat(rtnetlink.routes().delete(dns)).isFalse();
    }

    @Test
    void aGatewayOutsideThePrefixNeedsOnLink() {
        Link link = veth("d0");
        rtnetlink.addresses().ensure(link.index(), Inet4Address.ofLiteral("10.42.1.2"), 16);
        Route route =
                Route.via(Inet4Address.ofLiteral("10.43.0.0"), 16, Inet4Address.ofLiteral("192.0.2.1"), link.index());

        assertThatThrownBy(() -> rtnetlink.routes().add(route))
                .isInstanceOf(SysException.class)
                .hasMessageContaining("add route 10.43.0.0/16 (Nexthop has invalid gateway)");
        assertThat(rtnetlink.routes().add(route.withOnLink())).isTrue();

        assertThat(ns.ip("route", "show", "10.43.0.0/16").get(0).get("flags").toString())
                .contains("onlink");
        assertThat(rtnetlink.routes().listV4()).filteredOn(route::leadsAs).allMatch(Route::onLink);
    }

    @Test
    void ipv6RoutesWorkAlike() {
        Link link = veth("d0");
        Route route = Route.onLink(Inet6Address.ofLiteral("fd00:43::"), 48, link.index());

        assertThat(rtnetlink.routes().add(route)).isTrue();

        assertThat(rtnetlink.routes().list()).anyMatch(route::leadsAs);
        assertThat(rtnetlink.routes().delete(route)).isTrue();
    }

    @Test
    void neighboursAreReplacedListedAndDeleted() {
        Link bridge = rtnetlink.links().ensureBridge("br", 1450);
        InetAddress address = Inet4Address.ofLiteral("10.42.1.7");
        Mac mac = Mac.random();

        rtnetlink.neighbours().replace(bridge.index(), address, Mac.random(), Neigh.PERMANENT);
        rtnetlink.neighbours().replace(bridge.index(), address, mac, Neigh.PERMANENT);

        assertThat(rtnetlink.neighbours().list(bridge.index())).anySatisfy(neigh -> {
            assertThat(neigh.address()).isEqualTo(address);
            assertThat(neigh.mac()).isEqualTo(mac);
            assertThat(neigh.state()).isEqualTo(Neigh.PERMANENT);
        });
        assertThat(ns.ip("neigh").get(0).get("lladdr").asText()).isEqualTo(mac.toString());
        assertThat(rtnetlink.neighbours().delete(bridge.index(), address)).isTrue();
        assertThat(rtnetlink.neighbours().delete(bridge.index(), address)).isFalse();
    }

    @Test
    void forwardingEntriesOfABridgeAreReplacedListedAndDeleted() {
        Link bridge = rtnetlink.links().ensureBridge("br", 1450);
        Link port = veth("d0");
        rtnetlink.links().setPort(port.index(), bridge.index());
        Mac mac = Mac.random();

        rtnetlink.neighbours().replaceFdb(port.index(), mac);

        assertThat(rtnetlink.neighbours().fdb(bridge.index()))
                .anyMatch(neigh -> mac.equals(neigh.mac()) && neigh.linkIndex() == port.index());
        assertThat(texts(ns.bridge("fdb", "show", "br", "br"), "mac")).contains(mac.toString());
        assertThat(rtnetlink.neighbours().deleteFdb(port.index(), mac)).isTrue();
        assertThat(rtnetlink.neighbours().deleteFdb(port.index(), mac)).isFalse();
    }

    @Test
    void aRefusalSaysWhatAndWhy() {
        Link link = veth("d0");

        assertThatThrownBy(() -> rtnetlink.links().setMtu(link.index(), 10))
                .isInstanceOfSatisfying(
                        SysException.class, e -> assertThat(e.errno()).isEqualTo(Sys.EINVAL))
                .hasMessage("set mtu 10 of link " + link.index() + " (mtu less than device minimum): Invalid argument");
        assertThatThrownBy(() -> rtnetlink.links().createBridge("longer-than-15-bytes", Mac.random(), 1450))
                .hasMessage("interface name: longer-than-15-bytes (expected: 1 to 15 bytes)");
        assertThatThrownBy(() -> rtnetlink.links().get("absent")).hasMessage("get link absent: No such device");
    }

    @Test
    void aDumpOfManyLinksIsWhole() {
        for (int i = 0; i < 150; i++) {
            veth("d" + i);
        }

        assertThat(rtnetlink.links().list())
                .extracting(Link::name)
                .filteredOn(name -> name.startsWith("d"))
                .hasSize(300)
                .doesNotHaveDuplicates();
    }

    /** A veth pair within the namespace, this end up; the other end's name has a p at its end. */
    private Link veth(String name) {
        Link link = rtnetlink
                .links()
                .createVeth(new VethSpec(name, Mac.random(), ns.netNs, name + "p", Mac.random(), 1450, 61440, 44));
        rtnetlink.links().setUp(link.index());
        return link;
    }

    private static List<String> texts(JsonNode array, String field) {
        return StreamSupport.stream(array.spliterator(), false)
                .map(node -> node.get(field).asText())
                .toList();
    }
}
