package dev.drover.overlay.path;

/**
 * Offsets and constants of the formats that the tunnel endpoint touches. A datagram of RFC 7348 section 5 inside its UDP
 * payload; inner frame without FCS:
 *
 * <pre>
 *  0               1               2               3
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |R|R|R|R|I|R|R|R|            reserved (zero, ignored)           |  VXLAN, 8 bytes
 *  |         VXLAN network identifier (VNI)        |   reserved    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  destination MAC (6)  |  source MAC (6)  |  ethertype (2)     |  Ethernet, 14 bytes (+4 per VLAN tag)
 *  |  IPv4 (20 to 60) or IPv6 (40)  |  TCP (20 to 60) or UDP (8)   |
 * </pre>
 *
 * In an encrypted overlay (docs/adr/0008) all of that is what is sealed; the first byte, 1, 2 or 4, never has the flag I:
 *
 * <pre>
 *  |   type (4)    |               reserved (zero)                 |  header, 16 bytes
 *  |           index that the receiver gave the session            |
 *  |                 counter (8), the nonce's                      |
 *  |  AES-256-GCM(VXLAN header, inner frame)  |  tag (16)          |
 * </pre>
 */
final class Wire {
    static final int VXLAN_BYTES = 8;
    static final int VXLAN_FLAG_VNI = 0x08;
    static final int VXLAN_VNI_OFFSET = 4;

    /** First byte of the datagrams of an encrypted overlay: handshake messages, and a sealed packet. */
    static final int SEALED_INITIATION = 1;

    static final int SEALED_RESPONSE = 2;
    /** A cookie for who sends too many of them. */
    static final int SEALED_COOKIE = 3;

    static final int SEALED_DATA = 4;
    static final int SEALED_INDEX = 4;
    static final int SEALED_COUNTER = 8;
    static final int SEALED_HEADER_BYTES = 16;
    static final int SEALED_OVERHEAD_BYTES = 32;

    static final int ETHERNET_BYTES = 14;
    static final int ETHERNET_SOURCE = 6;
    static final int ETHERNET_TYPE = 12;
    static final int VLAN_BYTES = 4;
    static final int MAX_VLAN_TAGS = 2;
    static final int TYPE_IPV4 = 0x0800;
    static final int TYPE_ARP = 0x0806;
    static final int TYPE_IPV6 = 0x86dd;
    static final int TYPE_VLAN = 0x8100;
    static final int TYPE_QINQ = 0x88a8;
    /** 01:80:c2:00:00:0x, never forwarded by a bridge (IEEE 802.1Q table 8-1). */
    static final long LINK_LOCAL_GROUP = 0x0180_c200_0000L;

    static final long LINK_LOCAL_GROUP_MASK = 0xffff_ffff_fff0L;
    static final long MAC_GROUP_BIT = 0x0100_0000_0000L;

    static final int IPV4_BYTES = 20;
    static final int IPV4_VERSION_IHL_PLAIN = 0x45;
    static final int IPV4_LENGTH = 2;
    static final int IPV4_ID = 4;
    static final int IPV4_FRAGMENT = 6;
    static final int IPV4_DONT_FRAGMENT = 0x4000;
    static final int IPV4_FRAGMENT_MASK = 0x3fff;
    static final int IPV4_TTL = 8;
    static final int IPV4_PROTOCOL = 9;
    static final int IPV4_CHECKSUM = 10;
    static final int IPV4_SOURCE = 12;
    static final int IPV4_DESTINATION = 16;
    static final int IPV4_ADDRESSES_BYTES = 8;

    static final int IPV6_BYTES = 40;
    static final int IPV6_VERSION = 0x60;
    static final int IPV6_LENGTH = 4;
    static final int IPV6_NEXT_HEADER = 6;
    static final int IPV6_HOP_LIMIT = 7;
    static final int IPV6_ADDRESSES = 8;
    static final int IPV6_ADDRESSES_BYTES = 32;

    static final int PROTOCOL_ICMPV6 = 58;
    /** Neighbour discovery (RFC 4861 sections 4.3 and 4.4), offsets from the ICMPv6 header. */
    static final int ND_SOLICITATION = 135;

    static final int ND_ADVERTISEMENT = 136;
    static final int ND_BYTES = 24;
    static final int ND_TARGET = 8;
    static final int ND_HOP_LIMIT = 255;

    static final int PROTOCOL_TCP = 6;
    static final int PROTOCOL_UDP = 17;

    static final int TCP_BYTES = 20;
    static final int TCP_SEQUENCE = 4;
    static final int TCP_DATA_OFFSET = 12;
    static final int TCP_FLAGS = 13;
    static final int TCP_CHECKSUM = 16;
    static final int TCP_FIN = 0x01;
    static final int TCP_SYN = 0x02;
    static final int TCP_PSH = 0x08;
    static final int TCP_ACK = 0x10;
    static final int TCP_CWR = 0x80;

    static final int UDP_BYTES = 8;
    static final int UDP_DESTINATION = 2;
    static final int UDP_LENGTH = 4;
    static final int UDP_CHECKSUM = 6;

    /** ARP for IPv4 over Ethernet (RFC 826), offsets from the Ethernet header. */
    static final int ARP_FRAME_BYTES = 42;

    static final long ARP_HARDWARE_PROTOCOL_LENGTHS = 0x0001_0800_0604L;
    static final int ARP_OPERATION = 20;
    static final int ARP_SENDER_MAC = 22;
    static final int ARP_SENDER_IP = 28;
    static final int ARP_TARGET_MAC = 32;
    static final int ARP_TARGET_IP = 38;
    static final int ARP_REQUEST = 1;
    static final int ARP_REPLY = 2;

    /** {@code struct virtio_net_hdr}, little-endian as the machine is. */
    static final int VNET_FLAGS = 0;

    static final int VNET_GSO_TYPE = 1;
    static final int VNET_GSO_SIZE = 4;
    static final int VNET_HEADERS = 2;
    static final int VNET_CSUM_START = 6;
    static final int VNET_CSUM_OFFSET = 8;
    static final int VNET_NEEDS_CSUM = 1;
    static final int VNET_GSO_NONE = 0;
    static final int VNET_GSO_TCPV4 = 1;
    static final int VNET_GSO_TCPV6 = 4;
    static final int VNET_GSO_UDP_L4 = 5;
    static final int VNET_GSO_ECN = 0x80;

    /** {@code struct virtio_net_hdr_v1_hash_tunnel}: what it adds. */
    static final int VNET_TUNNEL_CSUM = 8;

    static final int VNET_GSO_TUNNEL_IPV4 = 0x20;
    static final int VNET_GSO_TUNNEL_IPV6 = 0x40;
    static final int VNET_OUTER_L4 = 20;
    static final int VNET_INNER_L3 = 22;

    /** Most segments and bytes the kernel takes in one UDP_SEGMENT send on every version. */
    static final int MAX_SEGMENTS = 64;

    static final int MAX_DATAGRAM_BYTES = 65_507;
    static final int MAX_IP_BYTES = 65_535;

    private Wire() {}
}
