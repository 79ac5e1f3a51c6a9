package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** UDP listeners as clients and targets see them. */
class UdpRelayTest extends Harness {
    private static final Duration DRAIN = Duration.ofMillis(400);

    @Override
    LbSettings settings() {
        return super.settings().withDrainTimeout(DRAIN);
    }

    private UdpOrigin origin(String name) {
        return closing(new UdpOrigin(name));
    }

    private UdpClient visitor() throws IOException {
        return closing(new UdpClient(bound("u")));
    }

    private static ListenerConfig udp(Balance balance, TargetConfig... targets) {
        return new ListenerConfig("u", loopback(0), Protocol.UDP, balance, Arrays.asList(targets));
    }

    private static ListenerConfig udp(UdpOrigin... origins) {
        return udp(
                Balance.ROUND_ROBIN,
                Arrays.stream(origins).map(UdpOrigin::target).toArray(TargetConfig[]::new));
    }

    private ListenerStatus status() {
        return lb.status().getFirst();
    }

    private Map<String, Long> dropped() {
        return status().datagrams().dropped();
    }

    private long sessions() {
        return status().connections();
    }

    private static Duration soon() {
        return Duration.ofMillis(10);
    }

    @Test
    void a_client_stays_with_its_target_and_clients_have_targets_in_turn() throws IOException {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        serve(udp(a, b));
        List<String> firsts = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            UdpClient client = visitor();
            String first = client.ask("0");
            firsts.add(first);
            for (int n = 1; n < 20; n++) {
                assertThat(client.ask("" + n)).isEqualTo(first.charAt(0) + ":" + n);
            }
        }
        assertThat(firsts).containsExactly("a:0", "b:0", "a:0", "b:0", "a:0", "b:0");
        assertThat(a.peers()).isEqualTo(3);
        assertThat(sessions()).isEqualTo(6);
        assertThat(status().targets()).extracting(TargetStatus::active).containsExactly(3L, 3L);
        // A client may have its answer before it is counted.
        await().pollInterval(soon()).until(() -> status().datagrams().sent() == 120);
        DatagramStatus passed = status().datagrams();
        assertThat(passed.received()).isEqualTo(120);
        assertThat(passed.receivedBytes()).isEqualTo(6 * (10 + 2 * 10));
        assertThat(passed.sentBytes()).isEqualTo(passed.receivedBytes() + 240);
        assertThat(passed.dropped()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Balance.class)
    void every_balance_serves_datagrams(Balance balance) throws IOException {
        serve(udp(balance, origin("a").target(), origin("b").target()));
        Set<String> hosts = new HashSet<>();
        for (int i = 0; i < 40; i++) {
            try (UdpClient client = new UdpClient(bound("u"))) {
                hosts.add(client.ask("?").substring(0, 1));
            }
        }
        boolean bySource = balance == Balance.SOURCE_HASH || balance == Balance.MAGLEV;
        assertThat(hosts).hasSize(bySource ? 1 : 2);
    }

