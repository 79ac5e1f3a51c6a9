package dev.drover.lb.path;

import java.util.concurrent.ConcurrentHashMap;

/** Open connections by source, shared by the lanes of a listener; asked once when a connection comes and once when it goes. */
final class SourceConnections {
    /** Holds a source only as long as it has a connection. */
    private final ConcurrentHashMap<Long, Integer> open = new ConcurrentHashMap<>();

    /** Counts one more, unless there are {@code most}. */
    boolean enter(long source, long most) {
        if (open.merge(source, 1, Integer::sum) <= most) {
            return true;
        }
        leave(source);
        return false;
    }

    void leave(long source) {
        open.computeIfPresent(source, (key, count) -> count == 1 ? null : count - 1);
    }
}
