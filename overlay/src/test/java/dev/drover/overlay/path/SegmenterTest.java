package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The fast cutter against the slow one, seen by a peer behind a real socket. */
@Timeout(60)
class SegmenterTest {
    private static final int ROUNDS = 60;

    static Packets.Tcp random(Random random) {
        boolean v6 = random.nextInt(3) == 0;
        int flags = Packets.ACK
                | (random.nextBoolean() ? Packets.PSH : 0)
                | (random.nextInt(4) == 0 ? Packets.FIN : 0)
                | (random.nextInt(4) == 0 ? Packets.CWR : 0);
        byte[] options = Packets.payload(random, 4 * random.nextInt(11));
        int most = 65_000 - options.length;
        byte[] payload = Packets.payload(random, 1 + random.nextInt(random.nextBoolean() ? 4_000 : most));
        return new Packets.Tcp(
                v6,
                v6 ? "fd00::1" : "10.42.1.2",
                v6 ? "fd00::2" : "10.42.2.2",
                random.nextInt(65_536),
                random.nextBoolean(),
                random.nextInt(),
                flags,
                options,
                payload);
    }

    @ParameterizedTest
    @EnumSource(
            value = PathFixture.Mode.class,
            names = {"GSO", "PLAIN"})
    void theSegmentsOfATcpSuperFrameAreTheReferences(PathFixture.Mode mode) throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (PathFixture path = new PathFixture(mode)) {
            for (int round = 0; round < ROUNDS; round++) {
                Packets.Tcp tcp = random(random);
                int l4 = tcp.v6() ? 54 : 34;
                int room = PathFixture.MTU - (l4 - 14) - 20 - tcp.options().length;
                int size = 200 + random.nextInt(room + 100);
                byte[] frame = withMac(Packets.partial(tcp.frame()));
                path.fromBridge(Packets.vnet(1, tcp.v6() ? 4 : 1, size, l4, 16), frame);
                List<byte[]> expected = Packets.cut(tcp, Math.min(size, room));
                for (byte[] packet : expected) {
                    assertThat(PathFixture.inner(path.owner))
                            .as("seed %d round %d mode %s", seed, round, mode)
                            .isEqualTo(withMac(packet));
                }
            }
            assertThat(path.drops()).isZero();
        }
    }

    /** Addresses the frame to the neighbour, so that IPv6 finds its peer too. */
    private static byte[] withMac(byte[] frame) {
        byte[] copy = frame.clone();
        System.arraycopy(PathFixture.NEIGHBOUR.bytes(), 0, copy, 0, 6);
        return copy;
    }

    @Test
    void manyTinySegmentsPassInSeveralSends() throws Exception {
        Random random = new Random(3);
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            Packets.Tcp tcp = new Packets.Tcp(
                    false, "10.42.1.2", "10.42.2.2", 7, true, 1, 16, new byte[0], Packets.payload(random, 30_000));
            path.fromBridge(Packets.vnet(1, 1, 36, 34, 16), Packets.partial(tcp.frame()));
            for (byte[] packet : Packets.cut(tcp, 36)) {
                assertThat(PathFixture.inner(path.owner)).isEqualTo(packet);
            }
        }
    }

    @Test
    void aUdpSuperFrameKeepsItsDatagrams() throws Exception {
        Random random = new Random(4);
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] payload = Packets.payload(random, 10_500);
            byte[] frame = Packets.partial(Packets.udp(false, "10.42.1.2", "10.42.2.2", 9, payload));
            path.fromBridge(Packets.vnet(1, 5, 1000, 34, 6), frame);
            for (int i = 0; i < 11; i++) {
                byte[] part = Arrays.copyOfRange(payload, i * 1000, Math.min(i * 1000 + 1000, payload.length));
                assertThat(PathFixture.inner(path.owner))
                        .isEqualTo(Packets.udp(false, "10.42.1.2", "10.42.2.2", 9 + i, part));
            }
            path.fromBridge(Packets.vnet(1, 5, 1450, 34, 6), frame);
            assertThat(path.onlyDropped(Drop.OVERSIZE)).isTrue();
        }
    }

    @Test
    void aTaggedSuperFrameIsCutBehindItsTag() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            Packets.Tcp tcp =
                    new Packets.Tcp(false, "10.42.1.2", "10.42.2.2", 7, true, 1, 16, new byte[12], new byte[3_000]);
            path.fromBridge(Packets.vnet(1, 1, 1000, 38, 16), Packets.tagged(Packets.partial(tcp.frame())));
            for (byte[] packet : Packets.cut(tcp, 1000)) {
                assertThat(PathFixture.inner(path.flooded)).isEqualTo(Packets.tagged(packet));
            }
        }
    }
}
