package dev.drover.node;

import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleSupplier;

/** Gauges of a joined node, read at scrape. */
final class NodeMetrics {
    private NodeMetrics() {}

    static void register(PrometheusRegistry registry, ManagedNode node) {
        GaugeWithCallback.builder()
                .name("drover_node_containers")
                .help("Containers of this host, managed or not")
                .labelNames("state")
                .callback(sink -> byState(node).forEach((state, count) -> sink.call(count, state)))
                .register(registry);
        gauge(
                registry,
                "drover_node_attached_containers",
                "Containers in the overlay",
                () -> node.facts().stream()
                        .filter(fact -> fact.address() != null)
                        .count());
        gauge(
                registry,
                "drover_node_connected",
                "1 while the control plane is connected",
                () -> node.connected() ? 1 : 0);
        gauge(registry, "drover_node_engine_up", "1 while the Docker engine answers", () -> node.engineUp() ? 1 : 0);
        gauge(registry, "drover_node_desired_revision", "Revision of the desired state", node::revision);
        gauge(
                registry,
                "drover_node_problems",
                "Desired entries that could not be applied",
                () -> node.problems().size());
    }

    private static Map<String, Integer> byState(ManagedNode node) {
        Map<String, Integer> counts = new TreeMap<>();
        node.facts().forEach(fact -> counts.merge(fact.state(), 1, Integer::sum));
        return counts;
    }

    private static void gauge(PrometheusRegistry registry, String name, String help, DoubleSupplier value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .callback(sink -> sink.call(value.getAsDouble()))
                .register(registry);
    }
}
