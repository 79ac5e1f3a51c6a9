package dev.drover.lb;

import dev.drover.lb.path.Timing;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a load balancer exposes of its listeners, pools and targets; read at scrape. The README lists it. */
final class LbMetrics {
    private final LoadBalancer lb;

    LbMetrics(LoadBalancer lb) {
        this.lb = lb;
    }

    void register(PrometheusRegistry registry) {
        listeners(registry);
        datagrams(registry);
        targets(registry);
        registry.register(new TimeMetric(
                "drover_lb_pool_seconds",
                "How long requests (HTTP) and connections (TCP) of a pool took, by part",
                List.of(Timing.values()),
                1,
                lb::poolTimes));
        registry.register(new TimeMetric(
                "drover_lb_target_seconds",
                "How long requests (HTTP) and connections (TCP) at a target took, by part",
                List.of(Timing.CONNECT, Timing.FIRST_BYTE, Timing.TOTAL),
                2,
                lb::targetTimes));
        CounterWithCallback.builder()
                .name("drover_lb_access_log_unwritten")
                .help("Requests that an access log could not write to its file")
                .callback(sink -> sink.call((double) lb.unwritten()))
                .register(registry);
    }

    private void listeners(PrometheusRegistry registry) {
        GaugeWithCallback.builder()
                .name("drover_lb_certificate_end_seconds")
                .help("Time of the epoch at which a certificate ends")
                .labelNames("listener", "certificate")
                .callback(sink -> lb.certificateEnds()
                        .forEach((labels, end) -> sink.call(end, labels.getFirst(), labels.getLast())))
                .register(registry);
        GaugeWithCallback.builder()
                .name("drover_lb_staple_end_seconds")
                .help("Time of the epoch at which the OCSP answer stapled to a certificate ends; 0 for none")
                .labelNames("listener", "certificate")
                .callback(sink ->
                        lb.stapleEnds().forEach((labels, end) -> sink.call(end, labels.getFirst(), labels.getLast())))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_lb_staples_refused")
                .help("OCSP answers that could not be had, or not be shown")
                .labelNames("listener")
                .callback(sink -> lb.staplesRefused().forEach((name, count) -> sink.call((double) count, name)))
                .register(registry);
        GaugeWithCallback.builder()
                .name("drover_lb_client_connections")
                .help("Client connections, and sessions of UDP, open now")
                .labelNames("listener")
                .callback(sink -> connections().forEach((name, count) -> sink.call((double) count, name)))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_lb_listener_requests")
                .help("Requests (HTTP) and connections (TCP) of a listener by how they ended")
                .labelNames("listener", "outcome")
                .callback(sink -> ended().forEach((name, outcomes) ->
                        outcomes.forEach((how, count) -> sink.call((double) count, name, how))))
                .register(registry);
    }

    private void datagrams(PrometheusRegistry registry) {
        CounterWithCallback.builder()
                .name("drover_lb_datagrams")
                .help(
                        "Datagrams of a UDP listener that were relayed, by direction: received from clients, sent to them")
                .labelNames("listener", "direction")
                .callback(sink -> datagrams().forEach((name, passed) -> {
                    sink.call((double) passed.received(), name, "received");
                    sink.call((double) passed.sent(), name, "sent");
                }))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_lb_datagram_bytes")
                .help("Their bytes without headers")
                .labelNames("listener", "direction")
                .callback(sink -> datagrams().forEach((name, passed) -> {
                    sink.call((double) passed.receivedBytes(), name, "received");
                    sink.call((double) passed.sentBytes(), name, "sent");
                }))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_lb_datagrams_dropped")
                .help("Datagrams of a UDP listener that went nowhere, by reason")
                .labelNames("listener", "reason")
                .callback(sink -> datagrams()
                        .forEach((name, passed) ->
                                passed.dropped().forEach((why, count) -> sink.call((double) count, name, why))))
                .register(registry);
    }

    private Map<String, DatagramStatus> datagrams() {
        Map<String, DatagramStatus> rows = new LinkedHashMap<>();
        lb.status().forEach(listener -> {
            DatagramStatus passed = listener.datagrams();
            if (passed != null) {
                rows.merge(listener.name(), passed, DatagramStatus::plus);
            }
        });
        return rows;
    }

    private void targets(PrometheusRegistry registry) {
        GaugeWithCallback.builder()
                .name("drover_lb_target_active")
                .help("Requests (HTTP) and connections (TCP) at a target now")
                .labelNames("pool", "target")
                .callback(sink -> targets().forEach(target -> sink.call((double) target.active(), labels(target))))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_lb_target_requests")
                .help("Requests (HTTP) and connections (TCP) given to a target")
                .labelNames("pool", "target")
                .callback(sink -> targets().forEach(target -> sink.call((double) target.total(), labels(target))))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_lb_target_failures")
                .help("Failures of a target by what it did")
                .labelNames("pool", "target", "reason")
                .callback(sink -> targets()
                        .forEach(target -> target.failures()
                                .forEach((reason, count) -> sink.call(
                                        (double) count, target.pool(), Addresses.text(target.address()), reason))))
                .register(registry);
        GaugeWithCallback.builder()
                .name("drover_lb_target_serving")
                .help("1 while a target gets work, 0 while it drains, is unhealthy or rests after failures")
                .labelNames("pool", "target")
                .callback(sink -> targets().forEach(target -> sink.call(serves(target) ? 1 : 0, labels(target))))
                .register(registry);
    }

    private static String[] labels(TargetStatus target) {
        return new String[] {target.pool(), Addresses.text(target.address())};
    }

    private static boolean serves(TargetStatus target) {
        return target.state() == TargetStatus.State.ACTIVE
                && !target.backingOff()
                && !target.ejected()
                && (target.health() == TargetStatus.Health.UNCHECKED || target.health() == TargetStatus.Health.HEALTHY);
    }

    /** A removed listener and its successor of the same name are one row, here and below. */
    private Map<String, Long> connections() {
        Map<String, Long> sums = new HashMap<>();
        lb.status().forEach(listener -> sums.merge(listener.name(), listener.connections(), Long::sum));
        return sums;
    }

    private Map<String, Map<String, Long>> ended() {
        Map<String, Map<String, Long>> sums = new LinkedHashMap<>();
        lb.status().forEach(listener -> {
            Map<String, Long> row = sums.computeIfAbsent(listener.name(), name -> new LinkedHashMap<>());
            listener.ended().forEach((how, count) -> row.merge(how, count, Long::sum));
        });
        return sums;
    }

    /** A target that left and came back while it had work is one row. */
    private List<TargetStatus> targets() {
        Map<List<Object>, TargetStatus> sums = new LinkedHashMap<>();
        lb.targets().forEach(target -> sums.merge(List.of(target.pool(), target.address()), target, TargetStatus::sum));
        return new ArrayList<>(sums.values());
    }
}
