package dev.drover.overlay.path;

import static dev.drover.overlay.path.Wire.ETHERNET_BYTES;
import static dev.drover.overlay.path.Wire.ETHERNET_SOURCE;
import static dev.drover.overlay.path.Wire.ETHERNET_TYPE;
import static dev.drover.overlay.path.Wire.IPV4_BYTES;
import static dev.drover.overlay.path.Wire.IPV4_CHECKSUM;
import static dev.drover.overlay.path.Wire.IPV4_DESTINATION;
import static dev.drover.overlay.path.Wire.IPV4_DONT_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_FRAGMENT;
import static dev.drover.overlay.path.Wire.IPV4_LENGTH;
import static dev.drover.overlay.path.Wire.IPV4_PROTOCOL;
import static dev.drover.overlay.path.Wire.IPV4_SOURCE;
import static dev.drover.overlay.path.Wire.IPV4_TTL;
import static dev.drover.overlay.path.Wire.IPV4_VERSION_IHL_PLAIN;
import static dev.drover.overlay.path.Wire.PROTOCOL_TCP;
import static dev.drover.overlay.path.Wire.TCP_ACK;
import static dev.drover.overlay.path.Wire.TCP_BYTES;
import static dev.drover.overlay.path.Wire.TCP_CHECKSUM;
import static dev.drover.overlay.path.Wire.TCP_DATA_OFFSET;
import static dev.drover.overlay.path.Wire.TCP_FLAGS;
import static dev.drover.overlay.path.Wire.TYPE_IPV4;

import dev.drover.dataplane.Checksum;
import dev.drover.dataplane.Memory;

/**
 * The inner frame of a path probe and of its answer (docs/adr/0009): a TCP segment over IPv4 between the dummy address of
 * RFC 7600 and itself, to a MAC address that no bridge ever forwards.
 *
 * <pre>
 *  | Ethernet 14, to 01:80:c2:00:00:0f | IPv4 20, 192.0.0.8 to 192.0.0.8 | TCP 20 | header 24 | zeros … |
 *
 *  header:  | "DRVP" 4 | kind 1 | takes 1 | reserved 2 | nonce 8 | bytes 4 | reserved 4 |
 * </pre>
 *
 * {@code bytes} of an answer tell how much TCP payload of a probe came in one piece. In a probe that is a super-frame each
 * segment has the header. {@code takes} tells what the sender of probe or answer takes: 1, {@link RemoteChecksum}.
 */
final class Probe {
    /** Reserved by IEEE 802.1Q table 8-1: foreign endpoints hand it to their bridge, which drops it. */
    static final long MAC = 0x0180_c200_000fL;

    static final int KIND_PROBE = 1;
    static final int KIND_ANSWER = 2;

    static final int IP_AND_TCP_BYTES = IPV4_BYTES + TCP_BYTES;
    static final int HEADER_BYTES = 24;
    static final int L4 = ETHERNET_BYTES + IPV4_BYTES;

    private static final long SOURCE_MAC = 0x0264_726f_7665L;
    private static final int DUMMY_ADDRESS = 0xc000_0008;
    private static final int MAGIC = 0x4452_5650;
    private static final int KIND = 4;
    private static final int TAKES = 5;
    private static final int REMOTE_CHECKSUM = 1;
    private static final int NONCE = 8;
    private static final int BYTES = 16;
    private static final int HEADERS = ETHERNET_BYTES + IP_AND_TCP_BYTES;
    private static final int TTL = 64;

    private Probe() {}

    /** Whether a frame to {@link #MAC} that {@code inner} has parsed is one. */
    static boolean is(Inner inner) {
        return inner.tcp
                && inner.claimedLength >= inner.headers + HEADER_BYTES
                && Memory.getIntBe(inner.frame + inner.headers) == MAGIC;
    }

    static int kind(Inner inner) {
        return Memory.getByte(inner.frame + inner.headers + KIND);
    }

    /** Whether who sent it takes packets with the checksum inside unfinished. */
    static boolean takesRemoteChecksum(Inner inner) {
        return (Memory.getByte(inner.frame + inner.headers + TAKES) & REMOTE_CHECKSUM) != 0;
    }

    static long nonce(Inner inner) {
        return Memory.getLongBe(inner.frame + inner.headers + NONCE);
    }

    /** Of an answer: what the peer tells; of a probe: what has come. */
    static int bytes(Inner inner) {
        return kind(inner) == KIND_ANSWER
                ? Memory.getIntBe(inner.frame + inner.headers + BYTES)
                : inner.claimedLength - inner.headers;
    }

    /**
     * Writes a frame whose IP packet has {@code ipBytes}; returns the frame's length. The TCP checksum is that of the
     * pseudo-header alone when there is more than one segment.
     *
     * @param segmentBytes of TCP payload
     */
    static int compose(long frame, int ipBytes, int segmentBytes, int kind, long nonce, int bytes) {
        int length = ETHERNET_BYTES + ipBytes;
        Memory.clear(frame, length);
        Memory.putMac(frame, MAC);
        Memory.putMac(frame + ETHERNET_SOURCE, SOURCE_MAC);
        Memory.putShortBe(frame + ETHERNET_TYPE, TYPE_IPV4);
        long ip = frame + ETHERNET_BYTES;
        Memory.putByte(ip, IPV4_VERSION_IHL_PLAIN);
        Memory.putShortBe(ip + IPV4_LENGTH, ipBytes);
        Memory.putShortBe(ip + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT);
        Memory.putByte(ip + IPV4_TTL, TTL);
        Memory.putByte(ip + IPV4_PROTOCOL, PROTOCOL_TCP);
        Memory.putIntBe(ip + IPV4_SOURCE, DUMMY_ADDRESS);
        Memory.putIntBe(ip + IPV4_DESTINATION, DUMMY_ADDRESS);
        Memory.putShort(ip + IPV4_CHECKSUM, Checksum.finish(Checksum.add(0, ip, IPV4_BYTES)));
        long tcp = frame + L4;
        Memory.putByte(tcp + TCP_DATA_OFFSET, TCP_BYTES / 4 << 4);
        Memory.putByte(tcp + TCP_FLAGS, TCP_ACK);
        int payload = ipBytes - IP_AND_TCP_BYTES;
        for (int offset = 0; offset < payload; offset += segmentBytes) {
            long header = frame + HEADERS + offset;
            Memory.putIntBe(header, MAGIC);
            Memory.putByte(header + KIND, kind);
            Memory.putByte(header + TAKES, REMOTE_CHECKSUM);
            Memory.putLong(header + NONCE, Long.reverseBytes(nonce));
            Memory.putIntBe(header + BYTES, bytes);
        }
        int l4Bytes = TCP_BYTES + payload;
        long pseudo = Inner.pseudoSum(frame, true, true, l4Bytes);
        Memory.putShort(
                tcp + TCP_CHECKSUM,
                payload > segmentBytes ? Checksum.fold(pseudo) : Checksum.finish(Checksum.add(pseudo, tcp, l4Bytes)));
        return length;
    }
}