    @Test
    void sticky_holds_an_address_to_its_target_over_sessions() throws IOException {
        PoolConfig pool = PoolConfig.of(
                        "p",
                        Balance.ROUND_ROBIN,
                        List.of(origin("a").target(), origin("b").target()))
                .withSticky(StickyConfig.source(Duration.ofMinutes(1)));
        serve(new ListenerConfig("u", loopback(0), Protocol.UDP, List.of(RouteConfig.everything(pool))));
        Set<String> hosts = new HashSet<>();
        for (int i = 0; i < 6; i++) {
            try (UdpClient client = new UdpClient(bound("u"))) {
                hosts.add(client.ask("?"));
            }
        }
        assertThat(hosts).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.0.0.9", "::1"})
    void answers_come_from_the_address_that_was_asked(String asked) throws IOException {
        serve(new ListenerConfig(
                "u",
                new InetSocketAddress(InetAddress.ofLiteral("0.0.0.0"), 0),
                Protocol.UDP,
                Balance.ROUND_ROBIN,
                List.of(origin("a").target())));
        InetSocketAddress to =
                new InetSocketAddress(InetAddress.ofLiteral(asked), bound("u").getPort());
        String from = asked.equals("::1") ? "::1" : "127.0.0.1";
        UdpClient client = closing(UdpClient.from(from, to));
        assertThat(client.ask("1")).isEqualTo("a:1");
        assertThat(client.ask("2")).isEqualTo("a:2");
    }

    @Test
    void targets_may_be_of_the_other_family() throws IOException {
        serve(udp(closing(new UdpOrigin("six", new InetSocketAddress(InetAddress.ofLiteral("::1"), 0)))));
        assertThat(visitor().ask("x")).isEqualTo("six:x");
    }

    @Test
    void datagrams_of_every_length_pass_whole() throws IOException {
        serve(udp(origin("a")));
        UdpClient client = visitor();
        for (int length : new int[] {1, 1_472, 1_473, 9_000, 65_000}) {
            String text = "x".repeat(length);
            assertThat(client.ask(text)).isEqualTo("a:" + text);
        }
    }

    @Test
    void a_silent_session_ends_and_the_next_datagram_begins_another() throws IOException {
        UdpOrigin a = origin("a");
        serve(udp(a).withUdp(new UdpConfig(Duration.ofMillis(200), 10, 10, 0)));
        UdpClient client = visitor();
        client.ask("1");
        await().pollInterval(soon()).until(() -> sessions() == 0);
        assertThat(status().ended()).containsExactly(Map.entry("tunnelled", 1L));
        assertThat(lb.inFlight(a.address())).isZero();
        assertThat(client.ask("2")).isEqualTo("a:2");
        assertThat(a.peers()).isEqualTo(2);
    }

    @Test
    void a_session_ends_with_the_answers_it_was_to_get() throws IOException {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        serve(udp(a, b).withUdp(new UdpConfig(Duration.ofMinutes(1), 10, 10, 1)));
        UdpClient client = visitor();
        assertThat(client.ask("1")).isEqualTo("a:1");
        await().pollInterval(soon()).until(() -> sessions() == 0);
        assertThat(client.ask("2")).isEqualTo("b:2");
        a.silent(true);
        b.silent(true);
        client.send("3");
        client.send("4");
        await().pollInterval(soon()).until(() -> sessions() == 1);
    }

    @Test
    void sessions_are_bounded_and_who_is_in_stays_in() throws IOException {
        UdpOrigin a = origin("a");
        serve(udp(a).withUdp(new UdpConfig(Duration.ofMinutes(1), 5, 3, 0)));
        List<UdpClient> clients = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            clients.add(visitor());
            assertThat(clients.getLast().ask("1")).isEqualTo("a:1");
        }
        UdpClient fourth = visitor();
        fourth.send("x");
        await().pollInterval(soon()).until(() -> dropped().equals(Map.of("source_full", 1L)));
        for (int i = 0; i < 2; i++) {
            clients.add(closing(UdpClient.from("127.0.0.2", bound("u"))));
            assertThat(clients.getLast().ask("1")).isEqualTo("a:1");
        }
        closing(UdpClient.from("127.0.0.3", bound("u"))).send("x");
        await().pollInterval(soon()).until(() -> dropped().equals(Map.of("source_full", 1L, "listener_full", 1L)));
        for (UdpClient client : clients) {
            assertThat(client.ask("2")).isEqualTo("a:2");
        }
        assertThat(a.received()).isEqualTo(10);
        PrometheusRegistry registry = new PrometheusRegistry();
        lb.registerMetrics(registry);
        assertThat(registry.scrape().stream()
                        .filter(metric -> metric.getMetadata().getName().startsWith("drover_lb_datagram"))
                        .map(metric -> metric.getMetadata().getName() + " "
                                + metric.getDataPoints().size()))
                .contains("drover_lb_datagrams 2", "drover_lb_datagram_bytes 2", "drover_lb_datagrams_dropped 2");
    }

