package dev.drover.dataplane;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(20)
final class RelayBatchTest {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private final Slab slab = new Slab();
    private final RelayBatch batch = new RelayBatch(4, slab);

    private static int receive(RelayBatch into, int fd, int least) {
        int count = -Sys.EAGAIN;
        for (int i = 0; i < 1_000 && count < least; i++) {
            count = into.receive(fd);
        }
        return count;
    }

    /** A datagram goes through a relay bound everywhere, and its answer comes from the address that was asked. */
    @ParameterizedTest
    @CsvSource({"127.0.0.1, 127.0.0.7", "127.0.0.1, 127.0.0.1", "::1, ::1"})
    void anAnswerComesFromTheAddressThatWasAsked(String from, String asked) throws IOException {
        try (slab;
                UdpSocket relay = UdpSocket.openEverywhere(0, false, 65_536);
                DatagramSocket client = new DatagramSocket(0, InetAddress.ofLiteral(from));
                DatagramSocket target = new DatagramSocket(0, LOOPBACK)) {
            client.setSoTimeout(5_000);
            target.setSoTimeout(5_000);
            relay.tellLocalAddress();
            // Takes datagrams of this address and port alone.
            client.connect(InetAddress.ofLiteral(asked), relay.port());
            long scratch = slab.allocate(SocketName.BYTES);
            int upstream = UdpSocket.connected(SocketName.of(LOOPBACK, target.getLocalPort()), scratch);
            assertThat(upstream).isPositive();
            for (int round = 0; round < 3; round++) {
                byte[] question = ("question " + round).getBytes(US_ASCII);
                client.send(new DatagramPacket(question, question.length));
                assertThat(receive(batch, relay.fd(), 1)).isEqualTo(1);
                assertThat(SocketName.address(batch.localHigh(0), batch.localLow(0)))
                        .isEqualTo(InetAddress.ofLiteral(asked));
                SocketName name = SocketName.read(batch.name(0));
                long high = batch.localHigh(0);
                long low = batch.localLow(0);
                assertThat(batch.sendConnected(upstream, 0, 1)).isEqualTo(1);

                DatagramPacket got = new DatagramPacket(new byte[100], 100);
                target.receive(got);
                assertThat(new String(got.getData(), 0, got.getLength(), US_ASCII))
                        .isEqualTo("question " + round);
                target.send(got);
                assertThat(receive(batch, upstream, 1)).isEqualTo(1);
                batch.address(0, name, relay.v4(), high, low);
                assertThat(batch.sendTo(relay.fd(), 0, 1)).isEqualTo(1);
                client.receive(got);
                assertThat(new String(got.getData(), 0, got.getLength(), US_ASCII))
                        .isEqualTo("question " + round);
            }
            Sys.close(upstream);
        }
    }

    @Test
    void theLongestAndTheEmptyDatagramPassWhole() throws IOException {
        try (slab;
                UdpSocket relay = UdpSocket.open(LOOPBACK, 0, false, 1 << 20);
                DatagramSocket client = new DatagramSocket(0, LOOPBACK);
                DatagramSocket target = new DatagramSocket(0, LOOPBACK)) {
            target.setSoTimeout(5_000);
            int upstream = UdpSocket.connected(
                    SocketName.of(LOOPBACK, target.getLocalPort()), slab.allocate(SocketName.BYTES));
            for (int length : new int[] {65_507, 0, 1}) {
                byte[] data = new byte[length];
                for (int i = 0; i < length; i++) {
                    data[i] = (byte) (i * 31);
                }
                client.send(new DatagramPacket(data, length, new InetSocketAddress(LOOPBACK, relay.port())));
                assertThat(receive(batch, relay.fd(), 1)).isEqualTo(1);
                assertThat(batch.length(0)).isEqualTo(length);
                assertThat(batch.localLow(0)).isZero();
                assertThat(batch.sendConnected(upstream, 0, 1)).isEqualTo(1);
                DatagramPacket got = new DatagramPacket(new byte[65_536], 65_536);
                target.receive(got);
                assertThat(Arrays.equals(Arrays.copyOf(got.getData(), got.getLength()), data))
                        .isTrue();
            }
            Sys.close(upstream);
        }
    }

    @Test
    void aRefusalIsTold() throws IOException {
        int port;
        try (DatagramSocket nobody = new DatagramSocket(0, LOOPBACK)) {
            port = nobody.getLocalPort();
        }
        try (slab;
                UdpSocket relay = UdpSocket.open(LOOPBACK, 0, false, 65_536);
                DatagramSocket client = new DatagramSocket()) {
            int upstream = UdpSocket.connected(SocketName.of(LOOPBACK, port), slab.allocate(SocketName.BYTES));
            client.send(new DatagramPacket(new byte[1], 1, new InetSocketAddress(LOOPBACK, relay.port())));
            assertThat(receive(batch, relay.fd(), 1)).isEqualTo(1);
            assertThat(batch.sendConnected(upstream, 0, 1)).isEqualTo(1);
            assertThat(batch.receive(upstream)).isEqualTo(-Sys.ECONNREFUSED);
            Sys.close(upstream);
        }
    }
}
