package dev.drover.dns.resolve;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.xbill.DNS.Name;

/**
 * Which upstreams answer for which names: those of the longest forward zone above the name, else the default ones.
 * Immutable.
 */
public final class Forwarding {
    public static final Forwarding NONE = new Forwarding(UpstreamSet.NONE, Map.of());

    private final UpstreamSet standard;
    private final Map<Name, UpstreamSet> zones;

    public Forwarding(UpstreamSet standard, Map<Name, UpstreamSet> zones) {
        this.standard = standard;
        this.zones = new HashMap<>(zones);
    }

    /** Whether any name is forwarded. */
    public boolean isEmpty() {
        return standard.isEmpty() && zones.isEmpty();
    }

    /** Every upstream once: the default ones first. */
    public List<Upstream> upstreams() {
        return Stream.concat(Stream.of(standard), zones.values().stream())
                .flatMap(set -> set.upstreams().stream())
                .distinct()
                .toList();
    }

    /** The upstreams to ask for {@code name}; perhaps none. */
    public UpstreamSet route(Name name) {
        if (!zones.isEmpty()) {
            for (int cut = 0; cut < name.labels(); cut++) {
                UpstreamSet set = zones.get(cut == 0 ? name : new Name(name, cut));
                if (set != null) {
                    return set;
                }
            }
        }
        return standard;
    }
}
