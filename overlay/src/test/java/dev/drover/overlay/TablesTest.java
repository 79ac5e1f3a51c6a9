package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.PeerPath;
import java.net.Inet4Address;
import java.util.List;
import org.junit.jupiter.api.Test;

class TablesTest {
    private static final Inet4Address FOREIGN = Inet4Address.ofLiteral("192.0.2.3");
    private final Tables tables = new Tables(1);

    private static OverlayConfig config(boolean withForeign, OverlayConfig.Neighbour... neighbours) {
        OverlayConfig.Peer ours =
                new OverlayConfig.Peer(Inet4Address.ofLiteral("192.0.2.2"), List.of(Cidr.parse("10.42.2.0/24")));
        OverlayConfig.Peer foreign = new OverlayConfig.Peer(Inet4Address.ofLiteral("192.0.2.3"), List.of());
        return new OverlayConfig(
                1,
                Inet4Address.ofLiteral("192.0.2.1"),
                4789,
                "br0",
                Mode.AUTO,
                null,
                withForeign ? List.of(ours, foreign) : List.of(ours),
                List.of(neighbours));
    }

    private static OverlayConfig.Neighbour neighbour(long mac, String vtep, long revision) {
        int address = Cidr.parseAddress("10.42.2.7");
        return new OverlayConfig.Neighbour(address, new Mac(mac), Inet4Address.ofLiteral(vtep), revision);
    }

    private String behind(Forwarding forwarding, long mac) {
        PeerPath peer = forwarding.behind(mac);
        return peer == null ? "nobody" : peer.vtep().getHostAddress();
    }

    @Test
    void peersThatStayKeepTheirCounters() {
        tables.build(config(true));
        List<PeerPath> before = tables.peers();
        tables.build(config(false));
        assertThat(before).containsAll(tables.peers());
    }

    @Test
    void theNewestFactAboutAnAddressCounts() {
        Forwarding forwarding = tables.build(
                config(true, neighbour(1, "192.0.2.2", 5), neighbour(2, "192.0.2.3", 9), neighbour(3, "192.0.2.2", 7)));
        assertThat(behind(forwarding, 2)).isEqualTo("192.0.2.3");
        assertThat(behind(forwarding, 1)).isEqualTo("nobody");
        assertThat(behind(forwarding, 3)).isEqualTo("nobody");
    }

    @Test
    void aNeighbourBehindAStrangerIsLeftOut() {
        Forwarding forwarding = tables.build(config(false, neighbour(1, "192.0.2.99", 5)));
        assertThat(behind(forwarding, 1)).isEqualTo("nobody");
    }

    @Test
    void whatIsConfiguredWinsOverWhatIsLearned() {
        assertThat(tables.learn(1, FOREIGN, 0)).isTrue();
        assertThat(tables.learn(1, FOREIGN, 0)).isFalse();
        assertThat(tables.learn(2, FOREIGN, 0)).isTrue();
        Forwarding forwarding = tables.build(config(true, neighbour(1, "192.0.2.2", 1)));
        assertThat(behind(forwarding, 1)).isEqualTo("192.0.2.2");
        assertThat(behind(forwarding, 2)).isEqualTo("192.0.2.3");
    }

    @Test
    void whatWasLearnedGoesWithItsPeer() {
        tables.learn(2, FOREIGN, 0);
        tables.build(config(false));
        assertThat(behind(tables.build(config(true)), 2)).isEqualTo("nobody");
    }

    @Test
    void theOldestLearnedAddressGoesWhenThereAreTooMany() {
        for (int mac = 1; mac <= Tables.MAX_LEARNED + 1; mac++) {
            tables.learn(mac, FOREIGN, 0);
        }
        Forwarding forwarding = tables.build(config(true));
        assertThat(behind(forwarding, 1)).isEqualTo("nobody");
        assertThat(behind(forwarding, 2)).isEqualTo("192.0.2.3");
        assertThat(behind(forwarding, Tables.MAX_LEARNED + 1)).isEqualTo("192.0.2.3");
    }

    @Test
    void whatIsKnownIsListedWithWhoSaidSo() {
        long[] nowNs = {0};
        Tables timed = new Tables(1, () -> nowNs[0]);
        OverlayConfig config = config(true, neighbour(1, "192.0.2.2", 5));
        timed.build(config);
        timed.learn(1, FOREIGN, 0);
        timed.learn(2, FOREIGN, Cidr.parseAddress("10.42.9.9"));
        nowNs[0] = 3_500_000_000L;
        timed.learn(3, FOREIGN, 0);
        assertThat(timed.entries(config))
                .extracting(FdbEntry::toString)
                .containsExactly(
                        "FdbEntry[mac=00:00:00:00:00:01, address=/10.42.2.7, vtep=/192.0.2.2, port=null, known=CONFIGURED,"
                                + " revision=5, ageMs=null]",
                        "FdbEntry[mac=00:00:00:00:00:02, address=/10.42.9.9, vtep=/192.0.2.3, port=null, known=LEARNED,"
                                + " revision=null, ageMs=3500]",
                        "FdbEntry[mac=00:00:00:00:00:03, address=null, vtep=/192.0.2.3, port=null, known=LEARNED,"
                                + " revision=null, ageMs=0]");
        assertThat(timed.learnedMac(Cidr.parseAddress("10.42.9.9"))).isEqualTo(new Mac(2));
        assertThat(timed.learnedMac(Cidr.parseAddress("10.42.9.8"))).isNull();
    }
}
