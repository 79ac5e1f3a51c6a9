package dev.drover.overlay.path;

import static dev.drover.overlay.path.Packets.BROADCAST;
import static dev.drover.overlay.path.Packets.MAC_A;
import static dev.drover.overlay.path.Packets.MAC_B;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(20)
class EncapsulatorTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    private final Random random = new Random(1);

    private byte[] packetTo(String destination) {
        return Packets.udp(false, HERE, destination, 1, Packets.payload(random, 100));
    }

    private static byte[] to(long mac, byte[] frame) {
        return Packets.ethernet(mac, MAC_A, (frame[12] & 0xff) << 8 | frame[13] & 0xff, tail(frame));
    }

    private static byte[] tail(byte[] frame) {
        return java.util.Arrays.copyOfRange(frame, 14, frame.length);
    }

    @Test
    void aPacketGoesToTheOwnerOfItsDestination() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            byte[] packet = packetTo(THERE);
            path.fromBridge(packet);
            assertThat(PathFixture.inner(path.owner)).isEqualTo(packet);
            assertThat(PathFixture.silent(path.flooded)).isTrue();
            assertThat(path.ownerPath.txPackets()).isEqualTo(1);
            assertThat(path.ownerPath.txBytes()).isEqualTo(packet.length);
            assertThat(path.drops()).isZero();
        }
    }

    @Test
    void theMacDecidesBeforeTheAddress() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] routed = to(PathFixture.NEIGHBOUR.value(), packetTo("8.8.8.8"));
            path.fromBridge(routed);
            assertThat(PathFixture.inner(path.owner)).isEqualTo(routed);
        }
    }

    @Test
    void anUnfinishedChecksumIsFinished() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] whole = packetTo(THERE);
            path.fromBridge(Packets.vnet(1, 0, 0, 34, 6), Packets.partial(whole));
            assertThat(PathFixture.inner(path.owner)).isEqualTo(whole);
            byte[] tagged = Packets.tagged(Packets.partial(whole));
            path.forwarding.publish(path.tables(true).build());
            path.fromBridge(Packets.vnet(1, 0, 0, 38, 6), tagged);
            assertThat(PathFixture.inner(path.flooded)).isEqualTo(Packets.tagged(whole));
        }
    }

    @Test
    void checksumsAreLeftToAPeerThatTakesThem() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.ownerPath.takesRemoteChecksum(true);
            byte[] whole = packetTo(THERE);
            path.fromBridge(Packets.vnet(1, 0, 0, 34, 6), Packets.partial(whole));
            assertThat(PathFixture.datagram(path.owner))
                    .isEqualTo(Packets.unfinished(PathFixture.VNI, Packets.partial(whole), 34, true));
            path.fromBridge(whole);
            assertThat(PathFixture.inner(path.owner))
                    .as("the container's own checksum")
                    .isEqualTo(whole);
            Packets.Tcp tcp = new Packets.Tcp(
                    false, HERE, THERE, 9, true, 77, Packets.ACK, new byte[12], Packets.payload(random, 5_001));
            path.fromBridge(Packets.vnet(1, 1, 1_366, 34, 16), Packets.partial(tcp.frame()));
            for (byte[] packet : Packets.cut(tcp, 1_366)) {
                assertThat(PathFixture.datagram(path.owner))
                        .isEqualTo(Packets.unfinished(PathFixture.VNI, Packets.partial(packet), 34, false));
            }
            assertThat(path.traffic.sum(Traffic.REMOTE_CHECKSUMS)).isEqualTo(5);

            byte[] there = to(PathFixture.NEIGHBOUR.value(), whole);
            path.fromBridge(Packets.vnet(1, 0, 0, 38, 6), Packets.tagged(Packets.partial(there)));
            assertThat(PathFixture.inner(path.owner))
                    .as("not seen behind a VLAN tag")
                    .isEqualTo(Packets.tagged(there));
            byte[] behind = Packets.tagged(to(PathFixture.NEIGHBOUR.value(), Packets.partial(tcp.frame())));
            path.fromBridge(Packets.vnet(1, 1, 1_366, 38, 16), behind);
            for (byte[] packet : Packets.cut(tcp, 1_366)) {
                assertThat(PathFixture.inner(path.owner))
                        .isEqualTo(Packets.tagged(to(PathFixture.NEIGHBOUR.value(), packet)));
            }
            path.ownerPath.tellRemoteChecksum(false);
            path.fromBridge(Packets.vnet(1, 0, 0, 34, 6), Packets.partial(whole));
            assertThat(PathFixture.inner(path.owner)).isEqualTo(whole);
            assertThat(path.drops()).isZero();
        }
    }

    @Test
    void equalDatagramsToOnePeerShareOneSend() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            List<byte[]> packets = java.util.stream.Stream.generate(() -> packetTo(THERE))
                    .limit(40)
                    .toList();
            packets.forEach(packet -> path.queueFromBridge(new byte[12], packet));
            path.encapsulator.run();
            for (byte[] packet : packets) {
                assertThat(PathFixture.inner(path.owner)).isEqualTo(packet);
            }
            assertThat(path.traffic.sum(Traffic.TX_CALLS)).isEqualTo(1);
        }
    }

    @Test
    void floodingReachesOnlyPeersWithoutKnownAddresses() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            byte[] broadcast = to(BROADCAST, packetTo("255.255.255.255"));
            path.fromBridge(broadcast);
            assertThat(PathFixture.inner(path.flooded)).isEqualTo(broadcast);
            byte[] unknown = packetTo("10.42.77.1");
            path.fromBridge(unknown);
            assertThat(PathFixture.inner(path.flooded)).isEqualTo(unknown);
            assertThat(PathFixture.silent(path.owner)).isTrue();
            assertThat(path.traffic.sum(Traffic.FLOODED)).isEqualTo(2);
        }
    }

    @Test
    void aKnownNeighbourIsAnsweredHere() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            path.fromBridge(Packets.arp(1, MAC_A, HERE, "10.42.2.9", BROADCAST));
            byte[] reply = path.frameToBridge();
            long mac = PathFixture.NEIGHBOUR.value();
            byte[] expected = Packets.arp(2, mac, "10.42.2.9", HERE, MAC_A);
            java.nio.ByteBuffer.wrap(expected)
                    .putShort(32, (short) (MAC_A >>> 32))
                    .putInt(34, (int) MAC_A);
            assertThat(reply).isEqualTo(expected);
            assertThat(PathFixture.silent(path.owner)).isTrue();
            assertThat(PathFixture.silent(path.flooded)).isTrue();
        }
    }

    @Test
    void aQuestionForAPeersAddressGoesToThatPeerAlone() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            byte[] request = Packets.arp(1, MAC_A, HERE, THERE, BROADCAST);
            path.fromBridge(request);
            assertThat(PathFixture.inner(path.owner)).isEqualTo(request);
            assertThat(PathFixture.silent(path.flooded)).isTrue();
            byte[] reply = Packets.arp(2, MAC_A, HERE, THERE, MAC_B);
            path.fromBridge(reply);
            assertThat(PathFixture.inner(path.owner)).isEqualTo(reply);
        }
    }

    @Test
    void anAnnouncementReachesEveryPeerButNotEndlessly() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            byte[] announcement = Packets.arp(1, MAC_A, HERE, HERE, BROADCAST);
            path.fromBridge(announcement);
            assertThat(PathFixture.inner(path.owner)).isEqualTo(announcement);
            assertThat(PathFixture.inner(path.flooded)).isEqualTo(announcement);
            for (int i = 0; i < 300; i++) {
                path.fromBridge(announcement);
            }
            assertThat(path.drops.sum(Drop.ANNOUNCEMENT_LIMIT)).isBetween(1L, 45L);
        }
    }

    /** One frame for every reason to drop what comes from the TAP. */
    @SuppressWarnings("ImmutableEnumChecker") // the bytes are only read
    enum Reason {
        RUNT(Drop.RUNT, new byte[13]),
        GROUP_SOURCE(Drop.GROUP_SOURCE, Packets.ethernet(MAC_B, BROADCAST, 0x0800, new byte[46])),
        LINK_LOCAL_GROUP(Drop.LINK_LOCAL_GROUP, Packets.ethernet(0x0180_c200_0000L, MAC_A, 0x88cc, new byte[46])),
        SPOOFED(Drop.SPOOFED_SOURCE, Packets.udp(false, THERE, "10.42.2.3", 1, new byte[10])),
        SPOOFED_ARP(Drop.SPOOFED_SOURCE, Packets.arp(1, MAC_A, THERE, "10.42.2.3", BROADCAST)),
        OVERSIZE(Drop.OVERSIZE, Packets.udp(false, HERE, THERE, 1, new byte[1500])),
        LOCAL(Drop.LOCAL_DESTINATION, Packets.udp(false, HERE, "10.42.1.7", 1, new byte[10])),
        LOCAL_ARP(Drop.LOCAL_DESTINATION, Packets.arp(1, MAC_A, HERE, "10.42.1.7", BROADCAST)),
        ARP_UNKNOWN(Drop.ARP_UNKNOWN, Packets.arp(1, MAC_A, HERE, "10.42.9.9", BROADCAST)),
        GROUP(Drop.GROUP_DESTINATION, Packets.ethernet(BROADCAST, MAC_A, 0x86dd, new byte[60])),
        GROUP_V4(Drop.GROUP_DESTINATION, to(BROADCAST, Packets.udp(false, HERE, "224.0.0.9", 1, new byte[10]))),
        UNKNOWN(Drop.UNKNOWN_DESTINATION, Packets.udp(false, HERE, "10.42.9.9", 1, new byte[10])),
        UNKNOWN_TYPE(Drop.UNKNOWN_DESTINATION, Packets.ethernet(MAC_B, MAC_A, 0x1234, new byte[60]));

        private final Drop drop;
        private final byte[] frame;

        Reason(Drop drop, byte[] frame) {
            this.drop = drop;
            this.frame = frame;
        }

        byte[] frame() {
            return frame;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFrameThatMustNotPassIsCounted(Reason reason) throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromBridge(reason.frame);
            assertThat(path.onlyDropped(reason.drop)).isTrue();
            assertThat(PathFixture.silent(path.owner)).isTrue();
        }
    }

    @Test
    void offloadFieldsThatDisagreeWithTheFrameAreCounted() throws Exception {
        byte[] frame = packetTo(THERE);
        byte[] tcp = new Packets.Tcp(false, HERE, THERE, 1, true, 1, 16, new byte[12], new byte[3000]).frame();
        List<byte[]> headers = List.of(
                Packets.vnet(1, 0, 0, frame.length - 4, 6),
                Packets.vnet(1, 0, 0, 0xffff, 0xffff),
                Packets.vnet(1, 1, 0, 34, 16),
                Packets.vnet(1, 1, 1000, 20, 16),
                Packets.vnet(1, 1, 1000, 0xfff0, 16),
                Packets.vnet(1, 4, 1000, 34, 16),
                Packets.vnet(1, 3, 1000, 34, 16));
        for (byte[] header : headers) {
            try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
                path.fromBridge(header, header[1] == 0 ? frame : tcp);
                assertThat(path.onlyDropped(Drop.MALFORMED_OFFLOAD)).isTrue();
            }
        }
    }

    @Test
    void aVanishedTapIsReported() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.encapsulator.run();
            assertThat(path.tapLost()).isZero();
            path.closeBridgeSide();
            path.encapsulator.run();
            assertThat(path.tapLost()).isEqualTo(1);
        }
    }
}
