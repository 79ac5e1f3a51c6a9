package dev.drover.controlplane.links;

import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.function.IntSupplier;

/** Counters of the link. */
final class LinkMetrics {
    final Counter received;
    final Counter sent;
    final Counter sentBytes;
    final Counter refused;

    LinkMetrics(PrometheusRegistry registry, IntSupplier connected) {
        received = Counter.builder()
                .name("drover_link_messages_received_total")
                .help("Messages from nodes, by type; malformed ones end the connection.")
                .labelNames("type")
                .register(registry);
        sent = Counter.builder()
                .name("drover_link_messages_sent_total")
                .help("Messages to nodes, by type; desired is split into full and delta.")
                .labelNames("type")
                .register(registry);
        sentBytes = Counter.builder()
                .name("drover_link_sent_bytes_total")
                .help("Bytes of messages to nodes, before WebSocket framing and TLS.")
                .register(registry);
        refused = Counter.builder()
                .name("drover_link_refused_total")
                .help("Connections that were refused or ended by the server, by reason.")
                .labelNames("reason")
                .register(registry);
        GaugeWithCallback.builder()
                .name("drover_link_connected_hosts")
                .help("Hosts that are connected.")
                .callback(callback -> callback.call(connected.getAsInt()))
                .register(registry);
    }
}
