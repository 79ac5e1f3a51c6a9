package dev.drover.overlay.path;

import dev.drover.dataplane.Cidr;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Builds and cuts packets the slow and obvious way. */
final class Packets {
    static final long MAC_A = 0x02_00_00_00_00_0aL;
    static final long MAC_B = 0x02_00_00_00_00_0bL;
    static final long BROADCAST = 0xffff_ffff_ffffL;
    static final int FIN = 1;
    static final int SYN = 2;
    static final int PSH = 8;
    static final int ACK = 16;
    static final int CWR = 128;

    private Packets() {}

    static byte[] payload(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    static byte[] ethernet(long destination, long source, int type, byte[] body) {
        ByteBuffer frame = ByteBuffer.allocate(14 + body.length);
        frame.putShort((short) (destination >>> 32)).putInt((int) destination);
        frame.putShort((short) (source >>> 32)).putInt((int) source);
        return frame.putShort((short) type).put(body).array();
    }

    static byte[] arp(int operation, long senderMac, String sender, String target, long destination) {
        ByteBuffer arp = ByteBuffer.allocate(28);
        arp.putShort((short) 1)
                .putShort((short) 0x0800)
                .put((byte) 6)
                .put((byte) 4)
                .putShort((short) operation);
        arp.putShort((short) (senderMac >>> 32)).putInt((int) senderMac).putInt(Cidr.parseAddress(sender));
        arp.putShort((short) 0).putInt(0).putInt(Cidr.parseAddress(target));
        return ethernet(destination, senderMac, 0x0806, arp.array());
    }

    /** What a TCP segment says, headers and payload. */
    @SuppressWarnings("ArrayRecordComponent") // never compared as records
    record Tcp(
            boolean v6,
            String source,
            String destination,
            int id,
            boolean dontFragment,
            int sequence,
            int flags,
            byte[] options,
            byte[] payload) {
        byte[] frame() {
            ByteBuffer tcp = ByteBuffer.allocate(20 + options.length + payload.length);
            tcp.putShort((short) 40000).putShort((short) 80).putInt(sequence).putInt(77);
            tcp.put((byte) ((20 + options.length) / 4 << 4)).put((byte) flags).putShort((short) 512);
            tcp.putShort((short) 0).putShort((short) 0).put(options).put(payload);
            return ip(v6, source, destination, 6, id, dontFragment, tcp.array(), 16);
        }

        Tcp with(int sequence, int id, int flags, byte[] payload) {
            return new Tcp(v6, source, destination, id, dontFragment, sequence, flags, options, payload);
        }
    }

    static byte[] udp(boolean v6, String source, String destination, int id, byte[] payload) {
        ByteBuffer udp = ByteBuffer.allocate(8 + payload.length);
        udp.putShort((short) 5000).putShort((short) 6000).putShort((short) (8 + payload.length));
        udp.putShort((short) 0).put(payload);
        return ip(v6, source, destination, 17, id, true, udp.array(), 6);
    }

    private static byte[] ip(
            boolean v6,
            String source,
            String destination,
            int protocol,
            int id,
            boolean dontFragment,
            byte[] l4,
            int checksumAt) {
        ByteBuffer ip = ByteBuffer.allocate((v6 ? 40 : 20) + l4.length);
        byte[] from = java.net.InetAddress.ofLiteral(source).getAddress();
        byte[] to = java.net.InetAddress.ofLiteral(destination).getAddress();
        if (v6) {
            ip.putInt(0x6001_2345)
                    .putShort((short) l4.length)
                    .put((byte) protocol)
                    .put((byte) 64);
            ip.put(from).put(to);
        } else {
            ip.put((byte) 0x45).put((byte) 8).putShort((short) (20 + l4.length)).putShort((short) id);
            ip.putShort((short) (dontFragment ? 0x4000 : 0))
                    .put((byte) 64)
                    .put((byte) protocol)
                    .putShort((short) 0);
            ip.put(from).put(to);
            ip.putShort(10, (short) ~sum(ip.array(), 0, 20));
        }
        int check = ~fold(pseudo(from, to, protocol, l4.length) + sum(l4, 0, l4.length)) & 0xffff;
        ByteBuffer.wrap(l4).putShort(checksumAt, (short) (check == 0 && protocol == 17 ? 0xffff : check));
        ip.put(l4);
        return ethernet(MAC_B, MAC_A, v6 ? 0x86dd : 0x0800, ip.array());
    }

    static int pseudo(byte[] from, byte[] to, int protocol, int length) {
        return fold(sum(from, 0, from.length) + sum(to, 0, to.length) + protocol + length);
    }

    /** Folded big-endian sum, not complemented. */
    static int sum(byte[] bytes, int offset, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            int b = bytes[offset + i] & 0xff;
            sum = fold(sum + ((i & 1) == 0 ? b << 8 : b));
        }
        return sum;
    }

