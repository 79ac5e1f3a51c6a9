package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Input that nobody sane would send, and a lot of it. */
@Timeout(120)
class HostileInputTest {
    private static final int ROUNDS = 4_000;
    private static final int MAX_WARMUP_ROUNDS = 60_000;
    private static final int QUIET_ROUNDS = 500;

    /** A plausible frame with some bytes changed and a length of its own. */
    private static byte[] mangled(Random random) {
        byte[] frame = switch (random.nextInt(6)) {
            case 0 -> Packets.payload(random, random.nextInt(200));
            case 1 -> Packets.arp(1, Packets.MAC_A, "10.42.1.2", "10.42.2.9", Packets.BROADCAST);
            case 2 -> Packets.udp(true, "fd00::1", "fd00::2", 1, new byte[random.nextInt(3_000)]);
            case 3 -> Packets.udp(false, "10.42.1.2", "10.42.2.2", 1, new byte[random.nextInt(3_000)]);
            default -> Packets.partial(SegmenterTest.random(random).frame());
        };
        for (int n = random.nextInt(6); n > 0 && frame.length > 0; n--) {
            frame[random.nextInt(Math.min(frame.length, 80))] = (byte) random.nextInt();
        }
        return random.nextInt(3) == 0 ? java.util.Arrays.copyOf(frame, random.nextInt(frame.length + 1)) : frame;
    }

    private static byte[] vnet(Random random) {
        return random.nextBoolean()
                ? Packets.payload(random, 12)
                : Packets.vnet(
                        random.nextInt(3),
                        List.of(0, 1, 4, 5, 0x81).get(random.nextInt(5)),
                        random.nextInt(2_000),
                        random.nextInt(100),
                        random.nextInt(20));
    }

    @Test
    void noFrameOfTheBridgeDoesHarm() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            for (int i = 0; i < ROUNDS; i++) {
                path.fromBridge(vnet(random), mangled(random));
            }
            while (path.toBridge() != null) {
                // answers to mangled requests
            }
            byte[] good = Packets.udp(false, "10.42.1.2", "10.42.1.3", 1, new byte[1]);
            long before = path.drops.sum(Drop.LOCAL_DESTINATION);
            path.fromBridge(good);
            assertThat(path.drops.sum(Drop.LOCAL_DESTINATION)).isEqualTo(before + 1);
        }
    }

    @Test
    void noDatagramOfAPeerDoesHarm() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            for (int i = 0; i < ROUNDS; i++) {
                byte[] datagram = random.nextInt(4) == 0
                        ? Packets.payload(random, random.nextInt(2_000))
                        : Packets.vxlan(PathFixture.VNI, mangled(random));
                path.fromPeer(random.nextBoolean() ? path.owner : path.flooded, datagram);
                byte[] written = path.toBridge();
                while (written != null) {
                    assertThat(written.length).as("seed %d round %d", seed, i).isBetween(26, 12 + datagram.length);
                    written = path.toBridge();
                }
            }
        }
    }

    @Test
    void noPacketAllocates() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Random random = new Random(5);
        byte[] packet = Packets.udp(false, "10.42.1.2", "10.42.2.2", 1, new byte[20]);
        Packets.Tcp tcp = new Packets.Tcp(
                false, "10.42.2.2", "10.42.1.2", 5, true, 9, Packets.ACK, new byte[12], Packets.payload(random, 3_000));
        List<byte[]> segments = Packets.cut(tcp, 1_000).stream()
                .map(p -> Packets.vxlan(PathFixture.VNI, p))
                .toList();
        byte[] superFrame = Packets.partial(
                new Packets.Tcp(false, "10.42.1.2", "10.42.2.2", 5, true, 9, Packets.ACK, new byte[12], new byte[3_000])
                        .frame());
        // calls into the kernel allocate until the JIT has compiled the caller
        int quietRounds = 0;
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            for (int round = 0; round < MAX_WARMUP_ROUNDS && quietRounds < QUIET_ROUNDS; round++) {
                path.queueFromBridge(new byte[12], packet);
                path.queueFromBridge(Packets.vnet(1, 1, 1_000, 34, 16), superFrame);
                for (byte[] segment : segments) {
                    path.queueFromPeer(path.owner, segment);
                }
                long before = threads.getCurrentThreadAllocatedBytes();
                path.encapsulator.run();
                path.decapsulator.run();
                long allocated = threads.getCurrentThreadAllocatedBytes() - before;
                quietRounds = allocated == 0 ? quietRounds + 1 : 0;
                while (path.toBridge() != null) {
                    // only the lane is of interest
                }
            }
            assertThat(path.drops()).isZero();
        }
        assertThat(quietRounds).isEqualTo(QUIET_ROUNDS);
    }
}
