package dev.drover.perf;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.Random;
import org.HdrHistogram.Histogram;

/** One query and its answer at a time, over a blocking socket, as a resolver library asks. */
final class DnsRoundTrip {
    private static final int TIMEOUT_MS = 1_000;
    private static final long HIGHEST_NS = 10_000_000_000L;

    private DnsRoundTrip() {}

    /** Times in nanoseconds of {@code count} queries for random names; a lost one counts with its time-out. */
    static Histogram measure(DnsServers servers, DnsServers.Kind kind, int count) throws Exception {
        InetAddress address = InetAddress.getByName(servers.address());
        Random random = new Random(kind.port());
        Histogram times = new Histogram(HIGHEST_NS, 3);
        try (DatagramSocket socket = OverlayTopology.in(servers.client(), DatagramSocket::new)) {
            socket.connect(new InetSocketAddress(address, kind.port()));
            socket.setSoTimeout(TIMEOUT_MS);
            DatagramPacket answer = new DatagramPacket(new byte[DnsMessage.BUFFER_BYTES], DnsMessage.BUFFER_BYTES);
            for (int i = 0; i < count; i++) {
                byte[] query = DnsMessage.question(
                        i, DnsServers.name(random.nextInt(DnsServers.NAMES)) + "." + DnsServers.ZONE);
                long start = System.nanoTime();
                socket.send(new DatagramPacket(query, query.length));
                receive(socket, answer, i, kind);
                times.recordValue(Math.min(HIGHEST_NS, System.nanoTime() - start));
            }
        }
        return times;
    }

    private static void receive(DatagramSocket socket, DatagramPacket answer, int id, DnsServers.Kind kind)
            throws IOException {
        try {
            do {
                answer.setLength(DnsMessage.BUFFER_BYTES);
                socket.receive(answer);
            } while (ByteBuffer.wrap(answer.getData()).getShort(0) != (short) id);
        } catch (SocketTimeoutException e) {
            return;
        }
        if (DnsMessage.rcode(answer.getData()) != 0 || DnsMessage.answers(answer.getData()) != 1) {
            throw new IllegalStateException(kind.label() + ": a wrong answer (expected: one address)");
        }
    }
}
