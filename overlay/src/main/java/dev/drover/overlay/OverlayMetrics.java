package dev.drover.overlay;

import dev.drover.overlay.path.PeerPath;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.function.ToLongFunction;

/** The metrics of an overlay, read at scrape. */
final class OverlayMetrics {
    private OverlayMetrics() {}

    static void register(PrometheusRegistry registry, Overlay overlay) {
        overlay.drops().register(registry, "drover_overlay_drops", "frames not passed on", "reason");
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
        GaugeWithCallback.builder()
                .name("drover_overlay_mtu_bytes")
                .help("largest IP packet inside the overlay")
                .callback(sink -> sink.call(overlay.mtu()))
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
