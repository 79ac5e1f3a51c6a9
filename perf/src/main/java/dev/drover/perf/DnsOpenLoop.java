package dev.drover.perf;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Open-loop queries: one is due every {@code 1/rate} seconds whatever the answers do, and its latency counts from the moment
 * it was due, so that a stall of the server shows in full. One thread, which looks and never sleeps.
 */
final class DnsOpenLoop {
    private static final long HIGHEST_NS = TimeUnit.SECONDS.toNanos(60);
    private static final long LOST_NS = TimeUnit.SECONDS.toNanos(1);
    private static final int NAMES = 4_096;
    private static final int IDS = 1 << 16;
    private static final int BUFFER_BYTES = 4 << 20;

    private final DatagramChannel channel;
    private final ByteBuffer[] queries = new ByteBuffer[NAMES];
    private final ByteBuffer reply = ByteBuffer.allocateDirect(DnsMessage.BUFFER_BYTES);
    /** When the query of each ID was due, 0 when its answer is there. */
    private final long[] dueNs = new long[IDS];

    private final Histogram latencyNs = new Histogram(HIGHEST_NS, 3);
    private int nextId;
    private int waiting;

    private DnsOpenLoop(DatagramChannel channel) {
        this.channel = channel;
        Random random = new Random(1);
        for (int i = 0; i < NAMES; i++) {
            byte[] query =
                    DnsMessage.question(0, DnsServers.name(random.nextInt(DnsServers.NAMES)) + "." + DnsServers.ZONE);
            queries[i] = ByteBuffer.allocateDirect(query.length).put(query);
        }
    }

    /** Times in nanoseconds of all queries; one without answer for a second counts with that. */
    static Histogram run(DnsServers servers, DnsServers.Kind kind, double perSecond, int seconds) throws Exception {
        InetAddress address = InetAddress.getByName(servers.address());
        try (DatagramChannel channel = OverlayTopology.in(servers.client(), DatagramChannel::open)) {
            channel.setOption(StandardSocketOptions.SO_RCVBUF, BUFFER_BYTES);
            channel.connect(new InetSocketAddress(address, kind.port()));
            channel.configureBlocking(false);
            DnsOpenLoop loop = new DnsOpenLoop(channel);
            loop.run((long) (TimeUnit.SECONDS.toNanos(1) / perSecond), TimeUnit.SECONDS.toNanos(seconds));
            return loop.latencyNs;
        }
    }

    private void run(long intervalNs, long lengthNs) throws IOException {
        long startNs = System.nanoTime();
        long endNs = startNs + lengthNs;
        long nextNs = startNs;
        for (long now = startNs; now < endNs || waiting > 0 && now < endNs + LOST_NS; now = System.nanoTime()) {
            for (; nextNs <= now && nextNs < endNs; nextNs += intervalNs) {
                send(nextNs);
                receive();
            }
            if (!receive()) {
                Thread.yield();
            }
        }
        for (int id = 0; id < IDS; id++) {
            giveUp(id);
        }
    }

    private void send(long due) throws IOException {
        giveUp(nextId);
        ByteBuffer query = queries[nextId % NAMES].putShort(0, (short) nextId);
        channel.write(query.flip());
        dueNs[nextId] = due;
        waiting++;
        nextId = nextId + 1 & IDS - 1;
    }

    private void giveUp(int id) {
        if (dueNs[id] != 0) {
            dueNs[id] = 0;
            waiting--;
            latencyNs.recordValue(LOST_NS);
        }
    }

    /** Takes all answers there are; whether there was one. */
    private boolean receive() throws IOException {
        boolean any = false;
        try {
            while (channel.read(reply.clear()) > 0) {
                any = true;
                int id = reply.getShort(0) & 0xffff;
                if (dueNs[id] != 0) {
                    latencyNs.recordValue(Math.min(HIGHEST_NS, System.nanoTime() - dueNs[id]));
                    dueNs[id] = 0;
                    waiting--;
                }
            }
        } catch (PortUnreachableException e) {
            throw new IllegalStateException("open loop: the server is gone", e);
        }
        return any;
    }
}
