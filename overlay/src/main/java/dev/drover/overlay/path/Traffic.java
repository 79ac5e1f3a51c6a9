package dev.drover.overlay.path;

/** What a tunnel endpoint did, counted per lane. Bytes are those of inner frames. */
public enum Traffic {
    /** Packets handed to the underlay, each segment counted. */
    TX_PACKETS,
    TX_BYTES,
    /** Super-frames cut into segments here. */
    TX_SEGMENTED,
    /** Packets whose checksum inside was left to a peer that takes such. */
    REMOTE_CHECKSUMS,
    /** Super-frames handed to the kernel whole. */
    TX_SUPER_FRAMES,
    /** Super-frames that the kernel did not take whole and that were cut here instead. */
    SUPER_FRAMES_REFUSED,
    /** System calls that sent. */
    TX_CALLS,
    RX_PACKETS,
    RX_BYTES,
    /** Frames written to the TAP that were joined from several packets. */
    RX_COALESCED,
    /** Super-frames that arrived whole from a VTEP on the same machine. */
    RX_SUPER_FRAMES,
    /** ARP requests answered from the table. */
    ARP_ANSWERED,
    /** Neighbour solicitations answered from the table. */
    ND_ANSWERED,
    /** ARP requests sent to the one peer that owns the address. */
    ARP_DIRECTED,
    /** Announcements of an address (gratuitous ARP) sent to every peer. */
    ARP_ANNOUNCED,
    /** Connections opened with segments larger than the overlay carries, lowered to what it does. */
    MSS_CLAMPED,
    /** Senders of packets above the MTU that were told it. */
    TOO_BIG_ANSWERED,
    /** Frames copied to every peer without known addresses. */
    FLOODED,
    /** Sessions made with peers of an encrypted overlay. */
    HANDSHAKES,
    /** Initiations of an encrypted overlay that were answered by a cookie, since there were too many. */
    COOKIES,
    /** Path probes sent. */
    PROBES,
    /** Path probes of other hosts, answered. */
    PROBES_ANSWERED,
    /** Path probes of a size that should arrive, without an answer. */
    PROBES_LOST,
    /** Times that packets of full size were found not to arrive at a peer that is there. */
    BLACK_HOLES,
    /** Sends repeated without segmentation because the kernel refused it. */
    SEGMENTATION_REFUSED
}
