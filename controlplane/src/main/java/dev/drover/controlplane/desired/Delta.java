package dev.drover.controlplane.desired;

import dev.drover.controlplane.link.DesiredItem;
import java.util.List;
import java.util.SortedMap;

/** Change of a node's desired state, both parts in key order. */
public record Delta(SortedMap<String, DesiredItem> put, List<String> remove) {
    public boolean isEmpty() {
        return put.isEmpty() && remove.isEmpty();
    }
}
