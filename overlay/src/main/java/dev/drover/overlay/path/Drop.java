package dev.drover.overlay.path;

/** Why a frame was not passed on; each has a counter, and words that commands, metrics and documentation share. */
public enum Drop {
    UNKNOWN_VTEP(
            "underlay: the sender is not a configured VTEP",
            "add the host as a peer, or look who sends to the VXLAN port"),
    RUNT("underlay: datagram too short for VXLAN and Ethernet; TAP: frame shorter than Ethernet", "look at the sender"),
    NO_VNI(
            "underlay: datagram without the VNI flag (RFC 7348 section 5)",
            "the peer speaks another protocol on this port"),
    WRONG_VNI("underlay: VNI of another network", "give both ends the same vni, or the networks different ports"),
    ENCRYPTED(
            "underlay: sealed datagram or handshake, but this overlay is not encrypted",
            "encrypt the overlay on every host, or on none"),
    PLAINTEXT(
            "underlay: datagram that is not sealed, but this overlay is encrypted",
            "give the peer a key, and tell it the public keys of the others"),
    NO_SESSION(
            "either: no session with the peer, or sealed for one that is over",
            "look whether the peer is up and reachable, and has the key it is configured with here"),
    BAD_TAG("underlay: sealed with another key, or changed on its way", "look who else sends from the peer's address"),
    REPLAYED(
            "underlay: sealed packet that was accepted before, or is too old to tell",
            "nothing, unless it grows fast: then somebody repeats packets, or the underlay delays them by thousands"),
    BAD_HANDSHAKE(
            "underlay: handshake of somebody who has not the peer's key, or a repeated one",
            "compare the keys on both hosts; the log names the peer and the reason"),
    HANDSHAKE_LIMIT(
            "underlay: more handshakes than five of a peer at once and two a second, or than 128 and 64 of all",
            "look who else sends from the peer's address; peers get through by cookies, event cookies counts these"),
    TRUNCATED("underlay: datagram longer than any that a VTEP may send", "look at the sender"),
    MALFORMED_SUPER_FRAME(
            "underlay: an aggregated frame whose headers do not agree with its length",
            "look at the VTEP on this machine that sends it"),
    BAD_CHECKSUM(
            "underlay: an aggregated frame whose checksum is neither complete nor partial",
            "look at the VTEP on this machine that sends it, give a kernel VXLAN device udpcsum"),
    GROUP_SOURCE("either: the source MAC is a group address", "look at the container or peer that sends it"),
    LINK_LOCAL_GROUP(
            "either: to an address that never leaves a link, such as those of spanning tree and LLDP",
            "nothing, that is as it should be"),
    SPOOFED_SOURCE(
            "either: source IP or ARP sender belongs to another host",
            "look for an address that is used twice, or for subnets that differ between the hosts' configurations"),
    TAP_WRITE_FAILED(
            "underlay: the TAP did not take the frame",
            "look whether device and bridge are up; they are repaired within two seconds"),
    MALFORMED_OFFLOAD(
            "TAP: offload fields that do not agree with the frame",
            "look at the container that sends it, or switch off its offloads"),
    OVERSIZE(
            "TAP: longer than the overlay's MTU and not divisible",
            "give the container's interface the overlay's MTU: attach it again"),
    LOCAL_DESTINATION(
            "TAP: for an address of this host's own block; the bridge has delivered it already, or nobody has it",
            "nothing, unless it grows fast: then look who asks for an address that no container has"),
    ARP_UNKNOWN(
            "TAP: ARP request for an address that nobody owns",
            "look who asks, and whether the peer that should own the address has its subnet configured here"),
    ANNOUNCEMENT_LIMIT(
            "TAP: more announcements of addresses (gratuitous ARP) than the peers are to be bothered with",
            "look for a container that announces without end"),
    GROUP_DESTINATION(
            "TAP: broadcast or multicast, and no peer is to get copies",
            "nothing; only peers without subnets get such frames"),
    UNKNOWN_DESTINATION(
            "TAP: no peer is known for the destination",
            "look whether a peer with the destination's subnet is configured here"),
    SOCKET_FULL(
            "TAP: the socket's queue is full",
            "the underlay is slower than the containers; TCP adapts, for UDP send less"),
    SEND_FAILED("TAP: the kernel refused to send", "look for the route to the peer, and whether the underlay is up");

    private final String meaning;
    private final String advice;

    Drop(String meaning, String advice) {
        this.meaning = meaning;
        this.advice = advice;
    }

    /** What happened, beginning with the side the frame came from. */
    public String meaning() {
        return meaning;
    }

    /** What the operator can do. */
    public String advice() {
        return advice;
    }
}
