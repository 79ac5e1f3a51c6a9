package dev.drover.overlay.path;

import static dev.drover.overlay.path.Packets.BROADCAST;
import static dev.drover.overlay.path.Packets.MAC_A;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class SealedPathTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    private static final String MARKER = "in plain sight";
    private final Random random = new Random(1);

    private static boolean shows(byte[] datagram) {
        return new String(datagram, StandardCharsets.ISO_8859_1).contains(MARKER);
    }

    private static byte[] vxlan(byte[] frame) {
        return Packets.vxlan(PathFixture.VNI, frame);
    }

    @Test
    void aPacketLeavesSealedAndUnchanged() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] packet = Packets.udp(false, HERE, THERE, 1, MARKER.getBytes(StandardCharsets.US_ASCII));
            path.fromBridge(packet);
            byte[] datagram = PathFixture.datagram(path.owner);
            assertThat(datagram).hasSize(packet.length + 8 + 32).startsWith(4, 0, 0, 0, 0, 0, 0, 9);
            assertThat(shows(datagram)).isFalse();
            assertThat(path.unsealed(datagram)).isEqualTo(packet);
            assertThat(path.ownerPath.txBytes()).isEqualTo(packet.length);
            assertThat(path.drops()).isZero();
        }
    }

    @Test
    void manyPacketsOfAllSizesLeaveInOneRunAndStayApart() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            List<byte[]> packets = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                packets.add(Packets.udp(false, HERE, THERE, i, Packets.payload(random, i * 23)));
            }
            packets.forEach(packet -> path.queueFromBridge(new byte[12], packet));
            path.encapsulator.run();
            for (byte[] packet : packets) {
                assertThat(path.unsealed()).isEqualTo(packet);
            }
        }
    }

    @Test
    void anUnfinishedChecksumStaysUnfinishedWhereTheOtherEndSeesIt() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] whole = Packets.udp(false, HERE, THERE, 1, Packets.payload(random, 301));
            path.fromBridge(Packets.vnet(1, 0, 0, 34, 6), Packets.partial(whole));
            assertThat(path.unsealed()).isEqualTo(Packets.partial(whole));
            byte[] there = Packets.ethernet(
                    PathFixture.NEIGHBOUR.value(), MAC_A, 0x0800, Arrays.copyOfRange(whole, 14, whole.length));
            path.fromBridge(Packets.vnet(1, 0, 0, 38, 6), Packets.tagged(Packets.partial(there)));
            assertThat(path.unsealed()).as("not seen behind a VLAN tag").isEqualTo(Packets.tagged(there));
        }
    }

    @Test
    void aSuperFrameLeavesAsSealedPacketsWithUnfinishedChecksums() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            Packets.Tcp tcp = new Packets.Tcp(
                    false,
                    HERE,
                    THERE,
                    9,
                    true,
                    77,
                    Packets.ACK | Packets.PSH,
                    new byte[12],
                    Packets.payload(random, 50_001));
            path.fromBridge(Packets.vnet(1, 1, 1_366, 34, 16), Packets.partial(tcp.frame()));
            for (byte[] packet : Packets.cut(tcp, 1_366)) {
                assertThat(path.unsealed()).isEqualTo(Packets.partial(packet));
            }
            assertThat(path.traffic.sum(Traffic.TX_CALLS)).isEqualTo(1);
            assertThat(path.drops()).isZero();
        }
    }

    @Test
    void aSuperFrameBehindAVlanTagIsSummedSinceTheOtherEndWouldNotSee() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            Packets.Tcp tcp = new Packets.Tcp(
                    false, HERE, THERE, 9, true, 77, Packets.ACK, new byte[12], Packets.payload(random, 5_001));
            path.fromBridge(Packets.vnet(1, 1, 1_366, 38, 16), Packets.tagged(there(Packets.partial(tcp.frame()))));
            for (byte[] packet : Packets.cut(tcp, 1_366)) {
                assertThat(path.unsealed()).isEqualTo(Packets.tagged(there(packet)));
            }
        }
    }

    private static byte[] there(byte[] frame) {
        return Packets.ethernet(
                PathFixture.NEIGHBOUR.value(), MAC_A, 0x0800, Arrays.copyOfRange(frame, 14, frame.length));
    }

    @Test
    void whatArrivesSealedIsJoinedAndPassedOn() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            Packets.Tcp tcp = new Packets.Tcp(
                    false, THERE, HERE, 9, true, 77, Packets.ACK, new byte[12], Packets.payload(random, 30_000));
            List<byte[]> datagrams = Packets.cut(tcp, 1_000).stream()
                    .map(packet -> path.sealed(vxlan(Packets.partial(packet))))
                    .toList();
            path.aggregatedFromOwner(datagrams);
            byte[] joined = path.toBridge();
            assertThat(joined[1]).isEqualTo((byte) 1);
            assertThat(Arrays.copyOfRange(joined, 12, joined.length)).isEqualTo(Packets.partial(tcp.frame()));
            assertThat(path.toBridge()).isNull();
            byte[] udp = Packets.udp(false, THERE, HERE, 1, new byte[100]);
            path.fromPeer(path.owner, path.sealed(vxlan(udp)));
            assertThat(path.frameToBridge()).isEqualTo(udp);
            assertThat(path.ownerPath.rxPackets()).isEqualTo(31);
            assertThat(path.wakes).as("told once that the keys were used").isEqualTo(1);
            assertThat(path.drops()).isZero();
        }
    }

    /** Every reason to drop in an encrypted overlay. */
    enum Reason {
        PLAINTEXT(Drop.PLAINTEXT) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                return vxlan(frame);
            }
        },
        NO_KNOWN_TYPE(Drop.PLAINTEXT) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                return new byte[100];
            }
        },
        BAD_TAG(Drop.BAD_TAG) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                byte[] sealed = path.sealed(vxlan(frame));
                sealed[40] ^= 1;
                return sealed;
            }
        },
        STREAM_THAT_THE_PEER_HAS_NOT(Drop.BAD_TAG) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                byte[] sealed = path.sealed(vxlan(frame));
                sealed[8] = 1;
                return sealed;
            }
        },
        ANOTHER_COUNTER(Drop.BAD_TAG) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                byte[] sealed = path.sealed(vxlan(frame));
                sealed[15]++;
                return sealed;
            }
        },
        FIRST_RESERVED_BYTE(Drop.BAD_TAG) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                byte[] sealed = path.sealed(vxlan(frame));
                sealed[1] = 1;
                return sealed;
            }
        },
        LAST_RESERVED_BYTE(Drop.BAD_TAG) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                byte[] sealed = path.sealed(vxlan(frame));
                sealed[3] = (byte) 0x80;
                return sealed;
            }
        },
        OTHER_SESSION(Drop.NO_SESSION) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                byte[] sealed = path.sealed(vxlan(frame));
                sealed[7]++;
                return sealed;
            }
        },
        TOO_SHORT(Drop.RUNT) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                return Arrays.copyOf(path.sealed(vxlan(frame)), 31);
            }
        },
        TOO_SHORT_INSIDE(Drop.RUNT) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                return path.sealed(Arrays.copyOf(vxlan(frame), 21));
            }
        },
        OTHER_NETWORK(Drop.WRONG_VNI) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                return path.sealed(Packets.vxlan(PathFixture.VNI + 1, frame));
            }
        },
        LONG_HANDSHAKE(Drop.BAD_HANDSHAKE) {
            @Override
            byte[] datagram(PathFixture path, byte[] frame) {
                return ByteBuffer.allocate(500).put((byte) 1).array();
            }
        };

        private final Drop drop;

        Reason(Drop drop) {
            this.drop = drop;
        }

        abstract byte[] datagram(PathFixture path, byte[] frame);
    }

    @ParameterizedTest
    @EnumSource
    void whatIsNotSealedByThePeerIsDroppedAndCounted(Reason reason) throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] frame = Packets.udp(false, THERE, HERE, 1, new byte[100]);
            path.fromPeer(path.owner, reason.datagram(path, frame));
            assertThat(path.onlyDropped(reason.drop)).isTrue();
            assertThat(path.toBridge()).isNull();
            assertThat(path.ownerPath.takeWant()).isEqualTo(reason == Reason.OTHER_SESSION);
            path.fromPeer(path.owner, path.sealed(vxlan(frame)));
            assertThat(path.frameToBridge()).isEqualTo(frame);
        }
    }

    @Test
    void aRepeatedPacketIsDropped() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] sealed = path.sealed(vxlan(Packets.udp(false, THERE, HERE, 1, new byte[100])));
            path.fromPeer(path.owner, sealed);
            assertThat(path.toBridge()).isNotNull();
            path.fromPeer(path.owner, sealed);
            assertThat(path.toBridge()).isNull();
            assertThat(path.onlyDropped(Drop.REPLAYED)).isTrue();
        }
    }

    @Test
    void withoutASessionNothingLeavesAndOneIsAskedForOnce() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            path.ownerPath.keyring(Keyring.EMPTY);
            byte[] packet = Packets.udp(false, HERE, THERE, 1, new byte[100]);
            path.fromBridge(packet);
            path.fromBridge(Packets.arp(1, MAC_A, HERE, HERE, BROADCAST));
            assertThat(path.drops.sum(Drop.NO_SESSION)).isEqualTo(2);
            assertThat(path.wakes).isEqualTo(1);
            assertThat(path.ownerPath.takeWant()).isTrue();
            assertThat(PathFixture.silent(path.owner)).isTrue();
        }
    }

    @Test
    void anAnnouncementLeavesSealed() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] announcement = Packets.arp(1, MAC_A, HERE, HERE, BROADCAST);
            path.fromBridge(Arrays.copyOf(announcement, 60));
            assertThat(path.unsealed()).isEqualTo(announcement);
        }
    }

    @Test
    void handshakesReachTheControlThreadUntilTheyAreTooMany() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] handshake = Packets.payload(random, 134);
            handshake[0] = 1;
            for (int i = 0; i < 70; i++) {
                path.fromPeer(path.owner, handshake);
            }
            List<byte[]> got = new ArrayList<>();
            path.handshakes.drain((from, port, message) -> {
                assertThat(port).isEqualTo(path.owner.getLocalPort());
                assertThat(from).isSameAs(path.ownerPath);
                got.add(message);
            });
            assertThat(got).hasSize(64).allMatch(message -> Arrays.equals(message, handshake));
            assertThat(path.onlyDroppedTimes(Drop.HANDSHAKE_LIMIT, 6)).isTrue();
        }
    }

    @Test
    void anOverlayWithoutEncryptionDropsWhatIsSealed() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.fromPeer(path.owner, path.sealed(vxlan(Packets.udp(false, THERE, HERE, 1, new byte[100]))));
            assertThat(path.onlyDropped(Drop.ENCRYPTED)).isTrue();
        }
    }

    @Test
    void noDatagramDoesHarm() throws Exception {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random noise = new Random(seed);
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            byte[] frame = Packets.udp(false, THERE, HERE, 1, new byte[100]);
            for (int i = 0; i < 4_000; i++) {
                byte[] datagram = path.sealed(vxlan(frame));
                int change = noise.nextInt(3);
                if (change == 0) {
                    datagram = Arrays.copyOf(datagram, noise.nextInt(datagram.length));
                } else if (change == 1) {
                    datagram[noise.nextInt(datagram.length)] ^= (byte) (1 + noise.nextInt(255));
                } else {
                    datagram = Packets.payload(noise, noise.nextInt(2_000));
                    if (datagram.length > 0) {
                        datagram[0] = new byte[] {1, 2, 4, 8}[noise.nextInt(4)];
                    }
                }
                path.fromPeer(path.owner, datagram);
                assertThat(path.toBridge()).as("seed %d round %d", seed, i).isNull();
                path.handshakes.drain((_, _, _) -> {});
            }
        }
    }

    @Test
    void noSealedPacketAllocates() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        byte[] packet = Packets.udp(false, HERE, THERE, 1, new byte[20]);
        byte[] superFrame = Packets.partial(
                new Packets.Tcp(false, HERE, THERE, 5, true, 9, Packets.ACK, new byte[12], new byte[3_000]).frame());
        Packets.Tcp tcp = new Packets.Tcp(
                false, THERE, HERE, 5, true, 9, Packets.ACK, new byte[12], Packets.payload(random, 3_000));
        int quietRounds = 0;
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            for (int round = 0; round < 60_000 && quietRounds < 500; round++) {
                path.queueFromBridge(new byte[12], packet);
                path.queueFromBridge(Packets.vnet(1, 1, 1_000, 34, 16), superFrame);
                for (byte[] segment : Packets.cut(tcp, 1_000)) {
                    path.queueFromPeer(path.owner, path.sealed(vxlan(segment)));
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
        assertThat(quietRounds).isEqualTo(500);
    }
}
