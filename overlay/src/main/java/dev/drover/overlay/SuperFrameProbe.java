package dev.drover.overlay;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.SysException;
import dev.drover.dataplane.Tap;
import dev.drover.dataplane.TcxRedirect;
import org.jspecify.annotations.Nullable;

/**
 * Finds out whether this kernel carries super-frames of a VXLAN tunnel from a TAP to another interface: writes one to a
 * tunnel TAP, lets it be redirected to a second, and reads it back there twice, once whole and once cut by the kernel,
 * comparing every field and byte that matters. Touches no interface but the two it makes, and those for some
 * milliseconds.
 *
 * <pre>
 *  | vnet 24 | Ethernet 14 | IPv4 20 or IPv6 40 | UDP 8 | VXLAN 8 | Ethernet 14 | IPv4 20 | TCP 20 | payload 3001 |
 * </pre>
 */
final class SuperFrameProbe {
    private static final int ETHERNET = Tap.TUNNEL_HEADER_BYTES;
    private static final int IP = ETHERNET + 14;
    private static final int SEGMENT_BYTES = 1_000;
    private static final int SEGMENTS = 4;
    private static final int PAYLOAD_BYTES = SEGMENT_BYTES * (SEGMENTS - 1) + 1;
    private static final int SEQUENCE = 1_000_000;

    private static final int TCP_OVER_UDP_OVER_IPV4 = 1 | 0x20;
    private static final int TCP_OVER_UDP_OVER_IPV6 = 1 | 0x40;
    private static final int NEEDS_CSUM_BOTH = 1 | 8;
    private static final int PROTOCOL_TCP = 6;
    private static final int PROTOCOL_UDP = 17;
    private static final int READ_BYTES = 66 * 1024;
    private static final int TIMEOUT_MS = 200;
    private static final int POLLIN = 1;

    private final Tap in;
    private final Tap out;
    private final boolean v4;
    private final int udp;
    private final int inner;
    private final int innerIp;
    private final int innerTcp;
    private final int payload;
    private final int length;
    private final long frame;
    private final long read;
    private final long poll;

    private SuperFrameProbe(Tap in, Tap out, boolean v4, Slab slab) {
        this.in = in;
        this.out = out;
        this.v4 = v4;
        udp = IP + (v4 ? 20 : 40);
        inner = udp + 16;
        innerIp = inner + 14;
        innerTcp = innerIp + 20;
        payload = innerTcp + 20;
        length = payload + PAYLOAD_BYTES;
        frame = slab.allocate(length);
        read = slab.allocate(READ_BYTES);
        poll = slab.allocate(8);
    }

    /**
     * What is wrong, or null when super-frames cross unharmed.
     *
     * @param vni makes the names of the two interfaces
     * @param v4 the underlay is IPv4, not IPv6
     */
    static @Nullable String problem(int vni, boolean v4) {
        try (Slab slab = new Slab();
                Rtnetlink netlink = Rtnetlink.open();
                Tap in = Tap.openTunnel("dri" + vni, 1);
                Tap out = Tap.openTunnel("dro" + vni, 1)) {
            int from = netlink.links().get(in.name()).index();
            int to = netlink.links().get(out.name()).index();
            try (TcxRedirect _ = TcxRedirect.verbatim(from, to)) {
                netlink.links().setUpWithoutIpv6(to);
                netlink.links().setUpWithoutIpv6(from);
                return new SuperFrameProbe(in, out, v4, slab).run();
            }
        } catch (SysException e) {
            return "no tunnel offloads for TAP, or no TCX (Linux 6.17): " + e.getMessage();
        }
    }

    private @Nullable String run() {
        compose();
        if (!write()) {
            return "a super-frame was refused";
        }
        int got = next();
        if (got != length || !wholeAsSent()) {
            return "a super-frame was changed on its way (" + got + " of " + length + " bytes)";
        }
        out.acceptSuperFrames(false);
        write();
        for (int i = 0; i < SEGMENTS; i++) {
            int bytes = i < SEGMENTS - 1 ? SEGMENT_BYTES : 1;
            got = next();
            if (got != payload + bytes || !segmentAsMeant(i, bytes)) {
                return "the kernel cut a super-frame wrongly (packet " + (i + 1) + ", " + got + " bytes)";
            }
        }
        return null;
    }

    private boolean write() {
        return Sys.write(in.queue(0), frame, length) == length;
    }

    /** Length of the next frame that is ours, at {@link #read}; -1 when none comes. */
    private int next() {
        while (true) {
            Memory.putInt(poll, out.queue(0));
            Memory.putInt(poll + 4, POLLIN);
            if (Sys.poll(poll, 1, TIMEOUT_MS) <= 0) {
                return -1;
            }
            int got = (int) Sys.read(out.queue(0), read, READ_BYTES);
            if (got > payload && Memory.getLong(read + ETHERNET) == Memory.getLong(frame + ETHERNET)) {
                return got;
            }
        }
    }

