package dev.drover.overlay.path;

/** Why a frame was not passed on; each has a counter. */
public enum Drop {
    /** Underlay: sender is not a configured VTEP. */
    UNKNOWN_VTEP,
    /** Underlay: datagram too short for VXLAN and Ethernet, or TAP: frame shorter than Ethernet. */
    RUNT,
    /** Underlay: datagram without the VNI flag (RFC 7348 section 5). */
    NO_VNI,
    /** Underlay: VNI of another network. */
    WRONG_VNI,
    /** Underlay: sealed datagram or handshake, but this overlay is not encrypted. */
    ENCRYPTED,
    /** Underlay: datagram that is not sealed, but this overlay is encrypted. */
    PLAINTEXT,
    /** Either: no session with the peer, or underlay: sealed for one that is over. */
    NO_SESSION,
    /** Underlay: sealed with another key, or changed on its way. */
    BAD_TAG,
    /** Underlay: sealed packet that was accepted before, or is too old to tell. */
    REPLAYED,
    /** Underlay: handshake of somebody who has not the peer's key, or a repeated one. */
    BAD_HANDSHAKE,
    /** Underlay: more handshakes than are looked at. */
    HANDSHAKE_LIMIT,
    /** Underlay: datagram longer than any that a VTEP may send. */
    TRUNCATED,
    /** Underlay: an aggregated frame whose headers do not agree with its length. */
    MALFORMED_SUPER_FRAME,
    /** Underlay: an aggregated frame whose checksum is neither complete nor partial. */
    BAD_CHECKSUM,
    /** Either: source MAC is a group address. */
    GROUP_SOURCE,
    /** Either: addresses that never leave a link, such as those of spanning tree. */
    LINK_LOCAL_GROUP,
    /** Either: source IP or ARP sender belongs to another host. */
    SPOOFED_SOURCE,
    /** Underlay: the TAP did not take the frame. */
    TAP_WRITE_FAILED,
    /** TAP: offload fields that do not agree with the frame. */
    MALFORMED_OFFLOAD,
    /** TAP: longer than the MTU and not divisible. */
    OVERSIZE,
    /** TAP: for an address of this host's own block; the bridge has delivered it already. */
    LOCAL_DESTINATION,
    /** TAP: ARP request for an address that nobody owns. */
    ARP_UNKNOWN,
    /** TAP: more announcements of addresses (gratuitous ARP) than the peers are to be bothered with. */
    ANNOUNCEMENT_LIMIT,
    /** TAP: broadcast or multicast, and no peer is to get copies. */
    GROUP_DESTINATION,
    /** TAP: no peer is known for the destination. */
    UNKNOWN_DESTINATION,
    /** TAP: the socket's queue is full. */
    SOCKET_FULL,
    /** TAP: the kernel refused to send, no route for instance. */
    SEND_FAILED
}
