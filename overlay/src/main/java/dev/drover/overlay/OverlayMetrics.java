package dev.drover.overlay;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.PeerPath;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;

/** The metrics of an overlay, read at scrape. */
final class OverlayMetrics {
    private OverlayMetrics() {}

    static void register(PrometheusRegistry registry, Overlay overlay) {
        overlay.drops().register(registry, "drover_overlay_drops", dropsHelp(), "reason");
        overlay.traffic().register(registry, "drover_overlay_events", "what the tunnel endpoint did", "event");
        peer(registry, overlay, "tx_packets", "packets sent", PeerPath::txPackets);
        peer(registry, overlay, "tx_bytes", "bytes of inner frames sent", PeerPath::txBytes);
        peer(registry, overlay, "rx_packets", "packets received", PeerPath::rxPackets);
        peer(registry, overlay, "rx_bytes", "bytes of inner frames received", PeerPath::rxBytes);
        GaugeWithCallback.builder()
                .name("drover_overlay_peer_session")
                .help("1 while packets to the peer can be sealed; encrypted overlays only")
                .labelNames("vtep")
                .callback(sink -> {
                    if (overlay.config().encryption() != null) {
                        overlay.forEachPeer(OverlayMetrics::session, (vtep, value) -> sink.call((double) value, vtep));
                    }
                })
                .register(registry);
        path(registry, overlay, "answers", "1 while the peer answers path probes", view -> view.answers() ? 1 : 0);
        path(
                registry,
                overlay,
                "mtu_bytes",
                "largest IP packet inside the overlay that arrives at the peer",
                view -> Math.min(view.mtu(), overlay.mtu()));
        flows(registry, overlay);
        GaugeWithCallback.builder()
                .name("drover_overlay_mtu_bytes")
                .help("largest IP packet inside the overlay")
                .callback(sink -> sink.call(overlay.mtu()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("drover_overlay_mode")
                .help("1 for the mode in force and the reason for it")
                .labelNames("mode", "reason")
                .callback(sink -> {
                    SelfTest.Choice choice = overlay.choice();
                    sink.call(1, choice.mode().name().toLowerCase(Locale.ROOT), choice.reason());
                })
                .register(registry);
    }

    private static void flows(PrometheusRegistry registry, Overlay overlay) {
        FlowTable table = overlay.lookout().table();
        GaugeWithCallback.builder()
                .name("drover_overlay_flows")
                .help("flows in the table")
                .callback(sink -> sink.call(table.size()))
                .register(registry);
        counter(registry, "drover_overlay_flow_samples", "frames sampled", table::samples);
        counter(registry, "drover_overlay_flow_evictions", "flows that gave way to others", table::evictions);
        counter(
                registry,
                "drover_overlay_flow_samples_lost",
                "samples that there was no room for",
                overlay.lookout()::samplesLost);
    }

    private static void counter(PrometheusRegistry registry, String name, String help, LongSupplier value) {
        CounterWithCallback.builder()
                .name(name)
                .help(help)
                .callback(sink -> sink.call((double) value.getAsLong()))
                .register(registry);
    }

    private static String dropsHelp() {
        return Arrays.stream(Drop.values())
                .map(drop -> drop.name().toLowerCase(Locale.ROOT) + ": " + drop.meaning())
                .collect(Collectors.joining("; ", "frames not passed on. ", ""));
    }

    /** Of the peers that are probed. */
    private static void path(
            PrometheusRegistry registry,
            Overlay overlay,
            String what,
            String help,
            ToLongFunction<PathProbes.View> value) {
        GaugeWithCallback.builder()
                .name("drover_overlay_peer_" + what)
                .help(help)
                .labelNames("vtep")
                .callback(sink ->
                        overlay.forEachProbed((vtep, view) -> sink.call((double) value.applyAsLong(view), vtep)))
                .register(registry);
    }

    private static long session(PeerPath peer) {
        return peer.keyring().sending() == null ? 0 : 1;
    }

    private static void peer(
            PrometheusRegistry registry, Overlay overlay, String what, String help, ToLongFunction<PeerPath> counter) {
        CounterWithCallback.builder()
                .name("drover_overlay_peer_" + what)
                .help(help)
                .labelNames("vtep")
                .callback(sink -> overlay.forEachPeer(counter, (vtep, value) -> sink.call((double) value, vtep)))
                .register(registry);
    }
}
