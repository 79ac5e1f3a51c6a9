package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.FlowRing;
import dev.drover.overlay.path.PeerPath;
import java.net.InetAddress;
import org.junit.jupiter.api.Test;

class FlowTableTest {
    private static final long MAPPED = 0xffff_0a2a_0000L;
    private final PeerPath peer = new PeerPath(InetAddress.ofLiteral("192.0.2.2"), 4789, false, 1);
    private long nowNs;

    private static FlowRing.Pair pair(int from, int to) {
        return new FlowRing.Pair(0, MAPPED | from, 0, MAPPED | to);
    }

    @Test
    void samplesAreWhatTheyStandFor() {
        FlowTable table = new FlowTable(10, () -> nowNs);
        table.receive(pair(1, 2), 3, 3_000, 64, true, peer, null);
        nowNs = 5_000_000;
        table.receive(pair(1, 2), 1, 100, 64, true, peer, null);
        table.receive(pair(1, 2), 2, 200, 64, true, peer, Drop.NO_SESSION);
        table.receive(pair(1, 2), 1, 60, 64, false, peer, null);
        nowNs = 7_000_000;
        assertThat(table.list())
                .containsExactly(
                        new Flow(
                                InetAddress.ofLiteral("10.42.0.1"),
                                InetAddress.ofLiteral("10.42.0.2"),
                                Flow.Direction.OUT,
                                peer.vtep(),
                                256,
                                198_400,
                                128,
                                Drop.NO_SESSION,
                                3,
                                7,
                                2),
                        new Flow(
                                InetAddress.ofLiteral("10.42.0.1"),
                                InetAddress.ofLiteral("10.42.0.2"),
                                Flow.Direction.IN,
                                peer.vtep(),
                                64,
                                3_840,
                                0,
                                null,
                                1,
                                2,
                                2));
        assertThat(table.samples()).isEqualTo(4);
    }

    @Test
    void theOneThatIsQuietForLongestGivesWay() {
        FlowTable table = new FlowTable(3, () -> nowNs);
        for (int i = 0; i < 3; i++) {
            table.receive(pair(i, 9), 1, 100, 1, true, null, null);
        }
        table.receive(pair(0, 9), 1, 100, 1, true, null, null);
        table.receive(pair(3, 9), 1, 100, 1, true, null, null);
        assertThat(table.list().stream().map(flow -> flow.source().getHostAddress()))
                .containsExactlyInAnyOrder("10.42.0.0", "10.42.0.2", "10.42.0.3");
        assertThat(table.size()).isEqualTo(3);
        assertThat(table.evictions()).isEqualTo(1);
    }
}
