package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What every node of one environment should do, at one revision. Immutable but for a cache; any thread.
 *
 * <p>Most entries are the same for every node, and the peer and neighbour entries are the same for every node but the one
 * they speak of. These are kept and compared once for the whole environment ({@code common}); only workloads and the
 * listeners of published ports are kept by host ({@code own}). So one change costs each node only what it changes there.
 */
public final class DesiredState {
    private final String environmentId;
    private final long revision;
    private final SortedMap<String, DesiredItem> common;
    private final Map<String, SortedMap<String, DesiredItem>> own;
    private volatile @Nullable CommonDelta lastDelta;

    private record CommonDelta(DesiredState from, List<Changed> changes) {}

    private record Changed(
            String key,
            @Nullable DesiredItem before,
            @Nullable DesiredItem after) {}

    DesiredState(
            String environmentId,
            long revision,
            SortedMap<String, DesiredItem> common,
            Map<String, SortedMap<String, DesiredItem>> own) {
        this.environmentId = environmentId;
        this.revision = revision;
        this.common = Collections.unmodifiableSortedMap(common);
        this.own = Map.copyOf(own);
    }

    public String environmentId() {
        return environmentId;
    }

    public long revision() {
        return revision;
    }

    /** Hosts of the environment. */
    public Set<String> hostIds() {
        return own.keySet();
    }

    /** The whole state of one node, in key order. */
    public SortedMap<String, DesiredItem> of(String hostId) {
        SortedMap<String, DesiredItem> items = new TreeMap<>();
        common.forEach((key, item) -> {
            if (isFor(item, hostId)) {
                items.put(key, item);
            }
        });
        items.putAll(ownOf(hostId));
        return items;
    }

    /** What makes {@code from} of that node into this; empty when the node need not be told anything. */
    public Delta since(DesiredState from, String hostId) {
        SortedMap<String, DesiredItem> put = new TreeMap<>();
        List<String> remove = new ArrayList<>();
        for (Changed change : commonSince(from)) {
            boolean before = change.before() != null && isFor(change.before(), hostId);
            boolean after = change.after() != null && isFor(change.after(), hostId);
            if (after) {
                put.put(change.key(), Objects.requireNonNull(change.after()));
            } else if (before) {
                remove.add(change.key());
            }
        }
        for (Changed change : changes(from.ownOf(hostId), ownOf(hostId))) {
            if (change.after() != null) {
                put.put(change.key(), change.after());
            } else {
                remove.add(change.key());
            }
        }
        Collections.sort(remove);
        return new Delta(put, remove);
    }

    /** True when no node of the environment needs to be told anything. */
    public boolean sameAs(DesiredState other) {
        return common.equals(other.common) && own.equals(other.own);
    }

    private SortedMap<String, DesiredItem> ownOf(String hostId) {
        return own.getOrDefault(hostId, Collections.emptySortedMap());
    }

    private List<Changed> commonSince(DesiredState from) {
        CommonDelta known = lastDelta;
        if (known != null && known.from() == from) {
            return known.changes();
        }
        List<Changed> changes = changes(from.common, common);
        lastDelta = new CommonDelta(from, changes);
        return changes;
    }

    private static List<Changed> changes(SortedMap<String, DesiredItem> from, SortedMap<String, DesiredItem> to) {
        List<Changed> changes = new ArrayList<>();
        from.forEach((key, before) -> {
            DesiredItem after = to.get(key);
            if (!before.equals(after)) {
                changes.add(new Changed(key, before, after));
            }
        });
        if (changes.isEmpty() && from.size() == to.size()) {
            return changes;
        }
        Set<String> known = new HashSet<>(from.keySet());
        to.forEach((key, after) -> {
            if (!known.contains(key)) {
                changes.add(new Changed(key, null, after));
            }
        });
        return changes;
    }

    /** A node is not told about itself: it knows its own block and its own containers first. */
    private static boolean isFor(DesiredItem item, String hostId) {
        return switch (item) {
            case DesiredItem.Peer peer -> !peer.hostId().equals(hostId);
            case DesiredItem.Neighbour neighbour -> !neighbour.hostId().equals(hostId);
            case DesiredItem.Name name -> true;
            case DesiredItem.Service service -> true;
            case DesiredItem.Workload workload -> true;
            case DesiredItem.Listener listener -> true;
            case DesiredItem.Certificate certificate -> true;
            case DesiredItem.Policy policy -> true;
            case DesiredItem.Member member -> true;
            case DesiredItem.Linked linked -> true;
            case DesiredItem.AboutHost host -> true;
            case DesiredItem.AboutService service -> true;
            case DesiredItem.AboutContainer container -> true;
        };
    }
}
