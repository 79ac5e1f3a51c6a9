package dev.drover.dns.path;

import java.util.ArrayList;
import java.util.List;

/** Everything a query is answered from, published as one. */
public record Serving(Zone zone, List<Upstream> upstreams) {
    public Serving {
        upstreams = List.copyOf(upstreams);
    }

    /** Upstreams in the order to ask them: as configured, the sick ones last. */
    List<Upstream> upstreamsInOrder(long nowNs) {
        List<Upstream> ordered = new ArrayList<>(upstreams.size());
        for (Upstream upstream : upstreams) {
            if (!upstream.isSick(nowNs)) {
                ordered.add(upstream);
            }
        }
        if (ordered.size() < upstreams.size()) {
            for (Upstream upstream : upstreams) {
                if (!ordered.contains(upstream)) {
                    ordered.add(upstream);
                }
            }
        }
        return ordered;
    }
}
