package dev.drover.dns;

import static dev.drover.dns.DnsFixture.client;
import static dev.drover.dns.DnsFixture.config;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Transport;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Type;

@Timeout(30)
final class MetricsTest {
    private final DnsFixture fixture = new DnsFixture(Transport.EPOLL);

    @AfterEach
    void stop() throws IOException {
        fixture.close();
    }

    /** {@code name{value of the label}} to value; zeros left out. */
    private static Map<String, Double> scrape(PrometheusRegistry registry) {
        Map<String, Double> values = new TreeMap<>();
        registry.scrape().forEach(family -> {
            String name = family.getMetadata().getName();
            switch (family) {
                case CounterSnapshot counter ->
                    counter.getDataPoints()
                            .forEach(p -> values.put(
                                    p.getLabels().isEmpty()
                                            ? name
                                            : name + "{" + p.getLabels().getValue(0) + "}",
                                    p.getValue()));
                case GaugeSnapshot gauge ->
                    gauge.getDataPoints()
                            .forEach(p -> values.put(
                                    p.getLabels().isEmpty()
                                            ? name
                                            : name + "{" + p.getLabels().getValue(0) + "}",
                                    p.getValue()));
                case HistogramSnapshot histogram ->
                    histogram
                            .getDataPoints()
                            .forEach(p ->
                                    values.put(name + "{" + p.getLabels().getValue(0) + "}", (double) p.getCount()));
                default -> throw new AssertionError(family);
            }
        });
        values.values().removeIf(value -> value == 0);
        assertThat(values).containsKey("drover_dns_cache_bytes");
        // Of plain answers only one in 16 is timed.
        values.keySet().remove("drover_dns_latency_seconds{zone}");
        values.keySet().removeIf(name -> name.startsWith("drover_dns_upstream_rtt") || name.endsWith("_bytes"));
        return values;
    }

    @Test
    void everyQueryIsCountedOnceInEachFamily() throws IOException {
        FakeUpstream upstream = fixture.own(FakeUpstream.of("192.0.2.1"));
        DnsServer server = fixture.server();
        PrometheusRegistry registry = new PrometheusRegistry();
        server.registerMetrics(registry);
        server.apply(
                config().record("web1", "10.42.1.2").forward(upstream.address()).build());
        DnsClient client = client(server);

        client.ask("web1.", Type.A);
        client.ask("web1.", Type.AAAA);
        client.ask("nobody.rancher.internal.", Type.A);
        client.tcp(DnsClient.query("web1.", Type.A));
        client.udp(DnsClient.ednsQuery("web1.", Type.TXT, 1232, 1, 0));
        client.udp(new byte[12], 5_000);
        client.udp(new byte[3], 50);
        client.ask("example.com.", Type.A);

        await().untilAsserted(() -> assertThat(scrape(registry))
                .isEqualTo(new TreeMap<>(Map.ofEntries(
                        Map.entry("drover_dns_queries{udp}", 6.0),
                        Map.entry("drover_dns_queries{tcp}", 1.0),
                        Map.entry("drover_dns_questions{a}", 4.0),
                        Map.entry("drover_dns_questions{aaaa}", 1.0),
                        Map.entry("drover_dns_questions{txt}", 1.0),
                        Map.entry("drover_dns_replies{noerror}", 4.0),
                        Map.entry("drover_dns_replies{nxdomain}", 1.0),
                        Map.entry("drover_dns_replies{badvers}", 1.0),
                        Map.entry("drover_dns_replies{formerr}", 1.0),
                        Map.entry("drover_dns_forwards{answered}", 1.0),
                        Map.entry("drover_dns_cache{miss}", 1.0),
                        Map.entry("drover_dns_cache_entries", 1.0),
                        Map.entry("drover_dns_latency_seconds{forward}", 1.0),
                        // the question, and whether it leads back to us
                        Map.entry(
                                "drover_dns_upstream_tries{127.0.0.1:"
                                        + upstream.address().getPort() + "}",
                                2.0),
                        Map.entry("drover_dns_drops{short}", 1.0),
                        Map.entry("drover_dns_names", 1.0),
                        Map.entry(
                                "drover_dns_upstream_healthy{127.0.0.1:"
                                        + upstream.address().getPort() + "}",
                                1.0)))));
    }

    @Test
    void whatAFullSocketThrowsAwayIsCountedAlsoAfterItsClose() throws IOException {
        DnsServer server = fixture.server();
        PrometheusRegistry registry = new PrometheusRegistry();
        server.registerMetrics(registry);
        server.apply(config().build());
        server.drain(); // reads no more
        int sent = 40_000; // a queue holds some 10,000
        try (DatagramSocket socket = new DatagramSocket()) {
            DatagramPacket packet = new DatagramPacket(
                    new byte[30], 30, server.status().addresses().getFirst());
            for (int i = 0; i < sent; i++) {
                socket.send(packet);
            }
        }
        double lost = overflows(registry);
        assertThat(lost).isBetween(1.0, (double) sent);
        server.apply(config().binds().build());
        assertThat(overflows(registry)).isEqualTo(lost);
    }

    private static double overflows(PrometheusRegistry registry) {
        return registry.scrape().stream()
                .filter(family -> family.getMetadata().getName().equals("drover_dns_socket_overflows"))
                .flatMap(family -> ((CounterSnapshot) family).getDataPoints().stream())
                .mapToDouble(CounterSnapshot.CounterDataPointSnapshot::getValue)
                .sum();
    }

    @Test
    void statusTellsWhatIsServed() throws IOException {
        InetSocketAddress upstream =
                fixture.own(FakeUpstream.of(Rcode.NXDOMAIN)).address();
        DnsServer server = fixture.server();
        assertThat(server.status().addresses()).isEmpty();
        server.apply(config().record("web1", "10.42.1.2")
                .record("web2")
                .forward(upstream)
                .build());
        client(server).ask("web1.", Type.A);
        DnsStatus status = server.status();
        assertThat(status.zone()).isEqualTo("rancher.internal");
        assertThat(status.names()).isEqualTo(2);
        assertThat(status.queries()).isEqualTo(1);
        assertThat(status.upstreams())
                .containsExactly(
                        new DnsStatus.UpstreamStatus("127.0.0.1:" + upstream.getPort(), true, false, -1, 0, 0));
    }
}
