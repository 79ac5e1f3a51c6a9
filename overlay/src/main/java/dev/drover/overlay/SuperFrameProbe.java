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
 *  | vnet 24 | Ethernet 14 | IPv4 20 | UDP 8 | VXLAN 8 | Ethernet 14 | IPv4 20 | TCP 20 | payload 3001 |
 * </pre>
 */
final class SuperFrameProbe {
    private static final int ETHERNET = Tap.TUNNEL_HEADER_BYTES;
    private static final int IP = ETHERNET + 14;
    private static final int UDP = IP + 20;
    private static final int INNER = UDP + 16;
    private static final int INNER_IP = INNER + 14;
    private static final int INNER_TCP = INNER_IP + 20;
    private static final int PAYLOAD = INNER_TCP + 20;
    private static final int SEGMENT_BYTES = 1_000;
    private static final int SEGMENTS = 4;
    private static final int PAYLOAD_BYTES = SEGMENT_BYTES * (SEGMENTS - 1) + 1;
    private static final int LENGTH = PAYLOAD + PAYLOAD_BYTES;
    private static final int SEQUENCE = 1_000_000;

    private static final int TCP_OVER_UDP_TUNNEL = 1 | 0x20;
    private static final int NEEDS_CSUM_BOTH = 1 | 8;
    private static final int PROTOCOL_TCP = 6;
    private static final int PROTOCOL_UDP = 17;
    private static final int READ_BYTES = 66 * 1024;
    private static final int TIMEOUT_MS = 200;
    private static final int POLLIN = 1;

    private final Tap in;
    private final Tap out;
    private final long frame;
    private final long read;
    private final long poll;

    private SuperFrameProbe(Tap in, Tap out, Slab slab) {
        this.in = in;
        this.out = out;
        frame = slab.allocate(LENGTH);
        read = slab.allocate(READ_BYTES);
        poll = slab.allocate(8);
    }

