package dev.drover.overlay;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.net.Inet4Address;
import java.util.List;
import java.util.Map;

/**
 * What a tunnel endpoint does at the moment.
 *
 * @param tap name of its device
 * @param underlay name of the interface that has the VTEP's address
 * @param mode in force, never AUTO
 * @param modeReason why that mode
 * @param mtu largest IP packet inside the overlay, bytes
 * @param drops frames not passed on, by reason; every reason is present
 */
public record OverlayStatus(
        int vni,
        Inet4Address vtep,
        String tap,
        String bridge,
        String underlay,
        Mode mode,
        String modeReason,
        int mtu,
        List<PeerStatus> peers,
        Map<Traffic, Long> traffic,
        Map<Drop, Long> drops) {

    /**
     * Counters of one peer since it was configured. Bytes are those of inner frames.
     *
     * @param learns its addresses are not configured but learned
     */
    public record PeerStatus(
            Inet4Address vtep, boolean learns, long txPackets, long txBytes, long rxPackets, long rxBytes) {}
}
