package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Path probes on the wire: what is written is read, and what nobody has written does no harm. */
@Timeout(60)
class ProbeTest {
    private static final int ROUNDS = 4_000;
    private static final int SMALLEST_IP_BYTES = Probe.IP_AND_TCP_BYTES + Probe.HEADER_BYTES;
    private static final int MAC_BYTES = 6;

    /** What a lane told the control thread. */
    private record Told(boolean answer, long nonce, int bytes) {}

    private static byte[] probe(int ipBytes, int kind, long nonce, int bytes) {
        try (Slab slab = new Slab()) {
            long frame = slab.allocate(ipBytes + 14);
            int length = Probe.compose(frame, ipBytes, ipBytes, kind, nonce, bytes);
            return Memory.copyOut(frame, length);
        }
    }

    private static List<Told> told(PathFixture path) {
        List<Told> all = new ArrayList<>();
        path.probes.drain((_, answer, nonce, bytes, _) -> all.add(new Told(answer, nonce, bytes)));
        return all;
    }

    private static Random seeded() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        return new Random(seed);
    }

    @Test
    void whatIsComposedIsRead() throws Exception {
        Random random = seeded();
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            for (int i = 0; i < 500; i++) {
                int ipBytes = random.nextInt(SMALLEST_IP_BYTES, PathFixture.MTU + 1);
                boolean answer = random.nextBoolean();
                long nonce = random.nextLong();
                int bytes = random.nextInt();
                byte[] frame = probe(ipBytes, answer ? Probe.KIND_ANSWER : Probe.KIND_PROBE, nonce, bytes);

                path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, frame));

                int expected = answer ? bytes : ipBytes - Probe.IP_AND_TCP_BYTES;
                assertThat(told(path)).containsExactly(new Told(answer, nonce, expected));
            }
            assertThat(path.drops()).isZero();
            assertThat(path.toBridge()).isNull();
        }
    }

    @Test
    void noProbeOfAPeerDoesHarm() throws Exception {
        Random random = seeded();
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            for (int i = 0; i < ROUNDS; i++) {
                int ipBytes = random.nextInt(SMALLEST_IP_BYTES, 300);
                byte[] frame = probe(ipBytes, random.nextInt(4), random.nextLong(), random.nextInt());
                for (int n = random.nextInt(6); n > 0; n--) {
                    frame[random.nextInt(MAC_BYTES, Math.min(frame.length, 90))] = (byte) random.nextInt();
                }
                if (random.nextInt(3) == 0) {
                    frame = Arrays.copyOf(frame, random.nextInt(frame.length + 1));
                }

                path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, frame));

                assertThat(path.toBridge()).as("a probe is for no bridge").isNull();
                for (Told each : told(path)) {
                    if (!each.answer()) {
                        assertThat(each.bytes()).isBetween(Probe.HEADER_BYTES, frame.length - Probe.L4);
                    }
                }
            }
            path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, probe(100, Probe.KIND_PROBE, 7, 0)));
            assertThat(told(path)).containsExactly(new Told(false, 7, 60));
        }
    }

    @Test
    void aSealedProbeIsReadOnlyFromWhoHasTheKey() throws Exception {
        Random random = seeded();
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] plain = Packets.vxlan(PathFixture.VNI, probe(100, Probe.KIND_PROBE, 7, 0));
            path.fromPeer(path.owner, plain);
            byte[] sealed = path.sealed(plain);
            for (int i = 0; i < 500; i++) {
                byte[] mangled = sealed.clone();
                mangled[random.nextInt(mangled.length)] ^= (byte) (1 << random.nextInt(8));
                path.fromPeer(path.owner, mangled);
            }
            assertThat(told(path)).isEmpty();

            path.fromPeer(path.owner, sealed);

            assertThat(told(path)).containsExactly(new Told(false, 7, 60));
        }
    }
}