    static int fold(int sum) {
        int s = sum;
        while (s >>> 16 != 0) {
            s = (s & 0xffff) + (s >>> 16);
        }
        return s;
    }

    /** Puts the sum of the pseudo-header alone into the checksum field of a TCP or UDP frame without IPv4 options. */
    static byte[] partial(byte[] frame) {
        byte[] copy = frame.clone();
        boolean v6 = (frame[12] & 0xff) == 0x86;
        int l4 = v6 ? 54 : 34;
        int protocol = frame[v6 ? 20 : 23];
        byte[] from = Arrays.copyOfRange(frame, v6 ? 22 : 26, v6 ? 38 : 30);
        byte[] to = Arrays.copyOfRange(frame, v6 ? 38 : 30, l4);
        int check = pseudo(from, to, protocol, frame.length - l4);
        ByteBuffer.wrap(copy).putShort(l4 + (protocol == 6 ? 16 : 6), (short) check);
        return copy;
    }

    /** A datagram that says that the checksum inside is unfinished. */
    static byte[] unfinished(int vni, byte[] frame, int start, boolean udp) {
        byte[] datagram = vxlan(vni, frame);
        datagram[1] = 0x20;
        datagram[7] = (byte) (start / 2 | (udp ? 0x80 : 0));
        return datagram;
    }

    /** The packets a TCP super-frame stands for. */
    static List<byte[]> cut(Tcp tcp, int segmentSize) {
        List<byte[]> packets = new ArrayList<>();
        for (int at = 0; at < tcp.payload.length; at += segmentSize) {
            int end = Math.min(at + segmentSize, tcp.payload.length);
            int flags = end == tcp.payload.length ? tcp.flags : tcp.flags & ~(FIN | PSH);
            flags = at == 0 ? flags : flags & ~CWR;
            byte[] part = Arrays.copyOfRange(tcp.payload, at, end);
            packets.add(tcp.with(tcp.sequence + at, tcp.id + at / segmentSize, flags, part)
                    .frame());
        }
        return packets;
    }

    /** Inserts an 802.1Q tag. */
    static byte[] tagged(byte[] frame) {
        ByteBuffer tagged = ByteBuffer.allocate(frame.length + 4);
        tagged.put(frame, 0, 12).putInt(0x8100_0007).put(frame, 12, frame.length - 12);
        return tagged.array();
    }

    /** A vnet header as the kernel writes it. */
    static byte[] vnet(int flags, int gsoType, int gsoSize, int start, int offset) {
        ByteBuffer header = ByteBuffer.allocate(12).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        header.put((byte) flags).put((byte) gsoType).putShort((short) 0).putShort((short) gsoSize);
        return header.putShort((short) start).putShort((short) offset).array();
    }

    static byte[] vxlan(int vni, byte[] frame) {
        ByteBuffer datagram = ByteBuffer.allocate(8 + frame.length);
        return datagram.putInt(0x0800_0000).putInt(vni << 8).put(frame).array();
    }

    static byte[] concat(byte[]... parts) {
        int length = Arrays.stream(parts).mapToInt(p -> p.length).sum();
        ByteBuffer all = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }
}
