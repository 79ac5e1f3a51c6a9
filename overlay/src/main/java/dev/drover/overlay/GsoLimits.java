package dev.drover.overlay;

/**
 * Limits on the super-frames that a container's stack builds, set on its interface, so that what it hands over leaves
 * the host as one {@code UDP_SEGMENT} send. Above them the kernel would cut a super-frame into packets before the
 * tunnel sees it.
 *
 * @param sizeBytes largest super-frame
 * @param segments most segments of one
 */
record GsoLimits(int sizeBytes, int segments) {
    /** Payload of one UDP send: 65535 less the IPv4 header of 20 and the UDP header of 8. */
    private static final int UDP_PAYLOAD_BYTES_MAX = 65507;

    /** Segments of one UDP_SEGMENT send before Linux 6.9 (UDP_MAX_SEGMENTS). */
    private static final int UDP_SEGMENTS_MAX = 64;

    /** VXLAN header and inner Ethernet header in front of each segment. */
    private static final int SEGMENT_OVERHEAD_BYTES = 8 + 14;

    /** Leaves room for 50 bytes of outer headers and for the padding of receive buffers of 64 KB. */
    private static final int SIZE_BYTES_MAX = 61440;

    /**
     * For MTU 1450: 44 segments, since 44 x 1472 bytes fit into a send and 45 do not.
     *
     * @param sealed the overlay is encrypted; then the same holds for MTU 1418
     */
    static GsoLimits of(int mtu, boolean sealed) {
        int overhead = SEGMENT_OVERHEAD_BYTES + (sealed ? Endpoint.SEAL_BYTES : 0);
        int segments = Math.min(UDP_SEGMENTS_MAX, UDP_PAYLOAD_BYTES_MAX / (mtu + overhead));
        return new GsoLimits(SIZE_BYTES_MAX, Math.max(1, segments));
    }
}
