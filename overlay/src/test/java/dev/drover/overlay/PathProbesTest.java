package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.CounterSet;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.ProbeWriter;
import dev.drover.overlay.path.Traffic;
import java.net.InetAddress;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Probes over a network that is a few fields of this class. */
class PathProbesTest {
    private static final int MTU = 1_450;
    private static final long SECOND = 1_000_000_000;

    private final PeerPath peer = new PeerPath(InetAddress.ofLiteral("192.0.2.2"), 4789, false, 1);
    private final CounterSet<Traffic> traffic = new CounterSet<>(Traffic.class, 1);
    private int mtu = MTU;
    private int passes = MTU;
    private boolean there = true;
    private boolean superFramesPass = true;
    private boolean session = true;
    private boolean takesRemoteChecksum = true;
    private long nowNs = 1;
    private int sent;
    private int answersSent;
    /** What a peer tells that does not tell what has come. */
    private OptionalInt told = OptionalInt.empty();

    private final PathProbes probes = new PathProbes(
            PathProbes.Timing.STANDARD,
            new PathProbes.Wire() {
                @Override
                public int mtu() {
                    return mtu;
                }

                @Override
                public boolean superFrames(PeerPath to) {
                    return true;
                }

                @Override
                public boolean probe(PeerPath to, int ipBytes, long nonce) {
                    sent++;
                    if (session && there && ipBytes <= passes) {
                        comes(nonce, ProbeWriter.payload(ipBytes));
                    }
                    return session;
                }

                @Override
                public int superFrame(PeerPath to, int ipBytes, long nonce) {
                    int payload = session ? 2 * ProbeWriter.payload(ipBytes) : 0;
                    if (session && there && superFramesPass && ipBytes <= passes) {
                        comes(nonce, payload / 2);
                        comes(nonce, payload / 2);
                    }
                    return payload;
                }

                @Override
                public void answer(PeerPath to, long nonce, int bytes) {
                    answersSent++;
                }
            },
            () -> nowNs,
            traffic,
            0);

    /** Answers come after what was sent was noted. */
    private final List<Runnable> coming = new java.util.ArrayList<>();

    private void comes(long nonce, int bytes) {
        coming.add(() -> probes.onAnswer(peer, nonce, told.orElse(bytes), takesRemoteChecksum));
    }

    private void rounds(int count) {
        for (int i = 0; i < count; i++) {
            probes.onRound();
            coming.forEach(Runnable::run);
            coming.clear();
            nowNs += SECOND;
        }
    }

    private PathProbes.View view() {
        return probes.view(peer).orElseThrow();
    }

    private void begin() {
        probes.peers(List.of(peer));
        rounds(11);
        assertThat(view()).isEqualTo(new PathProbes.View(true, MTU, true));
    }

    @Test
    void aGoodPathStaysAsItIsAndIsProbedSeldom() {
        begin();
        assertThat(sent).as("two sizes every five seconds").isEqualTo(6);
        assertThat(traffic.sum(Traffic.PROBES_LOST)).isZero();
        assertThat(peer.mtu()).isEqualTo(MTU);
    }

    @Test
    void checksumsAreLeftToAPeerThatSaysItTakesThemAndIsThere() {
        takesRemoteChecksum = false;
        begin();
        assertThat(peer.remoteChecksum()).isFalse();
        takesRemoteChecksum = true;
        rounds(6);
        assertThat(peer.remoteChecksum()).isTrue();
        there = false;
        rounds(20);
        assertThat(peer.remoteChecksum()).as("who comes back may be another").isFalse();
        there = true;
        rounds(2);
        assertThat(peer.remoteChecksum()).isTrue();
        probes.peers(List.of());
        assertThat(peer.remoteChecksum()).as("not probed").isFalse();
        probes.onAnswer(peer, 7, 100, true);
        assertThat(peer.remoteChecksum()).as("an answer to nothing").isFalse();
    }

    @Test
    void theOperatorsWordIsAboveThePeers() {
        peer.tellRemoteChecksum(false);
        begin();
        assertThat(peer.remoteChecksum()).isFalse();
        peer.tellRemoteChecksum(null);
        assertThat(peer.remoteChecksum()).isTrue();
        peer.tellRemoteChecksum(true);
        there = false;
        rounds(20);
        assertThat(peer.remoteChecksum()).as("of a kernel's device").isTrue();
    }

