package dev.drover.dataplane;

/**
 * A veth pair to be made: this end in the socket's namespace, the other end in {@code peerNs}. Both are made down.
 *
 * @param name of this end, at most 15 bytes
 * @param mac of this end
 * @param peerName of the other end, at most 15 bytes
 * @param mtu of both ends, bytes
 * @param gsoMaxSizeBytes largest super-frame that the stack at the other end builds
 * @param gsoMaxSegments most segments of such a super-frame
 */
public record VethSpec(
        String name,
        Mac mac,
        NetNs peerNs,
        String peerName,
        Mac peerMac,
        int mtu,
        int gsoMaxSizeBytes,
        int gsoMaxSegments) {}
