package dev.drover.controlplane.store;

import dev.drover.controlplane.store.Store.Event;
import org.jspecify.annotations.Nullable;

/** One line of the append-only history: a key as a transaction left it; {@code value} is null for a delete. */
record Row(String key, @Nullable String value, long createRevision, long revision) {
    Event event() {
        return new Event(key, value, revision);
    }
}
