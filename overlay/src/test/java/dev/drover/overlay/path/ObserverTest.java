package dev.drover.overlay.path;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Snapshot;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What a lane tells of the packets it has seen, and that this costs the heap nothing. */
class ObserverTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    private static final long MAPPED = 0xffff_0000_0000L;
    private static final byte[] ENOUGH = new byte[12];

    private final List<Sample> samples = new ArrayList<>();

    private record Sample(
            FlowRing.Pair pair, int packets, int bytes, int weight, boolean outgoing, PeerPath peer, Drop drop) {}

    private static FlowRing.Pair pair(int source, int destination) {
        return new FlowRing.Pair(0, MAPPED | source, 0, MAPPED | destination);
    }

    private List<Sample> samples(Observer observer) {
        observer.flows()
                .drain((pair, packets, bytes, weight, outgoing, peer, drop) ->
                        samples.add(new Sample(pair, packets, bytes, weight, outgoing, peer, drop)));
        return samples;
    }

    private static CaptureRing capture(PathFixture path, String peer, String container, int snapBytes) {
        CaptureRing ring = new CaptureRing(
                new CaptureFilter(
                        peer == null ? null : InetAddress.ofLiteral(peer),
                        container == null ? null : InetAddress.ofLiteral(container)),
                snapBytes);
        path.watch.publish(new Watch(0, List.of(ring)));
        return ring;
    }

    @Test
    void everyFrameIsSampledWhenAskedWithItsFate() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.watch.publish(new Watch(1, List.of()));
            byte[] sent = Packets.udp(false, HERE, THERE, 1, new byte[20]);
            path.fromBridge(sent);
            byte[] received = Packets.udp(false, THERE, HERE, 1, new byte[30]);
            path.fromPeer(path.owner, Packets.vxlan(PathFixture.VNI, received));
            path.fromBridge(Packets.udp(false, HERE, "10.99.0.1", 1, new byte[20]));
            path.fromBridge(Packets.arp(1, Packets.MAC_A, HERE, "10.42.2.9", Packets.BROADCAST));
            assertThat(samples(path.observer))
                    .containsExactly(
                            new Sample(pair(0x0a2a0102, 0x0a2a0202), 1, sent.length, 1, true, path.ownerPath, null),
                            new Sample(
                                    pair(0x0a2a0202, 0x0a2a0102), 1, received.length, 1, false, path.ownerPath, null),
                            new Sample(
                                    pair(0x0a2a0102, 0x0a630001),
                                    1,
                                    sent.length,
                                    1,
                                    true,
                                    null,
                                    Drop.UNKNOWN_DESTINATION));
        }
    }

    @Test
    void ofASuperFrameItsPacketsAreCounted() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.watch.publish(new Watch(1, List.of()));
            byte[] frame = Packets.partial(
                    new Packets.Tcp(false, HERE, THERE, 5, true, 9, Packets.ACK, new byte[12], new byte[2_500])
                            .frame());
            path.fromBridge(Packets.vnet(1, 1, 1_000, 34, 16), frame);
            Sample sample = samples(path.observer).getFirst();
            assertThat(sample.packets).isEqualTo(3);
            assertThat(sample.bytes).isEqualTo(frame.length + 2 * (14 + 20 + 32));
        }
    }

    @Test
    void anIpv6PairIsSampledToo() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            path.watch.publish(new Watch(1, List.of()));
            byte[] frame = Packets.udp(true, "fd00::1", "fd00::77", 1, new byte[20]);
            System.arraycopy(PathFixture.NEIGHBOUR.bytes(), 0, frame, 0, 6);
            path.fromBridge(frame);
            assertThat(samples(path.observer).getFirst().pair)
                    .isEqualTo(new FlowRing.Pair(0xfd00L << 48, 1, 0xfd00L << 48, 0x77));
        }
    }

    @Test
    void oneInNFramesIsSampled() {
        try (Slab slab = new Slab()) {
            Observer observer = new Observer(0, new Snapshot<>(new Watch(64, List.of())));
            long frame = frame(slab, Packets.udp(false, HERE, THERE, 1, new byte[20]));
            PeerPath peer = new PeerPath(InetAddress.ofLiteral("127.0.0.2"), 4789, false, 1);
            for (int i = 0; i < 100_000; i++) {
                observer.onBatch();
                observer.incoming(peer, frame, 62, 0, 0, null);
            }
            assertThat(samples(observer).stream().mapToLong(Sample::weight).sum())
                    .isCloseTo(100_000, within(10_000L));
            assertThat(samples).allMatch(sample -> sample.weight == 64);
        }
    }

    @Test
    void aFullTableOfSamplesLosesAndCounts() {
        try (Slab slab = new Slab()) {
            Observer observer = new Observer(0, new Snapshot<>(new Watch(1, List.of())));
            long frame = frame(slab, Packets.udp(false, HERE, THERE, 1, new byte[20]));
            PeerPath peer = new PeerPath(InetAddress.ofLiteral("127.0.0.2"), 4789, false, 1);
            observer.onBatch();
            for (int i = 0; i < 5_000; i++) {
                observer.incoming(peer, frame, 62, 0, 0, null);
            }
            assertThat(samples(observer).size() + observer.flows().lost()).isEqualTo(5_000);
            assertThat(observer.flows().lost()).isPositive();
        }
    }

    @Test
    void aCaptureShowsFramesAsTheyWereBeforeTheSealAndAfterIt() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.SEALED)) {
            CaptureRing ring = capture(path, null, null, 262_144);
            byte[] sent = Packets.udp(false, HERE, THERE, 1, new byte[20]);
            path.fromBridge(sent);
            byte[] received = Packets.udp(false, THERE, HERE, 1, new byte[30]);
            path.fromPeer(path.owner, path.sealed(Packets.vxlan(PathFixture.VNI, received)));
            CaptureRing.Seen out = ring.poll();
            assertThat(out.bytes()).isEqualTo(sent);
            assertThat(out.outgoing()).isTrue();
            assertThat(out.peer()).isSameAs(path.ownerPath);
            CaptureRing.Seen in = ring.poll();
            assertThat(in.bytes()).isEqualTo(received);
            assertThat(in.outgoing()).isFalse();
            assertThat(in.timeNs()).isGreaterThanOrEqualTo(out.timeNs());
            assertThat(ring.poll()).isNull();
        }
    }

    @Test
    void aSuperFrameIsCapturedAsItIsAndNoted() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            CaptureRing ring = capture(path, null, null, 100);
            byte[] frame = Packets.partial(
                    new Packets.Tcp(false, HERE, THERE, 5, true, 9, Packets.ACK, new byte[12], new byte[2_500])
                            .frame());
            path.fromBridge(Packets.vnet(1, 1, 1_000, 34, 16), frame);
            CaptureRing.Seen seen = ring.poll();
            assertThat(seen.segmentSize()).isEqualTo(1_000);
            assertThat(seen.frameLength()).isEqualTo(frame.length);
            assertThat(seen.bytes()).hasSize(100).startsWith(Arrays.copyOf(frame, 100));
        }
    }

    @Test
    void aCaptureIsOfOnePeerOrOneContainerWhenAsked() throws Exception {
        try (PathFixture path = new PathFixture(PathFixture.Mode.GSO)) {
            byte[] toOwner = Packets.udp(false, HERE, THERE, 1, new byte[20]);
            byte[] toNobody = Packets.udp(false, HERE, "10.99.0.1", 1, new byte[20]);
            byte[] asking = Packets.arp(1, Packets.MAC_A, HERE, "10.42.2.9", Packets.BROADCAST);
            CaptureRing ofPeer = capture(path, "127.0.0.2", null, 2_000);
            for (byte[] frame : List.of(toOwner, toNobody, asking)) {
                path.fromBridge(frame);
            }
            assertThat(ofPeer.poll().bytes()).isEqualTo(toOwner);
            assertThat(ofPeer.poll()).isNull();

            CaptureRing ofContainer = capture(path, null, "10.99.0.1", 2_000);
            for (byte[] frame : List.of(toOwner, toNobody, asking)) {
                path.fromBridge(frame);
            }
            CaptureRing.Seen dropped = ofContainer.poll();
            assertThat(dropped.bytes()).isEqualTo(toNobody);
            assertThat(dropped.drop()).isEqualTo(Drop.UNKNOWN_DESTINATION);
            assertThat(ofContainer.poll()).isNull();

            CaptureRing ofNeighbour = capture(path, null, "10.42.2.9", 2_000);
            for (byte[] frame : List.of(toOwner, toNobody, asking)) {
                path.fromBridge(frame);
            }
            assertThat(ofNeighbour.poll().bytes()).isEqualTo(asking);
            assertThat(ofNeighbour.poll()).isNull();
        }
    }

    @Test
    void aCaptureThatIsNotReadLosesFramesAndCountsThem() {
        try (Slab slab = new Slab()) {
            CaptureRing ring = new CaptureRing(new CaptureFilter(null, null), 262_144);
            Observer observer = new Observer(0, new Snapshot<>(new Watch(0, List.of(ring))));
            byte[] content = Packets.udp(false, HERE, THERE, 1, Packets.payload(new Random(4), 30_000));
            long frame = frame(slab, content);
            PeerPath peer = new PeerPath(InetAddress.ofLiteral("127.0.0.2"), 4789, false, 1);
            observer.onBatch();
            int read = 0;
            for (int round = 0; round < 5; round++) {
                for (int i = 0; i < 200; i++) {
                    observer.incoming(peer, frame, content.length, 0, 0, null);
                }
                for (CaptureRing.Seen seen = ring.poll(); seen != null; seen = ring.poll()) {
                    assertThat(seen.bytes()).isEqualTo(content);
                    read++;
                }
            }
            assertThat(ring.lost()).isPositive();
            assertThat(read + ring.lost()).isEqualTo(1_000);
        }
    }

    @Test
    void observingAllocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Slab slab = new Slab()) {
            CaptureRing ring = new CaptureRing(new CaptureFilter(null, InetAddress.ofLiteral(THERE)), 2_000);
            Observer observer = new Observer(0, new Snapshot<>(new Watch(3, List.of(ring))));
            byte[] content = Packets.udp(false, HERE, THERE, 1, new byte[500]);
            long frame = frame(slab, content);
            PeerPath peer = new PeerPath(InetAddress.ofLiteral("127.0.0.2"), 4789, false, 1);
            long allocated = Long.MAX_VALUE;
            for (int round = 0; round < 50 && allocated != 0; round++) {
                long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 2_000; i++) {
                    observer.onBatch();
                    observer.incoming(peer, frame, content.length, 0, 0, null);
                    if (observer.outgoing(frame - ENOUGH.length, frame, content.length)) {
                        observer.outcome(peer, Drop.NO_SESSION);
                    }
                }
                allocated = threads.getCurrentThreadAllocatedBytes() - before;
                while (ring.poll() != null) {
                    // makes room
                }
                samples(observer);
            }
            assertThat(allocated).isZero();
            assertThat(ring.lost()).isZero();
        }
    }

    /** Behind a vnet header without offloads. */
    private static long frame(Slab slab, byte[] content) {
        long all = slab.allocate(ENOUGH.length + content.length);
        Memory.copyIn(ENOUGH, all);
        Memory.copyIn(content, all + ENOUGH.length);
        return all + ENOUGH.length;
    }
}