    /**
     * What is wrong, or null when super-frames cross unharmed.
     *
     * @param vni makes the names of the two interfaces
     */
    static @Nullable String problem(int vni) {
        try (Slab slab = new Slab();
                Rtnetlink netlink = Rtnetlink.open();
                Tap in = Tap.openTunnel("dri" + vni, 1);
                Tap out = Tap.openTunnel("dro" + vni, 1)) {
            int from = netlink.links().get(in.name()).index();
            int to = netlink.links().get(out.name()).index();
            try (TcxRedirect _ = TcxRedirect.verbatim(from, to)) {
                netlink.links().setUpWithoutIpv6(to);
                netlink.links().setUpWithoutIpv6(from);
                return new SuperFrameProbe(in, out, slab).run();
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
        int length = next();
        if (length != LENGTH || !wholeAsSent()) {
            return "a super-frame was changed on its way (" + length + " of " + LENGTH + " bytes)";
        }
        out.acceptSuperFrames(false);
        write();
        for (int i = 0; i < SEGMENTS; i++) {
            int bytes = i < SEGMENTS - 1 ? SEGMENT_BYTES : 1;
            length = next();
            if (length != PAYLOAD + bytes || !segmentAsMeant(i, bytes)) {
                return "the kernel cut a super-frame wrongly (packet " + (i + 1) + ", " + length + " bytes)";
            }
        }
        return null;
    }

    private boolean write() {
        return Sys.write(in.queue(0), frame, LENGTH) == LENGTH;
    }

    /** Length of the next frame that is ours, at {@link #read}; -1 when none comes. */
    private int next() {
        while (true) {
            Memory.putInt(poll, out.queue(0));
            Memory.putInt(poll + 4, POLLIN);
            if (Sys.poll(poll, 1, TIMEOUT_MS) <= 0) {
                return -1;
            }
            int length = (int) Sys.read(out.queue(0), read, READ_BYTES);
            if (length > PAYLOAD && Memory.getLong(read + ETHERNET) == Memory.getLong(frame + ETHERNET)) {
                return length;
            }
        }
    }

    private void compose() {
        Memory.putByte(frame, NEEDS_CSUM_BOTH);
        Memory.putByte(frame + 1, TCP_OVER_UDP_TUNNEL);
        Memory.putShort(frame + 2, PAYLOAD - ETHERNET);
        Memory.putShort(frame + 4, SEGMENT_BYTES);
        Memory.putShort(frame + 6, INNER_TCP - ETHERNET);
        Memory.putShort(frame + 8, 16);
        Memory.putShort(frame + 20, UDP - ETHERNET);
        Memory.putShort(frame + 22, INNER_IP - ETHERNET);
        Memory.putLong(frame + ETHERNET, 0x0102_0000_0002_0002L);
        Memory.putShortBe(frame + ETHERNET + 12, 0x0800);
        ip(IP, PROTOCOL_UDP);
        Memory.putShortBe(frame + UDP, 50_000);
        Memory.putShortBe(frame + UDP + 2, 4_789);
        Memory.putShortBe(frame + UDP + 4, LENGTH - UDP);
        Memory.putShort(frame + UDP + 6, Checksum.fold(pseudo(frame, IP, PROTOCOL_UDP, LENGTH - UDP)));
        Memory.putIntBe(frame + UDP + 8, 0x0800_0000);
        Memory.putLong(frame + INNER, 0x0102_0000_0004_0002L);
        Memory.putShortBe(frame + INNER + 12, 0x0800);
        ip(INNER_IP, PROTOCOL_TCP);
        Memory.putIntBe(frame + INNER_TCP + 4, SEQUENCE);
        Memory.putShortBe(frame + INNER_TCP + 12, 0x5010);
        Memory.putShort(
                frame + INNER_TCP + 16, Checksum.fold(pseudo(frame, INNER_IP, PROTOCOL_TCP, LENGTH - INNER_TCP)));
        for (int i = 0; i < PAYLOAD_BYTES; i++) {
            Memory.putByte(frame + PAYLOAD + i, i * 31 + i / 251);
        }
    }

    private void ip(int offset, int protocol) {
        long ip = frame + offset;
        Memory.putShortBe(ip, 0x4500);
        Memory.putShortBe(ip + 2, LENGTH - offset);
        Memory.putShortBe(ip + 6, 0x4000);
        Memory.putShortBe(ip + 8, 64 << 8 | protocol);
        Memory.putIntBe(ip + 12, 0xc000_0201);
        Memory.putIntBe(ip + 16, 0xc000_0202);
        Memory.putShort(ip + 10, Checksum.finish(Checksum.add(0, ip, 20)));
    }

    private static long pseudo(long base, int ip, int protocol, int length) {
        return Checksum.add((long) Checksum.word(protocol) + Checksum.word(length), base + ip + 12, 8);
    }

    private boolean wholeAsSent() {
        boolean offload = Memory.getByte(read + 1) == TCP_OVER_UDP_TUNNEL
                && Memory.getShort(read + 4) == SEGMENT_BYTES
                && Memory.getShort(read + 6) == INNER_TCP - ETHERNET;
        return offload && same(read + ETHERNET, frame + ETHERNET, LENGTH - ETHERNET);
    }

    private boolean segmentAsMeant(int index, int bytes) {
        return Memory.getByte(read + 1) == 0
                && Memory.getShortBe(read + IP + 2) == PAYLOAD + bytes - IP
                && Memory.getShortBe(read + INNER_IP + 2) == PAYLOAD + bytes - INNER_IP
                && Memory.getIntBe(read + INNER_TCP + 4) == SEQUENCE + index * SEGMENT_BYTES
                && Checksum.fold(Checksum.add(0, read + IP, 20)) == 0xffff
                && Checksum.fold(Checksum.add(0, read + INNER_IP, 20)) == 0xffff
                && complete(IP, UDP, PROTOCOL_UDP, PAYLOAD + bytes)
                && complete(INNER_IP, INNER_TCP, PROTOCOL_TCP, PAYLOAD + bytes)
                && same(read + PAYLOAD, frame + PAYLOAD + index * (long) SEGMENT_BYTES, bytes);
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
