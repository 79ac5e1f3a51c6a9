package dev.drover.overlay;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Sys;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Announces who has an address (RFC 5227, section 3): neighbours that remember an earlier owner's MAC correct it, and
 * the bridge learns the port. The kernel's own announcement (arp_notify) comes too early, before the bridge has noticed
 * that the port has a carrier.
 *
 * <pre>
 * | destination ff:ff:ff:ff:ff:ff | source | 0x0806 |
 * | 1 Ethernet | 0x0800 IPv4 | 6 | 4 | 1 request | sender MAC | sender IP | target MAC 0 | target IP |
 * </pre>
 */
final class GratuitousArp {
    private static final int FRAME_BYTES = 42;
    private static final int ETHERTYPE_ARP = 0x0806;
    private static final int AF_PACKET = 17;
    private static final int SOCK_RAW_CLOEXEC = 3 | 0x80000;
    private static final int SOCKADDR_LL_BYTES = 20;

    private GratuitousArp() {}

    static byte[] frame(Mac mac, int address) {
        return ByteBuffer.allocate(FRAME_BYTES)
                .putInt(-1)
                .putShort((short) -1)
                .put(mac.bytes())
                .putShort((short) ETHERTYPE_ARP)
                .putShort((short) 1)
                .putShort((short) 0x0800)
                .put((byte) 6)
                .put((byte) 4)
                .putShort((short) 1)
                .put(mac.bytes())
                .putInt(address)
                .put(new byte[6])
                .putInt(address)
                .array();
    }

    /**
     * Sends the announcement from an interface of the calling thread's namespace.
     *
     * @throws dev.drover.dataplane.SysException the interface has gone or is down
     */
    static void send(int linkIndex, Mac mac, int address) {
        // Protocol 0: the socket sends only and receives nothing.
        int fd = Sys.check("open packet socket", Sys.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0));
        try (Arena arena = Arena.ofConfined()) {
            ByteBuffer sockaddr = ByteBuffer.allocate(SOCKADDR_LL_BYTES)
                    .order(ByteOrder.nativeOrder())
                    .putShort((short) AF_PACKET)
                    .putShort((short) 0)
                    .putInt(linkIndex);
            MemorySegment to = arena.allocateFrom(JAVA_BYTE, sockaddr.array());
            Sys.check("bind to link " + linkIndex, Sys.bind(fd, to.address(), SOCKADDR_LL_BYTES));
            MemorySegment bytes = arena.allocateFrom(JAVA_BYTE, frame(mac, address));
            Sys.check("announce on link " + linkIndex, (int) Sys.write(fd, bytes.address(), FRAME_BYTES));
        } finally {
            Sys.close(fd);
        }
    }
}