    private void compose() {
        Memory.putByte(frame, NEEDS_CSUM_BOTH);
        Memory.putByte(frame + 1, v4 ? TCP_OVER_UDP_OVER_IPV4 : TCP_OVER_UDP_OVER_IPV6);
        Memory.putShort(frame + 2, payload - ETHERNET);
        Memory.putShort(frame + 4, SEGMENT_BYTES);
        Memory.putShort(frame + 6, innerTcp - ETHERNET);
        Memory.putShort(frame + 8, 16);
        Memory.putShort(frame + 20, udp - ETHERNET);
        Memory.putShort(frame + 22, innerIp - ETHERNET);
        Memory.putLong(frame + ETHERNET, 0x0102_0000_0002_0002L);
        Memory.putShortBe(frame + ETHERNET + 12, v4 ? 0x0800 : 0x86dd);
        if (v4) {
            ip(IP, PROTOCOL_UDP);
        } else {
            ipv6();
        }
        Memory.putShortBe(frame + udp, 50_000);
        Memory.putShortBe(frame + udp + 2, 4_789);
        Memory.putShortBe(frame + udp + 4, length - udp);
        Memory.putShort(frame + udp + 6, Checksum.fold(pseudo(frame, IP, PROTOCOL_UDP, length - udp)));
        Memory.putIntBe(frame + udp + 8, 0x0800_0000);
        Memory.putLong(frame + inner, 0x0102_0000_0004_0002L);
        Memory.putShortBe(frame + inner + 12, 0x0800);
        ip(innerIp, PROTOCOL_TCP);
        Memory.putIntBe(frame + innerTcp + 4, SEQUENCE);
        Memory.putShortBe(frame + innerTcp + 12, 0x5010);
        Memory.putShort(frame + innerTcp + 16, Checksum.fold(pseudo(frame, innerIp, PROTOCOL_TCP, length - innerTcp)));
        for (int i = 0; i < PAYLOAD_BYTES; i++) {
            Memory.putByte(frame + payload + i, i * 31 + i / 251);
        }
    }

    private void ip(int offset, int protocol) {
        long ip = frame + offset;
        Memory.putShortBe(ip, 0x4500);
        Memory.putShortBe(ip + 2, length - offset);
        Memory.putShortBe(ip + 6, 0x4000);
        Memory.putShortBe(ip + 8, 64 << 8 | protocol);
        Memory.putIntBe(ip + 12, 0xc000_0201);
        Memory.putIntBe(ip + 16, 0xc000_0202);
        Memory.putShort(ip + 10, Checksum.finish(Checksum.add(0, ip, 20)));
    }

    private void ipv6() {
        long ip = frame + IP;
        Memory.putIntBe(ip, 0x6000_0000);
        Memory.putShortBe(ip + 4, length - udp);
        Memory.putShortBe(ip + 6, PROTOCOL_UDP << 8 | 64);
        Memory.putIntBe(ip + 8, 0x2001_0db8);
        Memory.putIntBe(ip + 20, 1);
        Memory.putIntBe(ip + 24, 0x2001_0db8);
        Memory.putIntBe(ip + 36, 2);
    }

    private long pseudo(long base, int ip, int protocol, int bytes) {
        long sum = (long) Checksum.word(protocol) + Checksum.word(bytes);
        return ip == IP && !v4 ? Checksum.add(sum, base + ip + 8, 32) : Checksum.add(sum, base + ip + 12, 8);
    }

    private boolean wholeAsSent() {
        boolean offload = Memory.getByte(read + 1) == (v4 ? TCP_OVER_UDP_OVER_IPV4 : TCP_OVER_UDP_OVER_IPV6)
                && Memory.getShort(read + 4) == SEGMENT_BYTES
                && Memory.getShort(read + 6) == innerTcp - ETHERNET;
        return offload && same(read + ETHERNET, frame + ETHERNET, length - ETHERNET);
    }

    private boolean segmentAsMeant(int index, int bytes) {
        return Memory.getByte(read + 1) == 0
                && outerAsMeant(payload + bytes)
                && Memory.getShortBe(read + innerIp + 2) == payload + bytes - innerIp
                && Memory.getIntBe(read + innerTcp + 4) == SEQUENCE + index * SEGMENT_BYTES
                && Checksum.fold(Checksum.add(0, read + innerIp, 20)) == 0xffff
                && complete(IP, udp, PROTOCOL_UDP, payload + bytes)
                && complete(innerIp, innerTcp, PROTOCOL_TCP, payload + bytes)
                && same(read + payload, frame + payload + index * (long) SEGMENT_BYTES, bytes);
    }

    private boolean outerAsMeant(int end) {
        return v4
                ? Memory.getShortBe(read + IP + 2) == end - IP
                        && Checksum.fold(Checksum.add(0, read + IP, 20)) == 0xffff
                : Memory.getShortBe(read + IP + 4) == end - udp;
    }

    private boolean complete(int ip, int l4, int protocol, int end) {
        long sum = Checksum.add(pseudo(read, ip, protocol, end - l4), read + l4, end - l4);
        return Checksum.fold(sum) == 0xffff;
    }

    private static boolean same(long a, long b, int length) {
        for (int i = 0; i < length; i++) {
            if (Memory.getByte(a + i) != Memory.getByte(b + i)) {
                return false;
            }
        }
        return true;
    }
}
