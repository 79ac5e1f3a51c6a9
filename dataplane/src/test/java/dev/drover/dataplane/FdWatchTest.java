package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(30)
class FdWatchTest {
    private static final Inet4Address LOOPBACK = Inet4Address.ofLiteral("127.0.0.1");

    @ParameterizedTest
    @EnumSource
    void whatIsLeftUnreadIsOfferedAgain(Transport transport) throws IOException {
        try (Lanes lanes = Lanes.open(transport, 1);
                Slab slab = new Slab();
                UdpSocket socket = UdpSocket.open(LOOPBACK, 0, false, 65_536);
                DatagramSocket sender = new DatagramSocket(0, LOOPBACK)) {
            AtomicInteger received = new AtomicInteger();
            long buffer = slab.allocate(100);
            FdWatch watch = FdWatch.start(lanes, 0, socket.fd(), () -> {
                if (Sys.read(socket.fd(), buffer, 100) > 0) {
                    received.incrementAndGet();
                }
            });
            for (int i = 0; i < 50; i++) {
                sender.send(new DatagramPacket(new byte[10], 10, LOOPBACK, socket.port()));
            }
            await().until(() -> received.get() == 50);
            watch.stop();
            sender.send(new DatagramPacket(new byte[10], 10, LOOPBACK, socket.port()));
            lanes.lane(0).submit(() -> {}).syncUninterruptibly();
            assertThat(received).hasValue(50);
            assertThat(Sys.read(socket.fd(), buffer, 100)).isEqualTo(10);
        }
    }

    @ParameterizedTest
    @EnumSource
    void stoppingAfterTheLanesAreGoneIsHarmless(Transport transport) {
        try (UdpSocket socket = UdpSocket.open(LOOPBACK, 0, false, 65_536)) {
            Lanes lanes = Lanes.open(transport, 1);
            FdWatch watch = FdWatch.start(lanes, 0, socket.fd(), () -> {});
            lanes.close();
            watch.stop();
            assertThat(lanes.lane(0).isShuttingDown()).isTrue();
        }
    }
}
