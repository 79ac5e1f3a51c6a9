package dev.drover.dataplane;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Datagrams by the batch between two sockets on loopback, where what was sent is there at once. */
@Timeout(30)
final class DatagramBatchTest {
    private static final int SLOTS = 4;
    private static final int BYTES = 128;

    private final Slab slab = new Slab();
    private final DatagramBatch sent = new DatagramBatch(SLOTS, BYTES, slab);
    private final DatagramBatch received = new DatagramBatch(SLOTS, BYTES, slab);

    private void write(int slot, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        sent.data(slot).put(bytes);
        sent.length(slot, bytes.length);
    }

    private static String read(DatagramBatch batch, int slot) {
        byte[] bytes = new byte[batch.length(slot)];
        batch.data(slot).get(bytes);
        return new String(bytes, StandardCharsets.US_ASCII);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void aBatchArrivesAndItsRepliesFindTheWayBackByTheNamesReceived(String literal) {
        InetAddress loopback = InetAddress.ofLiteral(literal);
        try (slab;
                UdpSocket client = UdpSocket.open(loopback, 0, false, 65_536);
                UdpSocket server = UdpSocket.open(loopback, 0, false, 65_536)) {
            for (int round = 0; round < 3; round++) { // the kernel overwrites lengths, which must not tell in the next
                for (int i = 0; i < SLOTS; i++) {
                    write(i, "query " + round + "." + i);
                    SocketName.of(loopback, server.port()).put(sent.name(i));
                }
                assertThat(sent.send(client.fd(), 0, SLOTS)).isEqualTo(SLOTS);
                assertThat(received.receive(server.fd())).isEqualTo(SLOTS);
                for (int i = 0; i < SLOTS; i++) {
                    assertThat(read(received, i)).isEqualTo("query " + round + "." + i);
                    assertThat(SocketName.port(received.name(i))).isEqualTo(client.port());
                    assertThat(SocketName.read(received.name(i)).address()).isEqualTo(loopback);
                }
            }
            DatagramBatch replies = new DatagramBatch(SLOTS, BYTES, slab);
            for (int i = 0; i < 2; i++) {
                replies.data(i).put((byte) ('a' + i));
                replies.length(i, 1);
                replies.to(i, received.name(i));
            }
            assertThat(replies.send(server.fd(), 1, 2)).isEqualTo(1);
            assertThat(received.receive(client.fd())).isEqualTo(1);
            assertThat(read(received, 0)).isEqualTo("b");
            assertThat(received.receive(client.fd())).isEqualTo(-Sys.EAGAIN);
        }
    }

    @Test
    void whatIsTooLongIsCut() {
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        try (slab;
                UdpSocket client = UdpSocket.open(loopback, 0, false, 65_536);
                UdpSocket server = UdpSocket.open(loopback, 0, false, 65_536)) {
            DatagramBatch large = new DatagramBatch(1, 2 * BYTES, slab);
            large.data(0).put(ByteBuffer.allocate(BYTES + 1));
            large.length(0, BYTES + 1);
            SocketName.of(loopback, server.port()).put(large.name(0));
            assertThat(large.send(client.fd(), 0, 1)).isEqualTo(1);
            assertThat(received.receive(server.fd())).isEqualTo(1);
            assertThat(received.length(0)).isEqualTo(BYTES);
        }
    }
}
