package dev.drover.node.mapping;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.controlplane.model.LbLimit;
import dev.drover.dataplane.Cidr;
import dev.drover.lb.AccessLogConfig;
import dev.drover.lb.Balance;
import dev.drover.lb.HealthCheckConfig;
import dev.drover.lb.LimitsConfig;
import dev.drover.lb.LoadBalancer;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.RouteConfig;
import dev.drover.lb.StickyConfig;
import dev.drover.lb.TargetConfig;
import dev.drover.lb.TargetProtocol;
import dev.drover.lb.TargetTlsConfig;
import dev.drover.lb.TlsConfig;
import dev.drover.overlay.Encryption;
import dev.drover.overlay.Mode;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class TablesTest {
    private static final Tables.Host HOST = new Tables.Host(
            new HostIdentity(
                    "h1", "host1", "e1", "test", "10.42.1.0/24", "10.42.0.0/16", 1042, 4789, "rancher.internal"),
            inet("192.0.2.11"),
            Mode.AUTO,
            List.of(Tables.socketAddress("192.0.2.53:53")));

    private static Inet4Address inet(String address) {
        return Cidr.toInet(Cidr.parseAddress(address));
    }

    private static DesiredItem.Listener listener(DesiredItem.Target... targets) {
        return new DesiredItem.Listener("web", 9898, "http", "round-robin", List.of(targets));
    }

    /** What everybody sees, for names with addresses or none. */
    private static Map<String, List<InetAddress>> addresses(Tables tables) {
        Map<String, List<InetAddress>> addresses = new HashMap<>();
        tables.dns().names().common().forEach((name, data) -> addresses.put(name, data.addresses()));
        return addresses;
    }

    @Test
    void mapsPeersNeighboursNamesAndListeners() {
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "peer/h2", new DesiredItem.Peer("h2", "192.0.2.12", "10.42.2.0/24"),
                        "neighbour/10.42.2.2", new DesiredItem.Neighbour("10.42.2.2", "02:00:00:00:00:01", "h2", 7),
                        "name/web.hello", new DesiredItem.Name("web.hello", List.of("10.42.2.2")),
                        "listener/s/9898", listener(new DesiredItem.Target("i1", "10.42.2.2:8000", false))),
                List.of());
        assertThat(tables.problems()).isEmpty();
        assertThat(tables.overlay().bridge()).isEqualTo("drv1042");
        assertThat(tables.overlay().local().block()).isEqualTo(Cidr.parse("10.42.1.0/24"));
        assertThat(tables.overlay().peers()).hasSize(1);
        assertThat(tables.overlay().neighbours().getFirst().vtep()).isEqualTo(inet("192.0.2.12"));
        assertThat(tables.dns().binds()).containsExactly(Tables.socketAddress("169.254.169.250:53"));
        assertThat(addresses(tables)).containsEntry("web.hello", List.of(inet("10.42.2.2")));
        assertThat(tables.lb().listeners().getFirst().protocol()).isEqualTo(Protocol.HTTP);
        assertThat(tables.lb().listeners().getFirst().bind()).isEqualTo(Tables.socketAddress("0.0.0.0:9898"));
    }

    @Test
    void mapsRoutesOfAListener() {
        DesiredItem.Target heavy = new DesiredItem.Target("i1", "10.42.2.2:8000", false, 9);
        DesiredItem.Target going = new DesiredItem.Target("i2", "10.42.2.3:8000", true);
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "listener/s/80",
                        new DesiredItem.Listener(
                                "web",
                                80,
                                "http",
                                "least-connections",
                                List.of(),
                                List.of(
                                        new DesiredItem.Route("*.example.com", "/x", 3, "shop", List.of(heavy)),
                                        new DesiredItem.Route(null, null, null, null, List.of(going))))),
                List.of());
        assertThat(tables.problems()).isEmpty();
        assertThat(LoadBalancer.check(tables.lb())).isEmpty();
        List<RouteConfig> routes = tables.lb().listeners().getFirst().routes();
        assertThat(routes.get(0).conditions()).isEqualTo("*.example.com/x");
        assertThat(routes.get(0).priority()).isEqualTo(3);
        assertThat(routes.get(0).pool().name()).isEqualTo("listener/s/80 *.example.com/x 3");
        assertThat(routes.get(0).pool().sticky()).isEqualTo(StickyConfig.cookie("shop"));
        assertThat(routes.get(0).pool().balance()).isEqualTo(Balance.LEAST_CONNECTIONS);
        assertThat(routes.get(0).pool().targets())
                .containsExactly(new TargetConfig(Tables.socketAddress("10.42.2.2:8000"), false, 9, 0, "i1"));
        assertThat(routes.get(1).conditions()).isEqualTo("*");
        assertThat(tables.draining()).containsEntry("i2", Set.of(Tables.socketAddress("10.42.2.3:8000")));
    }

    @Test
    void mapsTlsThatEndsAtTheTargets() {
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "listener/s/443",
                        new DesiredItem.Listener(
                                "web",
                                443,
                                "sni",
                                "round-robin",
                                List.of(),
                                List.of(new DesiredItem.Route("*.example.com", null, 3, null, List.of())))),
                List.of());
        assertThat(tables.problems()).isEmpty();
        assertThat(LoadBalancer.check(tables.lb())).isEmpty();
        assertThat(tables.lb().listeners().getFirst().protocol()).isEqualTo(Protocol.TLS);
        assertThat(tables.lb().listeners().getFirst().routes().getFirst().host())
                .isEqualTo("*.example.com");
    }

    @Test
    void mapsUdp() {
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "listener/s/53",
                        new DesiredItem.Listener(
                                "dns",
                                53,
                                "udp",
                                "maglev",
                                List.of(new DesiredItem.Target("i1", "10.42.2.2:5353", false)))),
                List.of());
        assertThat(tables.problems()).isEmpty();
        assertThat(LoadBalancer.check(tables.lb())).isEmpty();
        assertThat(tables.lb().listeners().getFirst().protocol()).isEqualTo(Protocol.UDP);
    }

    @Test
    void mapsGrpcToHttp2WithClientsAndTargets() {
        DesiredItem.Target target = new DesiredItem.Target("i1", "10.42.2.2:50051", false);
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "listener/s/1",
                        new DesiredItem.Listener("all", 1, "grpc", "round-robin", List.of(target)),
                        "listener/s/2",
                        new DesiredItem.Listener(
                                "some",
                                2,
                                "grpc",
                                "round-robin",
                                List.of(),
                                List.of(new DesiredItem.Route(null, "/shop.Cart", null, null, List.of(target))))),
                List.of());
        assertThat(tables.problems()).isEmpty();
        assertThat(LoadBalancer.check(tables.lb())).isEmpty();
        assertThat(tables.lb().listeners()).hasSize(2).allSatisfy(listener -> {
            assertThat(listener.protocol()).isEqualTo(Protocol.HTTP);
            assertThat(listener.entry().h2c()).isTrue();
            assertThat(listener.routes())
                    .singleElement()
                    .satisfies(
                            route -> assertThat(route.pool().targetProtocol()).isEqualTo(TargetProtocol.HTTP_2));
        });
    }

    @Test
    void mapsTlsAndHealthChecksOfAListener() {
        DesiredItem.Certificate web = new DesiredItem.Certificate("web", "chain", "secret");
        Map<String, DesiredItem> desired = Map.of(
                "certificate/web",
                web,
                "listener/s/443",
                tls(443, new DesiredItem.Tls(List.of("web"), true)),
                "listener/s/444",
                tls(444, new DesiredItem.Tls(List.of("web", "lost"), false)));
        Tables tables = Tables.of(HOST, desired, List.of());
        assertThat(tables.problems())
                .containsExactly(Map.entry(
                        "listener/s/444", "certs: lost is missing (expected: a certificate of the environment)"));
        TlsConfig mapped = tables.lb().listeners().getFirst().entry().tls();
        assertThat(mapped.strict()).isTrue();
        assertThat(mapped.certificates()).containsExactly(HOST.certificates().of(web));
        HealthCheckConfig check =
                tables.lb().listeners().getFirst().routes().getFirst().pool().health();
        assertThat(check.type()).isEqualTo(HealthCheckConfig.Type.HTTP);
        assertThat(check.path()).isEqualTo("/up");
        assertThat(check.port()).isEqualTo(8000);
        assertThat(check.fall()).isEqualTo(4);
    }

    private static DesiredItem.Listener tls(int port, DesiredItem.Tls tls) {
        return new DesiredItem.Listener(
                "web",
                port,
                "http",
                "round-robin",
                List.of(),
                List.of(new DesiredItem.Route(
                        null, null, null, null, List.of(), new DesiredItem.HealthCheck(8000, "/up", 500, 700, 1, 4))),
                tls);
    }

    @Test
    void mapsHowAListenerIsServed() {
        DesiredItem.Route route = new DesiredItem.Route(
                null,
                null,
                null,
                "shop",
                List.of(),
                null,
                new DesiredItem.Cookie("example.com", true),
                new DesiredItem.TargetTls(List.of(), "shop.internal", true));
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "listener/s/80",
                        served("lb.hello:80", route, Map.of("limits.body-bytes", 1_000L), "json"),
                        "listener/s/81",
                        served("lb.hello:81", route, Map.of("limits.none", 1L), null),
                        "listener/s/82",
                        served("../lb", route, null, "json")),
                List.of());
        assertThat(tables.problems())
                .containsOnly(
                        Map.entry(
                                "listener/s/81",
                                "limits.none: not known to this version (expected: a limit of a listener)"),
                        Map.entry("listener/s/82", "access-log: ../lb (expected: the name of a listener)"));
        assertThat(LoadBalancer.check(tables.lb())).isEmpty();
        assertThat(tables.lb().listeners()).singleElement().satisfies(listener -> {
            assertThat(listener.limits()).isEqualTo(LimitsConfig.DEFAULTS.with(LimitsConfig.Limit.BODY_BYTES, 1_000));
            assertThat(listener.observation().accessLog())
                    .isEqualTo(new AccessLogConfig(
                            HOST.accessLogs().resolve("lb.hello-80.log"), AccessLogConfig.Format.JSON, 64L << 20));
            PoolConfig pool = listener.routes().getFirst().pool();
            assertThat(pool.sticky()).isEqualTo(StickyConfig.cookie("shop").withCookie("example.com", true));
            assertThat(pool.targetTls()).isEqualTo(new TargetTlsConfig(null, List.of(), "shop.internal", true));
        });
    }

    private static DesiredItem.Listener served(
            String name, DesiredItem.Route route, @Nullable Map<String, Long> limits, @Nullable String accessLog) {
        return new DesiredItem.Listener(
                name, 80, "http", "round-robin", List.of(), List.of(route), null, limits, accessLog);
    }

    /** What a stack may say, a node must be able to do. */
    @Test
    void knowsTheLimitsOfTheControlPlane() {
        assertThat(LbLimit.values())
                .extracting(limit -> limit.key() + " " + limit.least() + " " + limit.most())
                .containsExactly(Arrays.stream(LimitsConfig.Limit.values())
                        .map(limit -> limit.key() + " " + limit.least() + " " + limit.most())
                        .toArray(String[]::new));
    }

    @Test
    void equalInputsGiveEqualTablesWhateverTheOrder() {
        Map<String, DesiredItem> desired = Map.of(
                "peer/h2", new DesiredItem.Peer("h2", "192.0.2.12", "10.42.2.0/24"),
                "peer/h3", new DesiredItem.Peer("h3", "192.0.2.13", "10.42.3.0/24"));
        assertThat(Tables.of(HOST, desired, List.of())).isEqualTo(Tables.of(HOST, new HashMap<>(desired), List.of()));
    }

    @Test
    void inAnEncryptedOverlayAPeerWithoutAKeyOfItsOwnIsLeftOut() {
        Encryption own = Encryption.generate();
        String key = Encryption.generate().publicKey().toString();
        HostIdentity id = HOST.identity();
        Tables.Host host = new Tables.Host(
                new HostIdentity(
                        id.hostId(),
                        id.hostName(),
                        id.environmentId(),
                        id.environmentName(),
                        id.block(),
                        id.subnet(),
                        id.vni(),
                        id.port(),
                        id.zone(),
                        true),
                HOST.vtep(),
                HOST.mode(),
                HOST.forward(),
                own);
        Tables tables = Tables.of(
                host,
                Map.of(
                        "peer/h2", new DesiredItem.Peer("h2", "192.0.2.12", "10.42.2.0/24", key),
                        "peer/h3", new DesiredItem.Peer("h3", "192.0.2.13", "10.42.3.0/24", null),
                        "peer/h4", new DesiredItem.Peer("h4", "192.0.2.14", "10.42.4.0/24", "guess"),
                        "peer/h5", new DesiredItem.Peer("h5", "192.0.2.15", "10.42.5.0/24", key)),
                List.of());
        assertThat(tables.overlay().encryption()).isEqualTo(own);
        assertThat(tables.overlay().peers()).singleElement().satisfies(peer -> {
            assertThat(peer.vtep()).isEqualTo(inet("192.0.2.12"));
            assertThat(peer.key()).hasToString(key);
        });
        assertThat(tables.problems())
                .containsOnlyKeys("peer/h3", "peer/h4", "peer/h5")
                .containsEntry("peer/h3", "public-key: missing (expected: one, the overlay is encrypted)");
        assertThat(tables.toString()).doesNotContain(own.privateText());
    }

    @Test
    void aPeerOfAnotherIpVersionIsLeftOutAndNamed() {
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "peer/h2", new DesiredItem.Peer("h2", "2001:db8::2", "10.42.2.0/24"),
                        "peer/h3", new DesiredItem.Peer("h3", "192.0.2.13", "10.42.3.0/24")),
                List.of());
        assertThat(tables.overlay().peers())
                .extracting(peer -> peer.vtep().getHostAddress())
                .containsExactly("192.0.2.13");
        assertThat(tables.problems().get("peer/h2"))
                .isEqualTo("vtep: 2001:db8::2 (expected: the IP version of this host's, 192.0.2.11)");
    }

    @Test
    void itselfIsNoPeer() {
        Tables tables =
                Tables.of(HOST, Map.of("peer/h1", new DesiredItem.Peer("h1", "192.0.2.11", "10.42.1.0/24")), List.of());
        assertThat(tables.overlay().peers()).isEmpty();
    }

    @Test
    void aLocalContainerHasItsNameBeforeTheControlPlaneKnows() {
        Tables tables = Tables.of(HOST, Map.of(), List.of(new LocalContainer("Web1", inet("10.42.1.2"))));
        assertThat(addresses(tables)).containsEntry("web1", List.of(inet("10.42.1.2")));
    }

    @Test
    void aContainerThatIsBeingWiredHasItsNameAndNothingIsSentToItYet() {
        Map<String, DesiredItem> desired = Map.of(
                "name/web.hello",
                new DesiredItem.Name("web.hello", List.of("10.42.1.2", "10.42.2.2")),
                "listener/s/9898",
                listener(new DesiredItem.Target("i1", "10.42.1.2:8000", false)));
        Tables tables = Tables.of(
                HOST, desired, List.of(new LocalContainer("hello-web-1", inet("10.42.1.2"), "hello/web", false)));
        assertThat(addresses(tables))
                .containsEntry("hello-web-1", List.of(inet("10.42.1.2")))
                .containsEntry("web.hello", List.of(inet("10.42.2.2")));
        assertThat(tables.lb().listeners().getFirst().routes().getFirst().pool().targets())
                .isEmpty();
    }

    @Test
    void aLocalAddressNobodyHoldsLeavesNamesAndTargetsAtOnce() {
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "name/web.hello", new DesiredItem.Name("web.hello", List.of("10.42.1.2", "10.42.2.2")),
                        "name/gone", new DesiredItem.Name("gone", List.of("10.42.1.9")),
                        "listener/s/9898",
                                listener(
                                        new DesiredItem.Target("i1", "10.42.1.2:8000", false),
                                        new DesiredItem.Target("i2", "10.42.2.2:8000", false))),
                List.of());
        assertThat(addresses(tables).get("web.hello")).containsExactly(inet("10.42.2.2"));
        assertThat(addresses(tables).getOrDefault("gone", List.of())).isEmpty();
        assertThat(tables.lb().listeners().getFirst().targets())
                .extracting(target -> target.address().getHostString())
                .containsExactly("10.42.2.2");
    }

    @Test
    void beforeContainersAreKnownTheDesiredStateIsTakenAsItIs() {
        Tables tables = Tables.of(
                HOST, Map.of("name/web.hello", new DesiredItem.Name("web.hello", List.of("10.42.1.2"))), null);
        assertThat(addresses(tables).get("web.hello")).containsExactly(inet("10.42.1.2"));
    }

    @Test
    void drainingTargetsAreMarkedAndListedByInstance() {
        Tables tables = Tables.of(
                HOST,
                Map.of("listener/s/9898", listener(new DesiredItem.Target("i1", "10.42.2.2:8000", true))),
                List.of());
        assertThat(tables.lb().listeners().getFirst().targets().getFirst().draining())
                .isTrue();
        assertThat(tables.draining()).containsOnlyKeys("i1");
    }

    @Test
    void aBrokenEntryIsAProblemOfItsOwn() {
        Tables tables = Tables.of(
                HOST,
                Map.of(
                        "peer/h2", new DesiredItem.Peer("h2", "nowhere", "10.42.2.0/24"),
                        "listener/s/1", new DesiredItem.Listener("x", 1, "quic", "round-robin", List.of()),
                        "name/web", new DesiredItem.Name("web", List.of("10.42.2.2"))),
                List.of());
        assertThat(tables.problems())
                .containsEntry("peer/h2", "address: nowhere (expected: IPv4 a.b.c.d or IPv6)")
                .containsEntry("listener/s/1", "protocol: quic (expected: http, grpc, tcp, sni or udp)");
        assertThat(addresses(tables)).containsKey("web");
    }

    @Test
    void aNameThatDnsCannotCarryIsLeftOutAlone() {
        Tables tables = Tables.of(
                HOST,
                Map.of("name/a..b", new DesiredItem.Name("a..b", List.of("10.42.2.2"))),
                List.of(
                        new LocalContainer("a".repeat(64), inet("10.42.1.2")),
                        new LocalContainer("web", inet("10.42.1.3"))));
        assertThat(tables.problems()).containsOnlyKeys("name/a..b", "container/" + "a".repeat(64));
        assertThat(addresses(tables)).containsKey("web").doesNotContainKey("a..b");
    }

    @Test
    void theLabelOfAServiceCountsOnlyWhereThereIsSuchAService() {
        Tables tables =
                Tables.of(HOST, Map.of(), List.of(new LocalContainer("web", inet("10.42.1.3"), "hello/web", true)));
        assertThat(tables.dns().names().views()).isEmpty();
        assertThat(tables.dns().names().pointers()).containsEntry(inet("10.42.1.3"), "web");
        assertThat(tables.dns().names().reverse()).containsExactly(Cidr.parse("10.42.0.0/16"));
    }
}
