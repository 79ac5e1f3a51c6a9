package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import java.net.Inet4Address;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One overlay network on this host; replaced as a whole by {@link Overlay#apply}.
 *
 * @param vni VXLAN network identifier, 1 to 2^24-1
 * @param vtep underlay address of this host; must be configured on one of its interfaces
 * @param port UDP port, 1 to 65535
 * @param bridge name of the Linux bridge the overlay plugs into, at most 15 bytes; created when absent
 * @param local this host's place in the subnet, null when the operator addresses the bridge himself
 * @param neighbours containers of other hosts whose MAC is known; the rest is resolved by asking the peer that owns the
 *     subnet
 */
public record OverlayConfig(
        int vni,
        Inet4Address vtep,
        int port,
        String bridge,
        Mode mode,
        @Nullable Local local,
        List<Peer> peers,
        List<Neighbour> neighbours) {

    public OverlayConfig {
        peers = List.copyOf(peers);
        neighbours = List.copyOf(neighbours);
    }

    /**
     * @param subnet of the whole overlay; the bridge gets the first address of {@code block} with its prefix length
     * @param block addresses of this host's containers
     */
    public record Local(Cidr subnet, Cidr block) {}

    /**
     * Another tunnel endpoint, ours or the kernel's.
     *
     * @param subnets addresses behind it; empty means unknown: learn its addresses and send it a copy of what is flooded
     */
    public record Peer(Inet4Address vtep, List<Cidr> subnets) {
        public Peer {
            subnets = List.copyOf(subnets);
        }
    }

    /**
     * A container of another host.
     *
     * @param address overlay address in host byte order
     * @param revision of the fact; an entry is replaced by newer ones only
     */
    public record Neighbour(int address, Mac mac, Inet4Address vtep, long revision) {}
}
