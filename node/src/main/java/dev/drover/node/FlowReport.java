package dev.drover.node;

import dev.drover.controlplane.link.Up;
import dev.drover.overlay.Flow;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the control plane is told of flows: the difference between two looks at the overlay's table, whose numbers only
 * grow. What was sent is told of this host's own senders, so that no packet counts twice; what was dropped, of both
 * directions. One thread at a time.
 */
final class FlowReport {
    private static final Comparator<Up.Flow> LARGEST = Comparator.comparingLong(Up.Flow::bytes)
            .thenComparingLong(Up.Flow::droppedPackets)
            .reversed();

    private Map<Key, Flow> before = Map.of();
    private long beforeNs;
    private boolean silent = true;

    private record Key(InetAddress source, InetAddress destination, Flow.Direction direction) {}

    FlowReport(long nowNs) {
        beforeNs = nowNs;
    }

    /** What to tell after this look; null when there is nothing, and nothing was told last time. */
    Up.@Nullable Flows next(List<Flow> table, long nowNs) {
        Map<Key, Flow> now = new HashMap<>();
        List<Up.Flow> flows = new ArrayList<>();
        for (Flow flow : table) {
            Key key = new Key(flow.source(), flow.destination(), flow.direction());
            now.put(key, flow);
            Up.Flow grown = grown(before.get(key), flow);
            if (grown.packets() > 0 || grown.droppedPackets() > 0) {
                flows.add(grown);
            }
        }
        long periodMs = Math.max(1, TimeUnit.NANOSECONDS.toMillis(nowNs - beforeNs));
        before = now;
        beforeNs = nowNs;
        boolean wasSilent = silent;
        silent = flows.isEmpty();
        flows.sort(LARGEST);
        return silent && wasSilent
                ? null
                : new Up.Flows(periodMs, List.copyOf(flows.subList(0, Math.min(flows.size(), Up.Flows.MOST))));
    }

    private static Up.Flow grown(@Nullable Flow before, Flow now) {
        // Fewer samples than before: it gave way to another flow meanwhile and began anew.
        Flow since = before != null && before.samples() <= now.samples() ? before : null;
        boolean ours = now.direction() == Flow.Direction.OUT;
        long dropped = now.droppedPackets() - (since == null ? 0 : since.droppedPackets());
        return new Up.Flow(
                now.source().getHostAddress(),
                now.destination().getHostAddress(),
                ours ? now.packets() - (since == null ? 0 : since.packets()) : 0,
                ours ? now.bytes() - (since == null ? 0 : since.bytes()) : 0,
                dropped,
                dropped == 0 || now.drop() == null ? null : now.drop().name().toLowerCase(Locale.ROOT));
    }
}