    /** As many sources as there are, of which only some get in; the others cost neither sessions nor sockets. */
    @Test
    void a_flood_of_sources_takes_no_more_than_the_bound() throws IOException {
        UdpOrigin a = origin("a");
        serve(udp(a).withUdp(new UdpConfig(Duration.ofMinutes(1), 50, 50, 0)));
        UdpClient inside = visitor();
        inside.ask("1");
        long filesBefore = files();
        for (int i = 0; i < 1_000; i++) {
            try (DatagramSocket socket =
                    new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral("127.0.1." + (1 + i % 250)), 0))) {
                socket.connect(bound("u"));
                socket.send(new java.net.DatagramPacket(new byte[100], 100));
            }
        }
        await().pollInterval(soon())
                .until(() -> a.received()
                                + dropped().values().stream()
                                        .mapToLong(Long::longValue)
                                        .sum()
                        >= 1_001);
        assertThat(sessions()).isEqualTo(50);
        assertThat(a.received()).isEqualTo(50);
        assertThat(files() - filesBefore).isLessThanOrEqualTo(49);
        assertThat(dropped().keySet()).isSubsetOf("listener_full", "receive_queue_full");
        assertThat(inside.ask("2")).isEqualTo("a:2");
    }

    private static long files() {
        String[] names = new java.io.File("/proc/self/fd").list();
        return names == null ? 0 : names.length;
    }

    @Test
    void a_session_leaves_a_target_that_refuses_and_the_target_rests() throws IOException {
        UdpOrigin a = origin("a");
        serve(udp(Balance.ROUND_ROBIN, TargetConfig.active(refused()), a.target()));
        UdpClient client = visitor();
        client.send("lost at the one that refuses");
        await().pollInterval(soon()).until(() -> status().targets().getFirst().backingOff());
        assertThat(client.ask("2")).isEqualTo("a:2");
        for (int i = 0; i < 4; i++) {
            assertThat(visitor().ask("x")).isEqualTo("a:x");
        }
        assertThat(status().targets().getFirst().failures()).containsEntry("connect", 1L);
        assertThat(status().targets().getFirst().active()).isZero();
    }

    @Test
    void a_target_that_dies_is_left_with_the_next_datagram() throws Exception {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        serve(udp(a, b));
        UdpClient client = visitor();
        assertThat(client.ask("1")).isEqualTo("a:1");
        a.close();
        client.send("refused");
        await().pollInterval(soon()).until(() -> status().targets().getFirst().backingOff());
        assertThat(client.ask("2")).isEqualTo("b:2");
    }

    @Test
    void without_a_target_datagrams_are_dropped_by_name() throws IOException {
        serve(udp());
        visitor().send("x");
        await().pollInterval(soon()).until(() -> dropped().equals(Map.of("no_target", 1L)));
        assertThat(sessions()).isZero();
        UdpOrigin a = origin("a");
        serve(udp(a));
        assertThat(visitor().ask("1")).isEqualTo("a:1");
    }

    @Test
    void a_draining_target_keeps_its_sessions_until_the_deadline() throws IOException {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        serve(udp(a, b));
        UdpClient client = visitor();
        assertThat(client.ask("1")).isEqualTo("a:1");
        serve(udp(Balance.ROUND_ROBIN, new TargetConfig(a.address(), true), b.target()));
        assertThat(client.ask("2")).isEqualTo("a:2");
        assertThat(visitor().ask("x")).isEqualTo("b:x");
        await().pollInterval(soon()).until(() -> lb.inFlight(a.address()) == 0);
        assertThat(client.ask("3")).isEqualTo("b:3");
    }

    @Test
    void an_unhealthy_target_loses_its_sessions() throws IOException {
        UdpOrigin a = origin("a");
        UdpOrigin b = origin("b");
        Origin health = closing(Origin.http(request -> Origin.ok("well")));
        HealthCheckConfig check = new HealthCheckConfig(
                HealthCheckConfig.Type.TCP,
                health.address().getPort(),
                "/",
                null,
                Duration.ofMillis(20),
                Duration.ofMillis(500),
                1,
                1,
                200,
                399,
                0);
        PoolConfig pool = PoolConfig.of("p", Balance.ROUND_ROBIN, List.of(a.target(), b.target()));
        ListenerConfig listener =
                new ListenerConfig("u", loopback(0), Protocol.UDP, List.of(RouteConfig.everything(pool)));
        serve(listener);
        UdpClient client = visitor();
        assertThat(client.ask("1")).isEqualTo("a:1");
        InetSocketAddress nobody = refused();
        HealthCheckConfig failing = new HealthCheckConfig(
                check.type(), nobody.getPort(), "/", null, check.interval(), check.timeout(), 1, 1, 200, 399, 0);
        serve(new ListenerConfig(
                "u", loopback(0), Protocol.UDP, List.of(RouteConfig.everything(pool.withHealth(failing, false)))));
        await().pollInterval(soon()).until(() -> lb.inFlight(a.address()) == 0);
        client.send("nowhere");
        await().pollInterval(soon()).until(() -> dropped().containsKey("no_target"));
        serve(new ListenerConfig(
                "u", loopback(0), Protocol.UDP, List.of(RouteConfig.everything(pool.withHealth(check, false)))));
        await().pollInterval(soon()).until(() -> {
            client.send("2");
            return client.receive(20) != null;
        });
    }

    @Test
    void the_port_of_a_removed_listener_is_free_and_last_answers_still_come() throws Exception {
        UdpOrigin a = origin("a");
        serve(udp(a));
        InetSocketAddress address = bound("u");
        UdpClient client = visitor();
        client.ask("1");
        a.silent(true);
        client.send("2");
        await().pollInterval(soon()).until(() -> a.received() == 2);
        lb.apply(LbConfig.EMPTY);
        a.answerLast();
        assertThat(client.receive()).isEqualTo("a:2");
        await().pollInterval(soon()).until(() -> lb.status().isEmpty());
        assertThat(lb.inFlight(a.address())).isZero();
        new DatagramSocket(address).close();
    }

    @Test
    void a_port_of_somebody_else_is_refused() throws IOException {
        UdpOrigin a = origin("a");
        try (DatagramSocket other = new DatagramSocket(loopback(0))) {
            ListenerConfig taken = new ListenerConfig(
                    "u",
                    (InetSocketAddress) other.getLocalSocketAddress(),
                    Protocol.UDP,
                    Balance.ROUND_ROBIN,
                    List.of(a.target()));
            assertThatThrownBy(() -> lb.applyStrict(new LbConfig(List.of(taken))))
                    .isInstanceOf(LbConfigException.class)
                    .hasMessageContaining("Address already in use");
        }
    }

    @Test
    void a_tcp_and_a_udp_listener_share_a_port_number() throws IOException {
        UdpOrigin a = origin("a");
        Origin tcp = closing(Origin.http(request -> Origin.ok("tcp")));
        InetSocketAddress same = refused();
        ListenerConfig udp = new ListenerConfig("u", same, Protocol.UDP, Balance.ROUND_ROBIN, List.of(a.target()));
        serve(udp, new ListenerConfig("web", same, Protocol.HTTP, Balance.ROUND_ROBIN, targets(tcp)));
        assertThat(client("web").get("/").body()).isEqualTo("tcp");
        assertThat(closing(new UdpClient(same)).ask("1")).isEqualTo("a:1");
    }

    @Test
    void a_session_is_a_line_of_the_journal() throws IOException {
        UdpOrigin a = origin("a");
        serve(udp(a).withUdp(new UdpConfig(Duration.ofMinutes(1), 10, 10, 1)));
        UdpClient client = visitor();
        client.ask("four");
        await().pollInterval(soon()).until(() -> sessions() == 0);
        RequestStatus ended =
                lb.requests(dev.drover.lb.path.Journal.Kind.RECENT, 1).getFirst();
        assertThat(ended.protocol()).isEqualTo("UDP");
        assertThat(ended.client().getPort()).isEqualTo(client.port());
        assertThat(ended.upstream()).isEqualTo(a.address());
        assertThat(ended.requestBytes()).isEqualTo(4);
        assertThat(ended.responseBytes()).isEqualTo(6);
        assertThat(ended.outcome()).isEqualTo("tunnelled");
    }

    @Test
    void what_has_no_meaning_for_datagrams_is_refused_by_name() {
        ListenerConfig listener = udp().withLimits(LimitsConfig.DEFAULTS.with(LimitsConfig.Limit.CONNECTIONS, 1));
        assertThat(LoadBalancer.check(new LbConfig(List.of(listener))))
                .containsExactly(
                        "listener u: limits.connections: 1 (expected: none with protocol udp, whose limits are in"
                                + " udp)");
    }
}
