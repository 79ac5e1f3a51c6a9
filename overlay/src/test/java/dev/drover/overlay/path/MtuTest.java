package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ends whose MTU is larger than the overlay's: what their connections and packets meet at the tunnel. */
class MtuTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    private static final byte[] NOTHING = {};

    /** A segment that opens a connection; the option lies at an even or, behind a no-operation, at an odd place. */
    private static byte[] opening(boolean v6, int mss, boolean odd) {
        byte[] high = {(byte) (mss >>> 8), (byte) mss};
        byte[] options =
                odd ? new byte[] {1, 2, 4, high[0], high[1], 4, 2, 0} : new byte[] {2, 4, high[0], high[1], 4, 2, 0, 0};
        String from = v6 ? "fd00::1" : HERE;
        String to = v6 ? "fd00::2" : THERE;
        byte[] frame = new Packets.Tcp(v6, from, to, 7, true, 1000, Packets.SYN, options, NOTHING).frame();
        return toNeighbour(frame);
    }

    private static byte[] toNeighbour(byte[] frame) {
        ByteBuffer.wrap(frame)
                .putShort(0, (short) (PathFixture.NEIGHBOUR.value() >>> 32))
                .putInt(2, (int) PathFixture.NEIGHBOUR.value());
        return frame;
    }

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void aConnectionIsOpenedWithWhatTheOverlayCarries(boolean v6, boolean odd) throws Exception {
        int most = PathFixture.MTU - (v6 ? 60 : 40);
        byte[] expected = opening(v6, most, odd);
        int checksum = (v6 ? 54 : 34) + 16;
        try (PathFixture path = new PathFixture(PathFixture.Mode.PLAIN)) {
            path.fromBridge(opening(v6, 8_960, odd));
            assertThat(PathFixture.inner(path.owner)).isEqualTo(expected);
            path.fromBridge(Packets.vnet(1, 0, 0, checksum - 16, 16), Packets.partial(opening(v6, 8_960, odd)));
            assertThat(PathFixture.inner(path.owner))
                    .as("with an unfinished checksum")
                    .isEqualTo(expected);
            path.fromBridge(opening(v6, most - 1, odd));
            assertThat(PathFixture.inner(path.owner)).as("modest").isEqualTo(opening(v6, most - 1, odd));
            assertThat(path.traffic.sum(Traffic.MSS_CLAMPED)).isEqualTo(2);
        }
    }

    @Test
    void aConnectionFromAPeerTooAlsoWithAPartialChecksum() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.PLAIN)) {
            byte[] options = {2, 4, 0x23, 0};
            byte[] frame = new Packets.Tcp(false, THERE, HERE, 7, true, 1, Packets.SYN, options, NOTHING).frame();
            byte[] lowered = new Packets.Tcp(
                            false, THERE, HERE, 7, true, 1, Packets.SYN, new byte[] {2, 4, 0x05, (byte) 0x82}, NOTHING)
                    .frame();
            path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, frame));
            assertThat(path.frameToBridge()).isEqualTo(lowered);
            path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, Packets.partial(frame)));
            assertThat(path.frameToBridge()).isEqualTo(Packets.partial(lowered));
        }
    }

    @Test
    void hostileOptionsAreLeftAlone() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.PLAIN)) {
            Random random = new Random(3);
            for (int i = 0; i < 2_000; i++) {
                byte[] options = Packets.payload(random, 4 * random.nextInt(11));
                byte[] frame = new Packets.Tcp(false, HERE, THERE, 7, true, 1, Packets.SYN, options, NOTHING).frame();
                byte[] cut = Arrays.copyOf(frame, frame.length - random.nextInt(frame.length - 34));
                path.fromBridge(cut);
                assertThat(PathFixture.inner(path.owner)).hasSameSizeAs(cut);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPacketThatMayNotBeCutIsAnswered(boolean v6) throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            String from = v6 ? "fd00::1" : HERE;
            String to = v6 ? "fd00::2" : THERE;
            int headers = v6 ? 48 : 28;
            byte[] payload = new byte[PathFixture.MTU - headers + 1];
            byte[] packet = toNeighbour(Packets.udp(v6, from, to, 9, payload));
            path.fromBridge(packet);
            assertThat(path.onlyDropped(Drop.OVERSIZE)).isTrue();
            byte[] answer = path.frameToBridge();
            int ip = v6 ? 40 : 20;
            int icmp = 14 + ip;
            assertThat(Arrays.copyOfRange(answer, 0, 6)).isEqualTo(Arrays.copyOfRange(packet, 6, 12));
            assertThat(ByteBuffer.wrap(answer).getShort(icmp)).isEqualTo((short) (v6 ? 0x0200 : 0x0304));
            assertThat(ByteBuffer.wrap(answer).getShort(icmp + 6)).isEqualTo((short) PathFixture.MTU);
            assertThat(Arrays.copyOfRange(answer, icmp + 8, answer.length))
                    .isEqualTo(Arrays.copyOfRange(packet, 14, 14 + ip + 8));
            byte[] source = Arrays.copyOfRange(answer, v6 ? 22 : 26, v6 ? 38 : 30);
            byte[] target = Arrays.copyOfRange(answer, v6 ? 38 : 30, v6 ? 54 : 34);
            int pseudo = v6 ? Packets.pseudo(source, target, 58, answer.length - icmp) : 0;
            int sum = Packets.fold(pseudo + Packets.sum(answer, icmp, answer.length - icmp));
            assertThat(sum).as("checksum of the answer").isEqualTo(0xffff);
            if (!v6) {
                assertThat(Packets.sum(answer, 14, 20)).isEqualTo(0xffff);
            }
            path.fromBridge(toNeighbour(Packets.udp(v6, from, to, 9, Arrays.copyOf(payload, payload.length - 1))));
            assertThat(PathFixture.inner(path.owner))
                    .as("the largest that fits")
                    .hasSize(PathFixture.MTU + 14);
        }
    }

    @Test
    void whoKeepsSendingIsAnsweredABoundedNumberOfTimes() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] packet = toNeighbour(Packets.udp(false, HERE, THERE, 9, new byte[PathFixture.MTU]));
            for (int i = 0; i < 1_000; i++) {
                path.fromBridge(packet);
                path.frameToBridge();
            }
            assertThat(path.drops.sum(Drop.OVERSIZE)).isEqualTo(1_000);
            assertThat(path.traffic.sum(Traffic.TOO_BIG_ANSWERED)).isBetween(256L, 512L);
        }
    }

    @Test
    void errorsAndGroupsAreNotAnswered() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] error = toNeighbour(Packets.udp(false, HERE, THERE, 9, new byte[PathFixture.MTU]));
            error[23] = 1;
            error[34] = 3;
            path.fromBridge(error);
            assertThat(path.frameToBridge()).isNull();
            byte[] divisible = toNeighbour(Packets.udp(false, HERE, THERE, 9, new byte[PathFixture.MTU]));
            divisible[20] = 0;
            path.fromBridge(divisible);
            assertThat(path.frameToBridge()).isNull();
        }
    }
}
