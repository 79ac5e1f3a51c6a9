package dev.drover.node.state;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.Down;
import java.util.HashMap;
import java.util.Map;

/**
 * What the control plane wants of this node.
 *
 * @param revision 0 when nothing was ever received
 * @param items by desired key
 */
public record Desired(long revision, Map<String, DesiredItem> items) {
    public static final Desired NONE = new Desired(0, Map.of());

    public Desired {
        items = Map.copyOf(items);
    }

    /** The state after {@code change}. */
    public Desired apply(Down.Desired change) {
        if (change.full()) {
            return new Desired(change.revision(), change.put());
        }
        Map<String, DesiredItem> next = new HashMap<>(items);
        change.remove().forEach(next::remove);
        next.putAll(change.put());
        return new Desired(change.revision(), next);
    }
}
