package dev.drover.overlay.path;

import static dev.drover.overlay.path.Packets.BROADCAST;
import static dev.drover.overlay.path.Packets.MAC_A;
import static dev.drover.overlay.path.Packets.MAC_B;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class DecapsulatorTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    private static final int ROUNDS = 60;

    private static byte[] vxlan(byte[] frame) {
        return Packets.vxlan(PathFixture.VNI, frame);
    }

    @Test
    void aPacketReachesTheBridgeAsItIs() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] packet = Packets.udp(false, THERE, HERE, 1, new byte[] {1, 2, 3});
            path.fromPeer(path.owner, vxlan(packet));
            assertThat(path.toBridge()).isEqualTo(Packets.concat(new byte[12], packet));
            assertThat(path.ownerPath.rxPackets()).isEqualTo(1);
            assertThat(path.ownerPath.rxBytes()).isEqualTo(packet.length);
        }
    }

    @Test
    void reservedBitsAreIgnored() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] datagram = vxlan(Packets.udp(false, THERE, HERE, 1, new byte[10]));
            datagram[0] = (byte) 0xff;
            datagram[1] = 1;
            datagram[7] = 9;
            path.fromPeer(path.owner, datagram);
            assertThat(path.toBridge()).isNotNull();
        }
    }

    @Test
    void aPartialChecksumIsDeclared() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] udp = Packets.partial(Packets.udp(false, THERE, HERE, 1, new byte[77]));
            path.fromPeer(path.owner, vxlan(udp));
            byte[] header = Packets.vnet(1, 0, 0, 34, 6);
            header[2] = 42;
            assertThat(path.toBridge()).isEqualTo(Packets.concat(header, udp));
        }
    }

    @Test
    void whatAPeerLeavesUnfinishedIsJoinedAndStaysSo() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            Packets.Tcp tcp = tcp(new Random(1), 4_000);
            path.aggregatedFromOwner(Packets.cut(tcp, 1000).stream()
                    .map(packet -> Packets.unfinished(PathFixture.VNI, Packets.partial(packet), 34, false))
                    .toList());
            byte[] joined = path.toBridge();
            assertThat(joined[0]).as("for the container's kernel").isEqualTo((byte) 1);
            assertThat(joined[1]).isEqualTo((byte) 1);
            assertThat(Arrays.copyOfRange(joined, 12, joined.length)).isEqualTo(Packets.partial(tcp.frame()));
            byte[] wrong = Packets.udp(false, THERE, HERE, 1, new byte[77]);
            wrong[50] ^= 1;
            path.fromPeer(path.owner, Packets.unfinished(PathFixture.VNI, wrong, 34, true));
            assertThat(path.toBridge())
                    .as("neither finished nor unfinished: the container sees that it is wrong")
                    .isEqualTo(Packets.concat(new byte[12], wrong));
        }
    }

    @Test
    void whatIsLeftUnfinishedWhereNobodyLooksIsFinished() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] udp = Packets.udp(false, THERE, HERE, 1, new byte[77]);
            path.fromPeer(
                    path.owner, Packets.unfinished(PathFixture.VNI, Packets.tagged(Packets.partial(udp)), 38, true));
            assertThat(path.toBridge()).isEqualTo(Packets.concat(new byte[12], Packets.tagged(udp)));
            byte[] tagged = Packets.tagged(udp);
            path.fromPeer(path.owner, Packets.unfinished(PathFixture.VNI, tagged, 254, false));
            assertThat(path.toBridge()).as("no such place").isEqualTo(Packets.concat(new byte[12], tagged));
        }
    }

    @Test
    void aWrongChecksumIsNeverRepaired() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            Packets.Tcp tcp = tcp(new Random(1), 4_000);
            List<byte[]> packets = Packets.cut(tcp, 1000);
            packets.get(2)[100] ^= 1;
            path.aggregatedFromOwner(packets.stream().map(p -> vxlan(p)).toList());
            byte[] joined = path.toBridge();
            assertThat(joined[1]).isEqualTo((byte) 1);
            assertThat(path.toBridge()).isEqualTo(Packets.concat(new byte[12], packets.get(2)));
            assertThat(path.toBridge()).isEqualTo(Packets.concat(new byte[12], packets.get(3)));
        }
    }

    private static Packets.Tcp tcp(Random random, int length) {
        byte[] payload = Packets.payload(random, length);
        return new Packets.Tcp(
                false, THERE, HERE, 5, true, random.nextInt(), Packets.ACK, Packets.payload(random, 12), payload);
    }

    @Test
    void whatIsJoinedStandsForExactlyTheReceivedPackets() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            for (int round = 0; round < ROUNDS; round++) {
                Packets.Tcp tcp = swapped(SegmenterTest.random(random));
                int size = 500 + random.nextInt(800);
                List<byte[]> packets = Packets.cut(tcp, size);
                disturb(random, packets);
                List<byte[]> received = new ArrayList<>();
                sendInRuns(path, packets);
                for (byte[] written = path.toBridge(); written != null; written = path.toBridge()) {
                    received.addAll(cutAgain(written));
                }
                assertThat(received).as("seed %d round %d", seed, round).hasSameSizeAs(packets);
                for (int i = 0; i < packets.size(); i++) {
                    assertThat(received.get(i))
                            .as("seed %d round %d packet %d", seed, round, i)
                            .isEqualTo(packets.get(i));
                }
            }
            assertThat(path.traffic.sum(Traffic.RX_COALESCED)).isPositive();
            assertThat(path.drops()).isZero();
        }
    }

    @Test
    void joinedDatagramsStandForExactlyTheReceivedOnes() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            for (int round = 0; round < ROUNDS; round++) {
                boolean v6 = random.nextBoolean();
                int size = 1 + random.nextInt(300);
                List<byte[]> packets = new ArrayList<>();
                for (int i = 2 + random.nextInt(80); i > 0; i--) {
                    int bytes = random.nextInt(8) == 0 ? random.nextInt(size + 1) : size;
                    packets.add(datagram(v6, packets.size(), Packets.payload(random, bytes)));
                }
                disturb(random, packets);
                List<byte[]> received = new ArrayList<>();
                sendInRuns(path, packets);
                for (byte[] written = path.toBridge(); written != null; written = path.toBridge()) {
                    received.addAll(datagrams(written));
                }
                assertThat(received.stream().map(p -> withoutId(p)).toList())
                        .as("seed %d round %d", seed, round)
                        .usingElementComparator(Arrays::compare)
                        .isEqualTo(packets.stream().map(p -> withoutId(p)).toList());
            }
            assertThat(path.traffic.sum(Traffic.RX_COALESCED)).isPositive();
            assertThat(path.drops()).isZero();
        }
    }

    /** An identification has no meaning where fragments are forbidden (RFC 6864 section 4.1). */
    private static byte[] withoutId(byte[] packet) {
        byte[] copy = packet.clone();
        if (copy[13] == 0) {
            ByteBuffer.wrap(copy).putShort(18, (short) 0).putShort(24, (short) 0);
        }
        return copy;
    }

    private static byte[] datagram(boolean v6, int id, byte[] payload) {
        return Packets.udp(v6, v6 ? "fd00::2" : THERE, v6 ? "fd00::1" : HERE, id, payload);
    }

    /** The datagrams that a frame written to the TAP stands for. */
    private static List<byte[]> datagrams(byte[] written) {
        byte[] frame = Arrays.copyOfRange(written, 12, written.length);
        if (written[0] == 0) {
            return List.of(frame);
        }
        ByteBuffer vnet = ByteBuffer.wrap(written).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        assertThat(written[1]).as("a super-frame of UDP").isEqualTo((byte) 5);
        assertThat(frame).isEqualTo(Packets.partial(frame));
        int l4 = vnet.getShort(6);
        int size = vnet.getShort(4) & 0xffff;
        int id = ByteBuffer.wrap(frame).getShort(18) & 0xffff;
        assertThat((int) ByteBuffer.wrap(frame).getShort(l4 + 4)).isEqualTo(frame.length - l4);
        List<byte[]> datagrams = new ArrayList<>();
        for (int at = l4 + 8; at < frame.length; at += size) {
            datagrams.add(datagram(
                    l4 == 54, id + datagrams.size(), Arrays.copyOfRange(frame, at, Math.min(frame.length, at + size))));
        }
        return datagrams;
    }

    @Test
    void datagramsWithoutAChecksumOrForATapThatTakesNoSuperFramesPassAlone() throws Exception {
        byte[] first = datagram(false, 1, new byte[50]);
        byte[] second = datagram(false, 2, new byte[50]);
        try (PathFixture path = new PathFixture(PathFixture.Mode.PLAIN)) {
            path.aggregatedFromOwner(List.of(vxlan(first), vxlan(second)));
            assertThat(path.frameToBridge()).isEqualTo(first);
            assertThat(path.frameToBridge()).isEqualTo(second);
        }
        byte[] shorter = Packets.partial(first);
        shorter[39]--;
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.aggregatedFromOwner(List.of(vxlan(shorter), vxlan(shorter)));
            assertThat(path.frameToBridge())
                    .as("with something behind the datagram")
                    .isEqualTo(shorter);
            assertThat(path.frameToBridge()).isEqualTo(shorter);
        }
        for (byte[] each : List.of(first, second)) {
            each[40] = 0;
            each[41] = 0;
        }
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.aggregatedFromOwner(List.of(vxlan(first), vxlan(second)));
            assertThat(path.toBridge()).isEqualTo(Packets.concat(new byte[12], first));
            assertThat(path.toBridge()).isEqualTo(Packets.concat(new byte[12], second));
        }
    }

    private static Packets.Tcp swapped(Packets.Tcp tcp) {
        return new Packets.Tcp(
                tcp.v6(),
                tcp.destination(),
                tcp.source(),
                tcp.id(),
                tcp.dontFragment(),
                tcp.sequence(),
                tcp.flags(),
                tcp.options(),
                tcp.payload());
    }

    /** Loses, swaps and changes some packets. */
    private static void disturb(Random random, List<byte[]> packets) {
        for (int n = random.nextInt(4); n > 0 && packets.size() > 2; n--) {
            int at = random.nextInt(packets.size() - 2);
            switch (random.nextInt(4)) {
                case 0 -> packets.remove(at);
                case 1 -> packets.add(at, packets.remove(at + 1));
                case 2 -> packets.get(at)[random.nextInt(packets.get(at).length - 14) + 14] ^= 0x10;
                default -> packets.add(at, packets.get(at).clone());
            }
        }
    }

    /** As UDP_GRO hands them over: runs of one size, a shorter one ends a run. */
    private static void sendInRuns(PathFixture path, List<byte[]> packets) {
        path.aggregatedFromOwner(packets.stream().map(p -> vxlan(p)).toList());
    }

    /** The packets that a frame written to the TAP stands for. */
    private static List<byte[]> cutAgain(byte[] written) {
        byte[] frame = Arrays.copyOfRange(written, 12, written.length);
        if (written[0] == 0) {
            return List.of(frame);
        }
        ByteBuffer vnet = ByteBuffer.wrap(written).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        int l4 = vnet.getShort(6);
        assertThat(frame).isEqualTo(Packets.partial(frame));
        int headers = l4 + ((frame[l4 + 12] & 0xff) >>> 4) * 4;
        assertThat((int) vnet.getShort(2)).isEqualTo(headers);
        ByteBuffer in = ByteBuffer.wrap(frame);
        boolean v6 = l4 == 54;
        Packets.Tcp tcp = new Packets.Tcp(
                v6,
                v6 ? "fd00::2" : THERE,
                v6 ? "fd00::1" : HERE,
                in.getShort(18) & 0xffff,
                v6 || (in.getShort(20) & 0x4000) != 0,
                in.getInt(l4 + 4),
                frame[l4 + 13] & 0xff,
                Arrays.copyOfRange(frame, l4 + 20, headers),
                Arrays.copyOfRange(frame, headers, frame.length));
        return Packets.cut(tcp, vnet.getShort(4) & 0xffff);
    }

    @Test
    void aTcpSuperFrameOfAKernelPeerPassesWhole() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] frame = Packets.partial(tcp(new Random(2), 20_000).frame());
            path.fromPeer(path.owner, vxlan(frame));
            byte[] header = Packets.vnet(1, 1, PathFixture.MTU - 52, 34, 16);
            header[2] = 66;
            assertThat(path.toBridge()).isEqualTo(Packets.concat(header, frame));
            assertThat(path.traffic.sum(Traffic.RX_SUPER_FRAMES)).isEqualTo(1);
        }
    }

    @Test
    void aTcpSuperFrameIsCutForTheContainerWithTheLeastMtu() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.decapsulator.localMtu(1_000);
            for (int bytes : new int[] {20_000, 1_300}) {
                byte[] frame = Packets.partial(tcp(new Random(2), bytes).frame());
                path.fromPeer(path.owner, vxlan(frame));
                byte[] header = Packets.vnet(1, 1, 1_000 - 52, 34, 16);
                header[2] = 66;
                assertThat(path.toBridge()).isEqualTo(Packets.concat(header, frame));
            }
            byte[] single = tcp(new Random(2), 1_300).frame();
            path.fromPeer(path.owner, vxlan(single));
            assertThat(path.frameToBridge()).isEqualTo(single);
            assertThat(path.drops()).isZero();
        }
    }

    @Test
    void aUdpSuperFrameOfAKernelPeerKeepsItsSegmentSize() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] frame = Packets.partial(Packets.udp(false, THERE, HERE, 3, new byte[8_000]));
            byte[] datagram = vxlan(frame);
            List<byte[]> pieces = new ArrayList<>();
            for (int at = 0; at < datagram.length; at += 1000) {
                pieces.add(Arrays.copyOfRange(datagram, at, Math.min(at + 1000, datagram.length)));
            }
            path.aggregatedFromOwner(pieces);
            byte[] header = Packets.vnet(1, 5, 1000, 34, 6);
            header[2] = 42;
            assertThat(path.toBridge()).isEqualTo(Packets.concat(header, frame));
        }
    }

    @Test
    void aSuperFrameWithAnyOtherChecksumIsDropped() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromPeer(path.owner, vxlan(tcp(new Random(2), 20_000).frame()));
            assertThat(path.onlyDropped(Drop.BAD_CHECKSUM)).isTrue();
        }
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromPeer(path.owner, vxlan(Packets.partial(Packets.udp(false, THERE, HERE, 3, new byte[8_000]))));
            assertThat(path.onlyDropped(Drop.MALFORMED_SUPER_FRAME)).isTrue();
        }
    }

    @Test
    void onlyPeersWithUnknownAddressesTeachByEveryFrame() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.WITH_FLOODING)) {
            path.fromPeer(path.owner, vxlan(Packets.udp(false, THERE, HERE, 1, new byte[10])));
            assertThat(path.learned()).isEmpty();
            path.fromPeer(path.flooded, vxlan(Packets.udp(false, "10.42.7.7", HERE, 1, new byte[10])));
            assertThat(path.learned()).containsExactly("02:00:00:00:00:0a@127.0.0.3");
        }
    }

    @Test
    void anArpAnswerTeachesWhatItsPeerOwns() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromPeer(path.owner, vxlan(Packets.arp(2, MAC_B, THERE, HERE, MAC_A)));
            assertThat(path.frameToBridge()).isEqualTo(Packets.arp(2, MAC_B, THERE, HERE, MAC_A));
            assertThat(path.learned()).containsExactly("02:00:00:00:00:0b@127.0.0.2");
        }
    }

    /** One datagram for every reason to drop what comes from a peer. */
    @SuppressWarnings("ImmutableEnumChecker") // the bytes are only read
    enum Reason {
        EMPTY(Drop.RUNT, new byte[1]),
        RUNT(Drop.RUNT, vxlan(new byte[13])),
        NO_VNI(Drop.NO_VNI, new byte[60]),
        WRONG_VNI(Drop.WRONG_VNI, Packets.vxlan(43, new byte[60])),
        GROUP_SOURCE(Drop.GROUP_SOURCE, vxlan(Packets.ethernet(MAC_A, BROADCAST, 0x0800, new byte[46]))),
        LINK_LOCAL_GROUP(
                Drop.LINK_LOCAL_GROUP, vxlan(Packets.ethernet(0x0180_c200_000eL, MAC_A, 0x88cc, new byte[46]))),
        SPOOFED(Drop.SPOOFED_SOURCE, vxlan(Packets.udp(false, HERE, "10.42.1.3", 1, new byte[10]))),
        SPOOFED_ARP(Drop.SPOOFED_SOURCE, vxlan(Packets.arp(2, MAC_B, HERE, "10.42.1.3", MAC_A)));

        private final Drop drop;
        private final byte[] datagram;

        Reason(Drop drop, byte[] datagram) {
            this.drop = drop;
            this.datagram = datagram;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDatagramThatMustNotPassIsCounted(Reason reason) throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromPeer(path.owner, reason.datagram);
            assertThat(path.onlyDropped(reason.drop)).isTrue();
            assertThat(path.toBridge()).isNull();
        }
    }

    @Test
    void aStrangerIsCounted() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO);
                DatagramSocket stranger = new DatagramSocket(0, InetAddress.ofLiteral("127.0.0.9"))) {
            path.fromPeer(stranger, vxlan(Packets.udp(false, THERE, HERE, 1, new byte[10])));
            assertThat(path.onlyDropped(Drop.UNKNOWN_VTEP)).isTrue();
            path.fromPeer(path.flooded, vxlan(Packets.udp(false, "10.42.7.7", HERE, 1, new byte[10])));
            assertThat(path.drops.sum(Drop.UNKNOWN_VTEP)).isEqualTo(2);
        }
    }

    @Test
    void aTapThatRefusesIsCounted() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.closeBridgeSide();
            path.fromPeer(path.owner, vxlan(Packets.udp(false, THERE, HERE, 1, new byte[10])));
            assertThat(path.onlyDropped(Drop.TAP_WRITE_FAILED)).isTrue();
        }
    }
}
