package dev.drover.perf;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import org.HdrHistogram.Histogram;

/** One packet there and back at a time, between two namespaces; blocking sockets, so that both wake up as programs do. */
final class UdpRoundTrip {
    private static final int PORT = 7007;
    private static final int TIMEOUT_MS = 1_000;
    private static final long HIGHEST_NS = 10_000_000_000L;

    private UdpRoundTrip() {}

    /** Times of {@code count} round trips in nanoseconds; a lost packet counts with its time-out. */
    static Histogram measure(OverlayPair pair, int payloadBytes, int count) throws Exception {
        InetSocketAddress server = new InetSocketAddress(pair.secondAddress(), PORT);
        try (DatagramSocket echo = OverlayTopology.in(pair.second(), () -> new DatagramSocket(server));
                DatagramSocket client = OverlayTopology.in(pair.first(), DatagramSocket::new)) {
            Thread.ofPlatform().name("echo").daemon().start(() -> echo(echo, payloadBytes));
            client.connect(server);
            client.setSoTimeout(TIMEOUT_MS);
            run(client, payloadBytes, Math.max(1, count / 10));
            Histogram times = run(client, payloadBytes, count);
            return times;
        }
    }

    private static Histogram run(DatagramSocket client, int payloadBytes, int count) throws IOException {
        Histogram times = new Histogram(HIGHEST_NS, 3);
        DatagramPacket packet = new DatagramPacket(new byte[payloadBytes], payloadBytes);
        for (int i = 0; i < count; i++) {
            long start = System.nanoTime();
            client.send(packet);
            try {
                client.receive(packet);
            } catch (SocketTimeoutException e) {
                packet.setLength(payloadBytes); // lost: its time is the time-out
            }
            times.recordValue(Math.min(HIGHEST_NS, System.nanoTime() - start));
        }
        return times;
    }

    private static void echo(DatagramSocket socket, int payloadBytes) {
        DatagramPacket packet = new DatagramPacket(new byte[payloadBytes], payloadBytes);
        try {
            while (true) {
                socket.receive(packet);
                socket.send(packet);
            }
        } catch (IOException e) {
            if (!socket.isClosed()) {
                throw new IllegalStateException("echo: " + e.getMessage(), e);
            }
        }
    }
}
