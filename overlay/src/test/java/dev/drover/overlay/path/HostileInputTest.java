package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Input that nobody sane would send, and a lot of it. */
@Timeout(120)
class HostileInputTest {
    private static final int ROUNDS = 4_000;

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
}
