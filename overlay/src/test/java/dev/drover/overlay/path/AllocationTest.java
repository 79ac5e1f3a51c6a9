package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No kind of packet costs the heap a byte, in any mode without encryption, in either direction. */
@Tag("fresh-jvm")
class AllocationTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    /** The JIT needs both: a call that is made once in a round is compiled after some 20,000, and not at once. */
    private static final long WARMUP_NS = 60_000_000_000L;

    private static final int WARMUP_ROUNDS = 200_000;

    private static final int QUIET_ROUNDS = 500;
    private static final int DONT_FRAGMENT_AT = 14 + 6;

    @ParameterizedTest
    @EnumSource(names = {"SUPER", "GSO", "PLAIN"})
    void noPacketAllocates(PathFixture.Mode mode) throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Random random = new Random(5);
        byte[] packet = Packets.udp(false, HERE, THERE, 1, new byte[20]);
        byte[] packetV6 = Packets.udp(true, "fd00::1", PathFixture.NEIGHBOUR_V6, 1, new byte[20]);
        System.arraycopy(PathFixture.NEIGHBOUR.bytes(), 0, packetV6, 0, 6);
        byte[] arp = Packets.arp(1, Packets.MAC_A, HERE, "10.42.2.9", Packets.BROADCAST);
        byte[] solicitation = NeighbourSolicitations.solicitation("fd00::1", PathFixture.NEIGHBOUR_V6);
        byte[] tooBig = Packets.udp(false, HERE, THERE, 1, new byte[PathFixture.MTU]);
        tooBig[DONT_FRAGMENT_AT] = 0x40;
        byte[] superFrame = Packets.partial(
                new Packets.Tcp(false, HERE, THERE, 5, true, 9, Packets.ACK, new byte[12], new byte[3_000]).frame());
        Packets.Tcp tcp = new Packets.Tcp(
                false, THERE, HERE, 5, true, 9, Packets.ACK, new byte[12], Packets.payload(random, 3_000));
        List<byte[]> segments = Packets.cut(tcp, 1_000).stream()
                .map(p -> Packets.vxlan(PathFixture.VNI, p))
                .toList();
        byte[] whole = Packets.vxlan(PathFixture.VNI, Packets.partial(tcp.frame()));
        // calls into the kernel allocate until the JIT has compiled the caller
        int quietRounds = 0;
        try (PathFixture path = new PathFixture(mode)) {
            long startNs = System.nanoTime();
            for (int round = 0;
                    quietRounds < QUIET_ROUNDS && (round < WARMUP_ROUNDS || System.nanoTime() - startNs < WARMUP_NS);
                    round++) {
                for (byte[] frame : List.of(packet, packetV6, arp, solicitation, tooBig)) {
                    path.queueFromBridge(new byte[12], frame);
                }
                path.queueFromBridge(Packets.vnet(1, 1, 1_000, 34, 16), superFrame);
                for (byte[] segment : segments) {
                    path.queueFromPeer(path.owner, segment);
                }
                path.queueFromPeer(path.owner, whole);
                long before = threads.getCurrentThreadAllocatedBytes();
                path.encapsulator.run();
                path.decapsulator.run();
                long allocated = threads.getCurrentThreadAllocatedBytes() - before;
                quietRounds = allocated == 0 ? quietRounds + 1 : 0;
                while (path.toBridge() != null || path.fromTunnel() != null) {
                    // only the lane is of interest
                }
            }
            assertThat(path.drops.sum(Drop.OVERSIZE)).isEqualTo(path.drops());
            for (Traffic expected : List.of(
                    Traffic.ARP_ANSWERED,
                    Traffic.ND_ANSWERED,
                    Traffic.TOO_BIG_ANSWERED,
                    Traffic.RX_COALESCED,
                    Traffic.RX_SUPER_FRAMES,
                    mode == PathFixture.Mode.SUPER ? Traffic.TX_SUPER_FRAMES : Traffic.TX_SEGMENTED)) {
                assertThat(path.traffic.sum(expected)).as(expected.name()).isPositive();
            }
        }
        assertThat(quietRounds).isEqualTo(QUIET_ROUNDS);
    }
}
