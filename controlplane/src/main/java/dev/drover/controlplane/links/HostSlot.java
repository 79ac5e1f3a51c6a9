package dev.drover.controlplane.links;

import dev.drover.controlplane.schedule.NodeStatus;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What is known of one host beyond its present connection. Guarded by itself. */
final class HostSlot {
    private final Set<String> drained = new HashSet<>();
    private @Nullable Session session;
    private long sinceMs;
    private Map<String, String> problems = Map.of();
    private long baseRevision = Long.MAX_VALUE;

    HostSlot(long nowMs) {
        this.sinceMs = nowMs;
    }

    /** Makes {@code candidate} the host's connection unless there is one; returns the one that is there. */
    synchronized @Nullable Session claim(Session candidate) {
        if (session == null) {
            session = candidate;
            return null;
        }
        return session;
    }

    /** @return true when {@code gone} was the host's connection */
    synchronized boolean release(Session gone, long nowMs) {
        if (session != gone) {
            return false;
        }
        session = null;
        sinceMs = nowMs;
        return true;
    }

    synchronized void welcomed(long nowMs) {
        sinceMs = nowMs;
    }

    synchronized @Nullable Session session() {
        return session;
    }

    synchronized void problems(Map<String, String> now) {
        problems = Map.copyOf(now);
    }

    synchronized void addDrained(Set<String> instanceIds) {
        drained.addAll(instanceIds);
    }

    /** Forgets instances that are no more. */
    synchronized void retainDrained(Set<String> instanceIds) {
        drained.retainAll(instanceIds);
    }

    /** The node has acknowledged a full state of this process; from it on deltas fit. */
    synchronized void fullAcknowledged(long revision) {
        baseRevision = Math.min(baseRevision, revision);
    }

    /** True when what the node holds at {@code revision} was sent by this process. */
    synchronized boolean isKnown(long revision) {
        return revision >= baseRevision;
    }

    synchronized NodeStatus status() {
        Session present = session;
        if (present == null || !present.welcomed()) {
            return new NodeStatus(false, sinceMs, false, 0, Long.MAX_VALUE, problems, drained);
        }
        Session.Progress progress = present.progress();
        return new NodeStatus(
                true,
                sinceMs,
                present.listed(),
                progress.appliedRevision(),
                progress.behindSinceMs(),
                problems,
                drained);
    }
}
