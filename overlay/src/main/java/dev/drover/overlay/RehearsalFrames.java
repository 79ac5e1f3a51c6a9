package dev.drover.overlay;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Tap;
import java.net.Inet4Address;

/**
 * The frames of a {@link Rehearsal} as a TAP hands them out, checksums left to the device: what most packets of containers
 * are. Addresses are of RFC 5737; they leave the process on loopback only.
 *
 * <pre>
 *  | vnet header 12 | Ethernet 14 | IPv4 20 | TCP 20 or UDP 8 | payload |
 * </pre>
 */
final class RehearsalFrames {
    /** Whose MAC is known. */
    static final Inet4Address RECEIVER = Inet4Address.ofLiteral("192.0.2.2");

    static final Mac RECEIVER_MAC = Mac.parse("02:00:00:00:00:02");

    /** Addresses whose owner is known. */
    static final Cidr SUBNET = Cidr.parse("192.0.2.128/25");

    private static final Mac SENDER_MAC = Mac.parse("02:00:00:00:00:01");
    private static final int SENDER_ADDRESS = 0xc000_0201;
    private static final int RECEIVER_ADDRESS = 0xc000_0202;
    private static final int ETHERNET_BYTES = 14;
    private static final int L4 = ETHERNET_BYTES + 20;
    private static final int TCP = 6;
    private static final int UDP = 17;
    private static final int TCP_BYTES = 20;
    private static final int TCP_MSS_BYTES = 4;
    private static final int UDP_BYTES = 8;
    private static final int IPV6_BYTES = 40;
    private static final int ARP_FRAME_BYTES = 42;
    private static final long ARP_REQUEST = 0x0001_0800_0604_0001L;
    private static final long BROADCAST = 0xffff_ffff_ffffL;
    private static final long ALL_ROUTERS_OF_MLD = 0x3333_0000_0016L;
    private static final int TCP_CHECKSUM = 16;
    private static final int UDP_CHECKSUM = 6;
    private static final int NEEDS_CSUM = 1;
    private static final int GSO_NONE = 0;
    private static final int GSO_TCPV4 = 1;
    private static final int SEGMENT_BYTES = 1_000;
    private static final int SEGMENTS = 3;
    private static final int SMALL_BYTES = 64;

    private RehearsalFrames() {}

    /** One frame where it is, vnet header first. */
    record Frame(long address, int length) {}

    /** Three segments of TCP. */
    static Frame superFrame(Slab slab) {
        return tcp(slab, SEGMENTS * SEGMENT_BYTES, GSO_TCPV4);
    }

    /** An acknowledgement of TCP. */
    static Frame acknowledgement(Slab slab) {
        return tcp(slab, 0, GSO_NONE);
    }

    /** A small packet of UDP. */
    static Frame datagram(Slab slab) {
        Frame frame = ip(slab, UDP, UDP_BYTES + SMALL_BYTES, UDP_CHECKSUM);
        long udp = frame.address + Tap.VNET_HEADER_BYTES + L4;
        Memory.putIntBe(udp, 40_000 << 16 | 9);
        Memory.putShortBe(udp + 4, UDP_BYTES + SMALL_BYTES);
        return frame;
    }

    /** Opens a connection of TCP. */
    static Frame opening(Slab slab) {
        Frame frame = tcp(slab, TCP_MSS_BYTES, GSO_NONE);
        long tcp = frame.address + Tap.VNET_HEADER_BYTES + L4;
        Memory.putShortBe(tcp + 12, 6 << 12 | 0x02); // header of six words, SYN
        Memory.putIntBe(tcp + TCP_BYTES, 2 << 24 | TCP_MSS_BYTES << 16 | SEGMENT_BYTES);
        return frame;
    }

    /** An ARP request to everybody. */
    static Frame question(Slab slab, Inet4Address target) {
        int bytes = Tap.VNET_HEADER_BYTES + ARP_FRAME_BYTES;
        long vnet = slab.allocate(bytes);
        long frame = vnet + Tap.VNET_HEADER_BYTES;
        Memory.putMac(frame, BROADCAST);
        Memory.putMac(frame + 6, SENDER_MAC.value());
        Memory.putShortBe(frame + 12, 0x0806);
        Memory.putLong(frame + ETHERNET_BYTES, Long.reverseBytes(ARP_REQUEST));
        Memory.putMac(frame + 22, SENDER_MAC.value());
        Memory.putIntBe(frame + 28, SENDER_ADDRESS);
        Memory.putIntBe(frame + 38, Cidr.toInt(target));
        return new Frame(vnet, bytes);
    }

    /** A packet to a group of IPv6, of which every interface sends some when it comes up. */
    static Frame multicast(Slab slab) {
        int bytes = Tap.VNET_HEADER_BYTES + ETHERNET_BYTES + IPV6_BYTES;
        long vnet = slab.allocate(bytes);
        long frame = vnet + Tap.VNET_HEADER_BYTES;
        Memory.putMac(frame, ALL_ROUTERS_OF_MLD);
        Memory.putMac(frame + 6, SENDER_MAC.value());
        Memory.putShortBe(frame + 12, 0x86dd);
        Memory.putByte(frame + ETHERNET_BYTES, 0x60);
        return new Frame(vnet, bytes);
    }

    private static Frame tcp(Slab slab, int payload, int gsoType) {
        Frame frame = ip(slab, TCP, TCP_BYTES + payload, TCP_CHECKSUM);
        long tcp = frame.address + Tap.VNET_HEADER_BYTES + L4;
        Memory.putIntBe(tcp, 40_000 << 16 | 80);
        Memory.putShortBe(tcp + 12, 5 << 12 | 0x10); // header of five words, ACK
        Memory.putByte(frame.address + 1, gsoType);
        Memory.putShort(frame.address + 2, L4 + TCP_BYTES);
        Memory.putShort(frame.address + 4, gsoType == GSO_NONE ? 0 : SEGMENT_BYTES);
        return frame;
    }

    /** @param length behind the IP header, whose checksum begins as the sum of the pseudo-header */
    private static Frame ip(Slab slab, int protocol, int length, int checksum) {
        int bytes = Tap.VNET_HEADER_BYTES + L4 + length;
        long vnet = slab.allocate(bytes);
        Memory.putByte(vnet, NEEDS_CSUM);
        Memory.putShort(vnet + 6, L4);
        Memory.putShort(vnet + 8, checksum);
        long frame = vnet + Tap.VNET_HEADER_BYTES;
        Memory.putMac(frame, RECEIVER_MAC.value());
        Memory.putMac(frame + 6, SENDER_MAC.value());
        Memory.putShortBe(frame + 12, 0x0800);
        long ip = frame + ETHERNET_BYTES;
        Memory.putShortBe(ip, 0x4500);
        Memory.putShortBe(ip + 2, L4 - ETHERNET_BYTES + length);
        Memory.putShortBe(ip + 6, 0x4000);
        Memory.putShortBe(ip + 8, 64 << 8 | protocol);
        Memory.putIntBe(ip + 12, SENDER_ADDRESS);
        Memory.putIntBe(ip + 16, RECEIVER_ADDRESS);
        Memory.putShort(ip + 10, Checksum.finish(Checksum.add(0, ip, L4 - ETHERNET_BYTES)));
        long sum = (long) Checksum.word(protocol) + Checksum.word(length);
        Memory.putShort(frame + L4 + checksum, Checksum.fold(Checksum.add(sum, ip + 12, 8)));
        return new Frame(vnet, bytes);
    }
}
