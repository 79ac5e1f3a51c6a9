package dev.drover.dns.resolve;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** The upstreams that can answer for some names, equal but for their speed. */
public final class UpstreamSet {
    static final UpstreamSet NONE = new UpstreamSet(List.of());

    private final List<Upstream> upstreams;

    public UpstreamSet(List<Upstream> upstreams) {
        this.upstreams = List.copyOf(upstreams);
    }

    public List<Upstream> upstreams() {
        return upstreams;
    }

    public boolean isEmpty() {
        return upstreams.isEmpty();
    }

    /** The order to ask them in: those that answer by their time, then the others; none that loops. */
    List<Upstream> inOrder(long nowNs) {
        List<Upstream> order = new ArrayList<>(upstreams.size());
        for (Upstream upstream : upstreams) {
            if (!upstream.isLooping(nowNs)) {
                order.add(upstream);
            }
        }
        if (order.size() > 1) {
            // Scores move while other lanes write them: sort what was read once.
            record Scored(Upstream upstream, boolean sick, long scoreNs) {}
            order = order.stream()
                    .map(upstream -> new Scored(upstream, !upstream.isHealthy(), upstream.scoreNs()))
                    .sorted(Comparator.comparing(Scored::sick).thenComparingLong(Scored::scoreNs))
                    .map(Scored::upstream)
                    .toList();
        }
        return order;
    }

    /** Whether none answers at the moment. */
    public boolean isSick(long nowNs) {
        for (Upstream upstream : upstreams) {
            if (upstream.isHealthy() && !upstream.isLooping(nowNs)) {
                return false;
            }
        }
        return true;
    }

    boolean answeredSince(long sinceNs) {
        for (Upstream upstream : upstreams) {
            if (upstream.answeredNs() - sinceNs > 0) {
                return true;
            }
        }
        return false;
    }
}
