package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.drover.dataplane.Links;
import dev.drover.dataplane.Transport;
import dev.drover.overlay.noise.Cookies;
import dev.drover.overlay.noise.HandshakeMac;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Traffic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whoever sends to the overlay's port, in a peer's name or his own, as fast as this machine can: counters, nothing else. */
@Tag("root")
@Timeout(120)
class FloodTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final long MANY = 20_000;
    /** Of counters, classes and compiled code; {@value #MANY} datagrams of 700 bytes twice are 28 MB. */
    private static final long KEPT_BYTES = 8 << 20;

    private static final String STRANGER = "192.0.2.77";

    /** Sends from the second host until closed. */
    private static final class Flood implements AutoCloseable {
        private final AtomicBoolean over = new AtomicBoolean();
        private final AtomicLong sent = new AtomicLong();
        private final DatagramSocket socket;
        private final Thread thread;

        Flood(TwoHosts hosts, String from, IntFunction<byte[]> datagrams) throws IOException {
            InetAddress source = InetAddress.ofLiteral(from);
            InetSocketAddress target = new InetSocketAddress(InetAddress.ofLiteral(hosts.one.vtep()), 4789);
            socket = hosts.two.host.netNs.call(() -> new DatagramSocket(0, source));
            thread = Thread.ofPlatform().daemon().start(() -> {
                for (int i = 0; !over.get(); i++) {
                    byte[] bytes = datagrams.apply(i);
                    try {
                        socket.send(new DatagramPacket(bytes, bytes.length, target));
                        sent.incrementAndGet();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            });
        }

        long sent() {
            return sent.get();
        }

        @Override
        public void close() {
            over.set(true);
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            socket.close();
        }
    }

    private static long dropped(Overlay overlay, Drop reason) {
        return overlay.status().drops().get(reason);
    }

    /** Bytes of the heap that somebody holds. */
    private static long heldBytes() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static void awaitPing(TwoHosts hosts) {
        await().atMost(LIMIT).until(() -> hosts.one.container.pings(hosts.two.address()));
    }

    @Test
    void garbageCostsCountersAlone() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            Overlay overlay = hosts.one.drover(Mode.AUTO, true, Transport.EPOLL, 2);
            hosts.two.drover(Mode.AUTO, true, Transport.EPOLL, 1);
            awaitPing(hosts);
            hosts.two.ip("address add " + STRANGER + "/24 dev uplink");
            Random random = new Random(6);
            byte[][] garbage = new byte[512][];
            for (int i = 0; i < garbage.length; i++) {
                garbage[i] = new byte[random.nextInt(1_400)];
                random.nextBytes(garbage[i]);
                if (i % 2 == 0 && garbage[i].length >= 8) { // a right header
                    System.arraycopy(new byte[] {8, 0, 0, 0, 0, 0, TwoHosts.VNI, 0}, 0, garbage[i], 0, 8);
                }
            }
            try (Flood asPeer = new Flood(hosts, hosts.two.vtep(), i -> garbage[i % garbage.length]);
                    Flood asStranger = new Flood(hosts, STRANGER, i -> garbage[i % garbage.length])) {
                long before = heldBytes();
                await().atMost(LIMIT)
                        .until(() ->
                                dropped(overlay, Drop.NO_VNI) > MANY && dropped(overlay, Drop.UNKNOWN_VTEP) > MANY);
                assertThat(heldBytes() - before).as("kept of the flood").isLessThan(KEPT_BYTES);
                awaitPing(hosts);
                assertThat(asPeer.sent()).isGreaterThan(MANY);
                assertThat(asStranger.sent()).isGreaterThan(MANY);
            }
            Load.tcp(hosts.one, hosts.two, 1_000_000);
        }
    }

    /** A bridge without a limit takes 100,000 addresses a second and is dumped whole when somebody looks at the table. */
    @Test
    void everNewAddressesFillNoTable() throws Exception {
        try (TwoHosts hosts = new TwoHosts()) {
            hosts.one.ip("link delete br0");
            Overlay overlay = hosts.one.drover(Mode.AUTO, true, Transport.EPOLL, 1);
            hosts.one.ip("link set v0 master br0");
            hosts.two.drover(Mode.AUTO, true, Transport.EPOLL, 1);
            awaitPing(hosts);
            try (Flood flood = new Flood(hosts, hosts.two.vtep(), FloodTest::frameOfNewSource)) {
                await().atMost(LIMIT)
                        .until(() -> overlay.status().traffic().get(Traffic.RX_PACKETS) > 4L * Links.MAX_LEARNED_MACS);
                assertThat(hosts.one
                                .host
                                .exec("bridge", "fdb", "show", "br", "br0")
                                .lines())
                        .hasSizeBetween(Links.MAX_LEARNED_MACS, Links.MAX_LEARNED_MACS + 100);
                assertThat(overlay.fdb()).hasSizeLessThan(Links.MAX_LEARNED_MACS);
                assertThat(flood.sent()).isPositive();
                awaitPing(hosts);
            }
        }
    }

    /** A datagram with a frame from the {@code i}th of many stations to another. */
    private static byte[] frameOfNewSource(int i) {
        ByteBuffer bytes = ByteBuffer.allocate(8 + 60);
        bytes.putInt(0x08000000).putInt(TwoHosts.VNI << 8);
        bytes.putShort((short) 0x0200).putInt(-1); // to
        bytes.putShort((short) 0x0201).putInt(i); // from
        bytes.putShort((short) 0x88b5); // for local experiments, IEEE 802
        return bytes.array();
    }

    @Test
    void handshakesInAPeersNameNeitherKeepItOutNorStopItsTraffic() throws Exception {
        Encryption one = Encryption.generate();
        Encryption two = Encryption.generate();
        try (TwoHosts hosts = new TwoHosts()) {
            KeyExchange.Timing timing = KeyExchange.Timing.STANDARD;
            Overlay flooded = hosts.one.start(hosts.one.encrypted(Mode.GSO, one, two.publicKey()), 1, timing);
            byte[] garbage = new byte[HandshakeMessage.INITIATION_BYTES];
            garbage[0] = 1;
            int codes = HandshakeMac.BYTES + Cookies.BYTES;
            byte[] plausible = Cookies.append(
                    new HandshakeMac(one.publicKey().bytes()).append(Arrays.copyOf(garbage, garbage.length - codes)),
                    null);
            byte[] withCode = plausible.clone();
            withCode[withCode.length - 1] = 1;
            List<byte[]> forged = List.of(garbage, plausible, withCode);
            try (Flood flood = new Flood(hosts, hosts.two.vtep(), i -> forged.get(i % 3))) {
                await().atMost(LIMIT)
                        .until(() -> dropped(flooded, Drop.HANDSHAKE_LIMIT) > MANY
                                && dropped(flooded, Drop.BAD_HANDSHAKE) > 1_000);
                hosts.two.start(hosts.two.encrypted(Mode.GSO, two, one.publicKey()), 1, timing);
                long startNs = System.nanoTime();
                awaitPing(hosts);
                System.out.printf(
                        "session and ping after %d ms, flood of %d%n",
                        (System.nanoTime() - startNs) / 1_000_000, flood.sent());
                assertThat(flooded.status().traffic().get(Traffic.COOKIES)).isPositive();
                long before = dropped(flooded, Drop.HANDSHAKE_LIMIT);
                await().atMost(LIMIT).until(() -> dropped(flooded, Drop.HANDSHAKE_LIMIT) > before + MANY);
                awaitPing(hosts);
            }
        }
    }
}
