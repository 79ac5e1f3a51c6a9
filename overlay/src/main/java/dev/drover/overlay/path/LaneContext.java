package dev.drover.overlay.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Snapshot;
import org.jspecify.annotations.Nullable;

/**
 * What both directions of one lane share.
 *
 * @param lane number, for the counters
 * @param vni of the network
 * @param mtu of the overlay: largest inner IP packet
 * @param observer of the lane, which both directions tell what they see
 * @param handshakes where those of the lane go; null when the overlay is not encrypted
 */
public record LaneContext(
        int lane,
        int vni,
        int mtu,
        Snapshot<Forwarding> forwarding,
        CounterSet<Drop> drops,
        CounterSet<Traffic> traffic,
        Observer observer,
        @Nullable HandshakeRing handshakes) {

    /** Of an overlay without encryption. */
    public LaneContext(
            int lane,
            int vni,
            int mtu,
            Snapshot<Forwarding> forwarding,
            CounterSet<Drop> drops,
            CounterSet<Traffic> traffic,
            Observer observer) {
        this(lane, vni, mtu, forwarding, drops, traffic, observer, null);
    }

    /** The VXLAN header of this network as a long in the machine's order. */
    long vxlanHeader() {
        long header = (long) Wire.VXLAN_FLAG_VNI << 56 | (long) vni << 8;
        return Long.reverseBytes(header);
    }
}
