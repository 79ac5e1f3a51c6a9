package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NeighbourDiscoveryTest {
    private static final int IP = 14;
    private static final int ICMP = IP + 40;

    private static byte[] solicitation() {
        return NeighbourSolicitations.solicitation("fd00::1", PathFixture.NEIGHBOUR_V6);
    }

    @Test
    void aKnownNeighbourIsAdvertised() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromBridge(solicitation());
            byte[] answer = path.frameToBridge();
            byte[] target = InetAddress.ofLiteral(PathFixture.NEIGHBOUR_V6).getAddress();
            assertThat(answer).hasSize(ICMP + 32);
            assertThat(Arrays.copyOfRange(answer, 0, 6)).containsExactly(2, 0, 0, 0, 0, 0x0a);
            assertThat(Arrays.copyOfRange(answer, 6, 12)).isEqualTo(PathFixture.NEIGHBOUR.bytes());
            assertThat(Arrays.copyOfRange(answer, IP + 8, IP + 24)).isEqualTo(target);
            assertThat(Arrays.copyOfRange(answer, IP + 24, IP + 40))
                    .isEqualTo(InetAddress.ofLiteral("fd00::1").getAddress());
            assertThat(answer[IP + 7] & 0xff).as("hop limit").isEqualTo(255);
            assertThat(answer[ICMP] & 0xff).isEqualTo(136);
            assertThat(answer[ICMP + 4]).as("solicited, override").isEqualTo((byte) 0x60);
            assertThat(Arrays.copyOfRange(answer, ICMP + 8, ICMP + 24)).isEqualTo(target);
            assertThat(Arrays.copyOfRange(answer, ICMP + 24, ICMP + 26)).containsExactly(2, 1);
            assertThat(Arrays.copyOfRange(answer, ICMP + 26, ICMP + 32)).isEqualTo(PathFixture.NEIGHBOUR.bytes());
            assertThat(NeighbourSolicitations.fold(answer)).isEqualTo(0xffff);
            assertThat(path.traffic.sum(Traffic.ND_ANSWERED)).isEqualTo(1);
        }
    }

    /** What is not answered. */
    enum Other {
        DUPLICATE_DETECTION,
        UNKNOWN_TARGET,
        HOP_LIMIT,
        CHECKSUM,
        CODE,
        SHORT
    }

    @ParameterizedTest
    @EnumSource
    void anythingElseGoesWhereGroupsGo(Other other) throws Exception {
        byte[] frame = switch (other) {
            case DUPLICATE_DETECTION -> NeighbourSolicitations.solicitation("::", PathFixture.NEIGHBOUR_V6);
            case UNKNOWN_TARGET -> NeighbourSolicitations.solicitation("fd00::1", "fd00::2");
            default -> solicitation();
        };
        switch (other) {
            case HOP_LIMIT -> frame[IP + 7] = 64;
            case CHECKSUM -> frame[ICMP + 2] ^= 1;
            case CODE -> {
                frame[ICMP + 1] = 1;
                NeighbourSolicitations.checked(frame);
            }
            case SHORT -> frame[IP + 5] = 20;
            default -> {}
        }
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromBridge(frame);
            assertThat(path.toBridge()).isNull();
            assertThat(path.drops.sum(Drop.GROUP_DESTINATION)).isEqualTo(1);
        }
    }

    @Test
    void nobodySpeaksForANeighbourOfAnotherHost() throws Exception {
        byte[] forged = Packets.udp(true, PathFixture.NEIGHBOUR_V6, "fd00::1", 1, new byte[20]);
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            path.fromBridge(forged);
            path.fromPeer(path.flooded, Packets.vxlan(PathFixture.VNI, forged));
            assertThat(path.toBridge()).isNull();
            assertThat(path.drops.sum(Drop.SPOOFED_SOURCE)).isEqualTo(2);
            path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, forged));
            assertThat(path.frameToBridge()).isEqualTo(forged);
        }
    }
}
