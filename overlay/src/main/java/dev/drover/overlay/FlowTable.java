package dev.drover.overlay;

import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.FlowRing;
import dev.drover.overlay.path.PeerPath;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Flows by the samples of all lanes: at most {@code capacity}, the one that was quiet for longest gives way. Belongs to the
 * overlay's control thread, but for the counters.
 */
final class FlowTable implements FlowRing.Receiver {
    private static final int ADDRESS_BYTES = 16;

    private final int capacity;
    private final LongSupplier nowNs;
    /** In order of the last sample. */
    private final Map<Key, Totals> flows = new LinkedHashMap<>(16, 0.75f, true);

    private volatile int size;
    private final AtomicLong evictions = new AtomicLong();
    private final AtomicLong samples = new AtomicLong();

    private record Key(FlowRing.Pair pair, boolean outgoing) {}

    private static final class Totals {
        final long firstNs;
        long lastNs;
        long packets;
        long bytes;
        long droppedPackets;
        long samples;

        @Nullable
        Drop drop;

        @Nullable
        InetAddress vtep;

        Totals(long firstNs) {
            this.firstNs = firstNs;
        }
    }

    FlowTable(int capacity, LongSupplier nowNs) {
        this.capacity = capacity;
        this.nowNs = nowNs;
    }

    @Override
    public void receive(
            FlowRing.Pair pair,
            int packets,
            int bytes,
            int weight,
            boolean outgoing,
            @Nullable PeerPath peer,
            @Nullable Drop drop) {
        long now = nowNs.getAsLong();
        Totals totals = flows.computeIfAbsent(new Key(pair, outgoing), _ -> new Totals(now));
        totals.lastNs = now;
        totals.samples++;
        if (drop == null) {
            totals.packets += (long) packets * weight;
            totals.bytes += (long) bytes * weight;
        } else {
            totals.droppedPackets += (long) packets * weight;
            totals.drop = drop;
        }
        if (peer != null) {
            totals.vtep = peer.vtep();
        }
        samples.incrementAndGet();
        if (flows.size() > capacity) {
            flows.remove(flows.keySet().iterator().next());
            evictions.incrementAndGet();
        }
        size = flows.size();
    }

    /** Those with the most bytes first. */
    List<Flow> list() {
        long now = nowNs.getAsLong();
        return flows.entrySet().stream()
                .map(entry -> flow(entry.getKey(), entry.getValue(), now))
                .sorted(Comparator.comparingLong(Flow::bytes).reversed())
                .toList();
    }

    private static Flow flow(Key key, Totals totals, long now) {
        return new Flow(
                address(key.pair.sourceHigh(), key.pair.sourceLow()),
                address(key.pair.destinationHigh(), key.pair.destinationLow()),
                key.outgoing ? Flow.Direction.OUT : Flow.Direction.IN,
                totals.vtep,
                totals.packets,
                totals.bytes,
                totals.droppedPackets,
                totals.drop,
                totals.samples,
                TimeUnit.NANOSECONDS.toMillis(now - totals.firstNs),
                TimeUnit.NANOSECONDS.toMillis(now - totals.lastNs));
    }

    /** IPv4 when it is mapped. */
    private static InetAddress address(long high, long low) {
        byte[] bytes =
                ByteBuffer.allocate(ADDRESS_BYTES).putLong(high).putLong(low).array();
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new AssertionError(e); // it has the length
        }
    }

    /** Any thread, like the two below. */
    int size() {
        return size;
    }

    /** Flows that gave way to others. */
    long evictions() {
        return evictions.get();
    }

    /** Samples taken. */
    long samples() {
        return samples.get();
    }
}
