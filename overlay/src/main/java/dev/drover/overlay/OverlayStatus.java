package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

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
        InetAddress vtep,
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
     * One peer, with its counters since it was configured. Bytes are those of inner frames.
     *
     * @param learns its addresses are not configured but learned
     * @param subnets behind it
     * @param superFrames it gets super-frames whole
     * @param obstacle why it does not get them, null when it does
     * @param remoteChecksum it takes packets with the checksum inside unfinished, and gets them
     * @param path what probes have found out, null when it is not probed
     * @param silentMs since something was last received from it, to about two seconds; null when nothing ever was
     * @param session how its packets are encrypted, null in an overlay without encryption
     */
    public record PeerStatus(
            InetAddress vtep,
            boolean learns,
            List<Cidr> subnets,
            boolean superFrames,
            @Nullable String obstacle,
            boolean remoteChecksum,
            long txPackets,
            long txBytes,
            long rxPackets,
            long rxBytes,
            @Nullable Long silentMs,
            @Nullable Path path,
            @Nullable SessionStatus session) {}

    /**
     * The way to a peer that answers probes.
     *
     * @param answers the last probes were answered
     * @param mtu largest IP packet inside the overlay that arrives there, bytes
     */
    public record Path(boolean answers, int mtu) {}
}
