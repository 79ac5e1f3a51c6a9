package dev.drover.overlay;

import dev.drover.dataplane.Cidr;

/**
 * The host's own part in an overlay. Addresses are IPv4 in host byte order.
 *
 * @param bridge at most 15 bytes, {@code drv<VNI>}; made when absent
 * @param subnet of the whole overlay; the bridge gets {@code address} with its prefix length
 * @param address the host's own, the containers' gateway: first one of its block
 * @param dns address of the resolver, on a device of its own
 * @param mtu of the overlay, bytes
 * @param sealed whether the overlay is encrypted, which takes room in each packet
 */
public record HostNetworkSpec(String bridge, Cidr subnet, int address, int dns, int mtu, boolean sealed) {
    public HostNetworkSpec {
        if (!subnet.contains(address)) {
            throw new IllegalArgumentException(
                    "address: " + Cidr.format(address) + " (expected: within " + subnet + ")");
        }
    }

    /** Without encryption. */
    public HostNetworkSpec(String bridge, Cidr subnet, int address, int dns, int mtu) {
        this(bridge, subnet, address, dns, mtu, false);
    }
}