    @Test
    void whateverAPeerTellsNoMtuIsBeyondTheOverlays() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random random = new Random(seed);
        begin();
        for (int i = 0; i < 2_000; i++) {
            told = random.nextInt(3) == 0 ? OptionalInt.empty() : OptionalInt.of(random.nextInt());
            passes = random.nextInt(MTU + 1);
            probes.onAnswer(peer, random.nextLong(), random.nextInt(), random.nextBoolean());
            rounds(1);
            assertThat(peer.mtu()).as("seed %d round %d", seed, i).isBetween(576, MTU);
        }
        told = OptionalInt.empty();
        passes = MTU;
        rounds(200);
        assertThat(view()).as("seed %d, and it ends well", seed).isEqualTo(new PathProbes.View(true, MTU, true));
    }

    @Test
    void aPeerThatTellsTooMuchIsTakenForOneThatGotAll() {
        begin();
        told = OptionalInt.of(Integer.MAX_VALUE);
        rounds(60);
        assertThat(view()).isEqualTo(new PathProbes.View(true, MTU, true));
    }

    @ParameterizedTest
    @ValueSource(ints = {576, 1_000, 1_230, 1_350, 1_446, 1_449})
    void aBlackHoleIsFoundToAFewBytesAndItsEndToo(int size) {
        begin();
        passes = size;
        rounds(20);
        assertThat(view().answers()).isTrue();
        assertThat(view().mtu()).isBetween(size - 4, size);
        assertThat(peer.mtu()).isEqualTo(view().mtu());
        assertThat(traffic.sum(Traffic.BLACK_HOLES)).isEqualTo(1);
        passes = MTU;
        rounds(30);
        assertThat(view().mtu()).as("before it is time to try").isLessThan(MTU);
        rounds(60);
        assertThat(view().mtu()).isEqualTo(MTU);
    }

    @Test
    void aPathThatGrowsALittleIsFoundToo() {
        begin();
        passes = 1_000;
        rounds(20);
        passes = 1_230;
        rounds(90);
        assertThat(view().mtu()).isBetween(1_226, 1_230);
    }

    @Test
    void aSilentPeerIsNamedAndItsMtuKept() {
        begin();
        there = false;
        rounds(12);
        assertThat(view()).isEqualTo(new PathProbes.View(false, MTU, true));
        assertThat(traffic.sum(Traffic.PROBES_LOST)).isPositive();
        assertThat(traffic.sum(Traffic.BLACK_HOLES)).isZero();
        there = true;
        rounds(7);
        assertThat(view()).isEqualTo(new PathProbes.View(true, MTU, true));
    }

    @Test
    void superFramesThatDoNotArriveAreGivenUpUntilTheyDo() {
        begin();
        superFramesPass = false;
        rounds(12);
        assertThat(view()).isEqualTo(new PathProbes.View(true, MTU, false));
        assertThat(probes.losesSuperFrames(peer)).isTrue();
        superFramesPass = true;
        rounds(30);
        assertThat(probes.losesSuperFrames(peer)).isFalse();
    }

    @Test
    void oneLostProbeSaysNothing() {
        begin();
        passes = 100;
        rounds(6);
        passes = MTU;
        rounds(20);
        assertThat(view()).isEqualTo(new PathProbes.View(true, MTU, true));
        assertThat(traffic.sum(Traffic.PROBES_LOST)).isBetween(1L, 2L);
    }

    @Test
    void withoutASessionNothingIsConcluded() {
        session = false;
        probes.peers(List.of(peer));
        rounds(30);
        assertThat(view().answers()).isTrue();
        assertThat(traffic.sum(Traffic.BLACK_HOLES)).isZero();
    }

    @Test
    void anotherMtuOfTheOverlayBeginsAnew() {
        begin();
        passes = 1_000;
        rounds(20);
        mtu = 900;
        rounds(12);
        assertThat(view().mtu()).isEqualTo(900);
    }

    @Test
    void whoIsNotProbedHasNoView() {
        begin();
        probes.peers(List.of());
        assertThat(probes.view(peer)).isEmpty();
    }

    @Test
    void answersAreLimited() {
        for (int i = 0; i < 5_000; i++) {
            probes.onProbe(peer, i, 100);
        }
        assertThat(answersSent).isEqualTo(1_024);
        probes.onRound();
        probes.onProbe(peer, 1, 100);
        assertThat(answersSent).isEqualTo(1_025);
    }
}
