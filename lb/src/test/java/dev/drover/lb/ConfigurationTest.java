package dev.drover.lb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ConfigurationTest extends Harness {
    private static ListenerConfig at(String name, InetSocketAddress bind, Protocol protocol, Origin... origins) {
        return new ListenerConfig(name, bind, protocol, Balance.ROUND_ROBIN, targets(origins));
    }

    private static LbConfig config(ListenerConfig... listeners) {
        return new LbConfig(List.of(listeners));
    }

    @Test
    void what_is_wrong_by_itself_is_refused_as_a_whole() throws IOException {
        Origin origin = closing(Origin.named("a"));
        serve(http("web", origin));
        InetSocketAddress twice = loopback(9);
        LbConfig bad = config(
                at("web", twice, Protocol.HTTP, origin, origin),
                at("web", twice, Protocol.TCP),
                at(" ", InetSocketAddress.createUnresolved("somewhere", 80), Protocol.TCP),
                listener("x", Protocol.TCP, List.of(TargetConfig.active(loopback(0)))));
        assertThatThrownBy(() -> lb.apply(bad))
                .isInstanceOfSatisfying(
                        LbConfigException.class,
                        e -> assertThat(e.problems())
                                .containsExactly(
                                        "listeners[0].targets[1]: 127.0.0.1:"
                                                + origin.address().getPort() + " (expected: each target once)",
                                        "listeners[1].name: web (expected: a name of its own, listeners[0] has it)",
                                        "listeners[1].bind: 127.0.0.1:9 (expected: an address of its own, listener web has it)",
                                        "listeners[2].name: ' ' (expected: a name)",
                                        "listeners[2].bind: somewhere:80 (expected: an IP address and port)",
                                        "listeners[3].targets[0]: 127.0.0.1:0 (expected: a port of 1 to 65535)"));
        assertThat(LoadBalancer.check(bad)).hasSize(6);
        assertThat(client().get("/").body()).isEqualTo("a");
    }

    @Test
    void an_equal_configuration_changes_nothing() throws IOException {
        Origin origin = closing(Origin.named("a"));
        assertThat(serve(http("web", origin)).changed()).isTrue();
        InetSocketAddress bound = bound("web");
        Wire wire = client();
        wire.get("/");
        for (int i = 0; i < 20; i++) {
            assertThat(serve(http("web", origin)).changed()).isFalse();
            assertThat(wire.get("/").status()).isEqualTo(200);
        }
        assertThat(bound("web")).isEqualTo(bound);
        assertThat(origin.connections).hasValue(1);
        assertThat(lb.status().getFirst().connections()).isEqualTo(1);
    }

    @Test
    void a_port_in_use_is_told_hinders_no_other_listener_and_is_tried_again() throws IOException {
        Origin origin = closing(Origin.named("a"));
        ServerSocket occupier = closing(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        InetSocketAddress taken = (InetSocketAddress) occupier.getLocalSocketAddress();
        LbConfig config = config(at("web", taken, Protocol.HTTP, origin), http("other", origin));
        ApplyResult result = lb.apply(config);
        String problem = "listener web: bind 127.0.0.1:" + taken.getPort() + ": Address already in use";
        assertThat(result.problems()).containsExactly(problem);
        assertThat(result.listeners().getFirst().bound()).isNull();
        assertThat(client("other").get("/").body()).isEqualTo("a");
        assertThat(lb.apply(config).changed()).isFalse();
        assertThat(lb.status().getFirst().problem()).isEqualTo(problem);
        occupier.close();
        ApplyResult again = lb.apply(config);
        assertThat(again.problems()).isEmpty();
        assertThat(again.changed()).isTrue();
        assertThat(client().get("/").body()).isEqualTo("a");
    }

    @Test
    void a_change_to_a_port_in_use_leaves_the_listener_where_it_was() throws IOException {
        Origin origin = closing(Origin.named("a"));
        serve(http("web", origin));
        InetSocketAddress before = bound("web");
        ServerSocket occupier = closing(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        InetSocketAddress taken = (InetSocketAddress) occupier.getLocalSocketAddress();
        Origin next = closing(Origin.named("b"));
        LbConfig moved = config(at("web", taken, Protocol.HTTP, next));
        assertThat(lb.apply(moved).problems()).hasSize(1);
        assertThat(bound("web")).isEqualTo(before);
        assertThat(client().get("/").body()).as("the new targets count").isEqualTo("b");
        occupier.close();
        assertThat(lb.apply(moved).problems()).isEmpty();
        assertThat(bound("web")).isEqualTo(taken);
        assertThatThrownBy(() -> new Wire(before)).isInstanceOf(IOException.class);
    }

    @Test
    void the_strict_form_changes_all_or_nothing() throws IOException {
        Origin origin = closing(Origin.named("a"));
        serve(http("web", origin));
        InetSocketAddress before = bound("web");
        ServerSocket occupier = closing(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        InetSocketAddress taken = (InetSocketAddress) occupier.getLocalSocketAddress();
        InetSocketAddress free = refused();
        LbConfig config = config(
                at("web", free, Protocol.HTTP, closing(Origin.named("b"))), at("more", taken, Protocol.TCP, origin));
        assertThatThrownBy(() -> lb.applyStrict(config))
                .isInstanceOf(LbConfigException.class)
                .hasMessage("listener more: bind 127.0.0.1:" + taken.getPort() + ": Address already in use");
        assertThat(bound("web")).isEqualTo(before);
        assertThat(client().get("/").body()).isEqualTo("a");
        assertThatThrownBy(() -> new Wire(free)).isInstanceOf(IOException.class);
        occupier.close();
        assertThat(lb.applyStrict(config).listeners()).hasSize(2);
        assertThat(client().get("/").body()).isEqualTo("b");
    }

    @Test
    void a_listener_may_narrow_its_address_on_the_same_port() throws IOException {
        Origin origin = closing(Origin.named("a"));
        int port = refused().getPort();
        serve(at("web", new InetSocketAddress("0.0.0.0", port), Protocol.HTTP, origin));
        assertThat(client().get("/").body()).isEqualTo("a");
        lb.applyStrict(config(at("web", loopback(port), Protocol.HTTP, origin)));
        assertThat(bound("web")).isEqualTo(loopback(port));
        assertThat(client().get("/").body()).isEqualTo("a");
        ServerSocket occupier = closing(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        LbConfig bad = config(
                at("web", new InetSocketAddress("0.0.0.0", port), Protocol.HTTP, origin),
                at("no", (InetSocketAddress) occupier.getLocalSocketAddress(), Protocol.HTTP, origin));
        assertThatThrownBy(() -> lb.applyStrict(bad)).isInstanceOf(LbConfigException.class);
        assertThat(bound("web")).isEqualTo(loopback(port));
        assertThat(client().get("/").body()).isEqualTo("a");
    }

    @Test
    void listeners_may_swap_their_ports_and_names() throws IOException {
        Origin one = closing(Origin.named("1"));
        Origin two = closing(Origin.named("2"));
        InetSocketAddress a = refused();
        InetSocketAddress b = refused();
        serve(at("x", a, Protocol.HTTP, one), at("y", b, Protocol.HTTP, two));
        Wire old = client("x");
        assertThat(old.get("/").body()).isEqualTo("1");
        serve(at("x", b, Protocol.HTTP, one), at("y", a, Protocol.HTTP, two));
        assertThat(closing(new Wire(a)).get("/").body()).isEqualTo("2");
        assertThat(closing(new Wire(b)).get("/").body()).isEqualTo("1");
        assertThat(old.get("/").body())
                .as("a live connection stays with its listener")
                .isEqualTo("1");
        serve(at("z", a, Protocol.HTTP, one));
        assertThat(closing(new Wire(a)).get("/").body()).isEqualTo("1");
    }

    @Test
    void a_change_of_protocol_keeps_the_port_and_the_connections() throws IOException {
        Origin origin = closing(Origin.named("a"));
        InetSocketAddress port = refused();
        serve(at("web", port, Protocol.HTTP, origin));
        Wire http = client();
        assertThat(http.get("/").head()).isNotEmpty();
        serve(at("web", port, Protocol.TCP, origin));
        assertThat(http.get("/").body()).isEqualTo("a");
        client().get("/");
        assertThat(origin.requests.getLast().head()).doesNotContain("X-Forwarded");
    }

    @Test
    void connections_of_a_removed_listener_end_with_their_request_or_the_deadline() throws Exception {
        java.util.concurrent.CountDownLatch answer = new java.util.concurrent.CountDownLatch(1);
        Origin origin = closing(Origin.http(request -> {
            try {
                answer.await(5, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return Origin.ok("done");
        }));
        Origin echo = closing(new Origin((socket, in, out) -> in.transferTo(out)));
        serve(http("web", origin), tcp("tcp", echo));
        Wire busy = client();
        Wire tunnel = client("tcp");
        tunnel.send("x");
        assertThat(tunnel.in().read()).isEqualTo('x');
        busy.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        await().until(() -> lb.inFlight(origin.address()) == 1);
        InetSocketAddress port = bound("web");
        long before = System.nanoTime();
        serve();
        assertThatThrownBy(() -> new Wire(port)).isInstanceOf(IOException.class);
        assertThat(lb.status()).hasSize(2).allMatch(ListenerStatus::removed);
        answer.countDown();
        Wire.Response response = busy.response();
        assertThat(response.body()).isEqualTo("done");
        assertThat(response.field("Connection")).isEqualTo("close");
        assertThat(busy.ended()).isTrue();
        tunnel.send("y");
        assertThat(tunnel.in().read()).isEqualTo('y');
        assertThat(tunnel.ended()).as("after the drain timeout").isTrue();
        assertThat(System.nanoTime() - before).isGreaterThan(2_500_000_000L);
        await().until(() -> lb.status().isEmpty() && lb.inFlight(echo.address()) == 0);
    }

    @Test
    void closing_ends_everything_at_once() throws IOException {
        Origin origin = closing(Origin.named("a"));
        serve(http("web", origin));
        Wire wire = client();
        wire.get("/");
        lb.close();
        assertThat(wire.ended()).isTrue();
        await().until(() -> origin.openConnections() == 0);
        assertThatThrownBy(() -> lb.apply(LbConfig.EMPTY)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void a_lane_must_not_wait_for_itself() {
        assertThat(lanes.lane(0)
                        .submit(() -> lb.apply(LbConfig.EMPTY))
                        .awaitUninterruptibly()
                        .cause())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("expected: none of the lanes");
    }

    @Test
    void metrics_tell_what_happened() throws IOException {
        PrometheusRegistry registry = new PrometheusRegistry();
        lb.registerMetrics(registry);
        Origin origin = closing(Origin.named("a"));
        serve(http("web", origin));
        Wire wire = client();
        wire.get("/");
        wire.get("/");
        wire.send("bad\r\n\r\n").response();
        MetricSnapshots scrape = registry.scrape();
        String target = "127.0.0.1:" + origin.address().getPort();
        assertThat(counter(scrape, "drover_lb_requests", "relayed")).isEqualTo(2);
        assertThat(counter(scrape, "drover_lb_requests", "bad_request")).isEqualTo(1);
        assertThat(counter(scrape, "drover_lb_events", "upstream_reused")).isEqualTo(1);
        assertThat(counter(scrape, "drover_lb_target_requests", target)).isEqualTo(2);
        assertThat(counter(scrape, "drover_lb_target_failures", target)).isZero();
        assertThat(scrape.stream()
                        .filter(GaugeSnapshot.class::isInstance)
                        .map(snapshot -> snapshot.getMetadata().getName()))
                .containsExactlyInAnyOrder(
                        "drover_lb_client_connections",
                        "drover_lb_certificate_end_seconds",
                        "drover_lb_staple_end_seconds",
                        "drover_lb_target_active",
                        "drover_lb_target_serving");
    }

    private static double counter(MetricSnapshots scrape, String name, String label) {
        return scrape.stream()
                .filter(snapshot -> snapshot.getMetadata().getName().equals(name))
                .flatMap(snapshot -> ((CounterSnapshot) snapshot).getDataPoints().stream())
                .filter(point -> point.getLabels().stream()
                        .anyMatch(pair -> pair.getValue().equals(label)))
                .findFirst()
                .orElseThrow()
                .getValue();
    }
}
