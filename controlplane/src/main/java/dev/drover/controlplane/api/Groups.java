package dev.drover.controlplane.api;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** From an owner's id to the ids of what it owns. */
final class Groups {
    private final Map<String, Set<String>> members = new HashMap<>();

    void put(String owner, String id, boolean there) {
        if (there) {
            members.computeIfAbsent(owner, o -> new TreeSet<>()).add(id);
        } else {
            members.computeIfPresent(owner, (o, ids) -> {
                ids.remove(id);
                return ids.isEmpty() ? null : ids;
            });
        }
    }

    Set<String> get(String owner) {
        return members.getOrDefault(owner, Collections.emptySet());
    }
}
