package dev.drover.overlay.path;

import static dev.drover.overlay.path.Packets.BROADCAST;
import static dev.drover.overlay.path.Packets.MAC_A;
import static dev.drover.overlay.path.Packets.MAC_B;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.DatagramSocket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is foretold of a frame is what the lane then does with it. */
@Timeout(60)
class ForecastTest {
    private static final String HERE = "10.42.1.2";
    private static final String THERE = "10.42.2.2";
    private static final String NEIGHBOUR = "10.42.2.9";
    private static final String NOWHERE = "10.42.77.1";

    private static byte[] udp(String from, String to, int bytes) {
        return Packets.udp(false, from, to, 1, new byte[bytes]);
    }

    private static byte[] to(long mac, byte[] frame) {
        int type = (frame[12] & 0xff) << 8 | frame[13] & 0xff;
        return Packets.ethernet(mac, MAC_A, type, Arrays.copyOfRange(frame, 14, frame.length));
    }

    private static List<byte[]> frames() {
        List<byte[]> frames = new ArrayList<>();
        for (EncapsulatorTest.Reason reason : EncapsulatorTest.Reason.values()) {
            frames.add(reason.frame());
        }
        for (String target :
                new String[] {HERE, THERE, NEIGHBOUR, NOWHERE, "10.42.1.7", "0.0.0.0", "255.255.255.255"}) {
            for (long mac : new long[] {MAC_B, BROADCAST, PathFixture.NEIGHBOUR.value(), 0x0100_5e00_0001L}) {
                for (String sender : new String[] {HERE, THERE, NOWHERE, "0.0.0.0"}) {
                    frames.add(to(mac, udp(sender, target, 10)));
                    frames.add(Packets.arp(1, MAC_A, sender, target, mac));
                    frames.add(Packets.arp(2, MAC_A, sender, target, mac));
                }
            }
        }
        frames.add(udp(HERE, THERE, PathFixture.MTU - 28));
        frames.add(udp(HERE, THERE, PathFixture.MTU - 28 + 9));
        frames.add(to(BROADCAST, udp(HERE, THERE, PathFixture.MTU)));
        frames.add(Packets.udp(true, "fd00::1", "fd00::2", 1, new byte[10]));
        frames.add(Packets.tagged(udp(HERE, THERE, 10)));
        frames.add(new byte[0]);
        frames.add(new byte[14]);
        return frames;
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SEALED")
    void theForecastComesTrue(PathFixture.Mode mode) throws Exception {
        for (byte[] frame : frames()) {
            try (PathFixture path = new PathFixture(mode)) {
                Forecast forecast = Forecast.of(path.forwarding.read(), PathFixture.MTU, frame);
                path.fromBridge(frame);
                String what = forecast + " of " + Arrays.toString(Arrays.copyOf(frame, Math.min(frame.length, 42)));
                assertThat(path.drops.sum(forecast.drop() == null ? Drop.RUNT : forecast.drop()))
                        .as(what)
                        .isEqualTo(forecast.drop() == null ? 0 : 1);
                assertThat(path.drops()).as(what).isEqualTo(forecast.drop() == null ? 0 : 1);
                assertThat(got(path)).as(what).containsExactlyInAnyOrderElementsOf(forecast.peers());
                assertThat(path.traffic.sum(Traffic.ARP_ANSWERED))
                        .as(what)
                        .isEqualTo(is(forecast, Forecast.Outcome.ANSWERED));
                assertThat(path.traffic.sum(Traffic.ARP_DIRECTED))
                        .as(what)
                        .isEqualTo(is(forecast, Forecast.Outcome.ASKED));
                assertThat(path.traffic.sum(Traffic.FLOODED))
                        .as(what)
                        .isEqualTo(is(forecast, Forecast.Outcome.FLOODED));
                assertThat(path.traffic.sum(Traffic.ARP_ANNOUNCED))
                        .as(what)
                        .isEqualTo(is(forecast, Forecast.Outcome.ANNOUNCED));
                if (forecast.outcome() == Forecast.Outcome.ANSWERED) {
                    byte[] reply = path.frameToBridge();
                    assertThat(Arrays.copyOfRange(reply, 6, 12))
                            .isEqualTo(new dev.drover.dataplane.Mac(forecast.mac()).bytes());
                }
            }
        }
    }

    private static long is(Forecast forecast, Forecast.Outcome outcome) {
        return forecast.outcome() == outcome ? 1 : 0;
    }

    /** By the counters, and by the frames for those that arrived. */
    private static List<PeerPath> got(PathFixture path) throws Exception {
        List<PeerPath> got = new ArrayList<>();
        for (PeerPath peer : List.of(path.ownerPath, path.floodedPath)) {
            DatagramSocket socket = peer == path.ownerPath ? path.owner : path.flooded;
            if (peer.txPackets() == 1) {
                got.add(peer);
                PathFixture.inner(socket);
            }
        }
        return got;
    }
}
