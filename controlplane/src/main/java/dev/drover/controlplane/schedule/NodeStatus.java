package dev.drover.controlplane.schedule;

import java.util.Map;
import java.util.Set;

/**
 * What the link knows of one node.
 *
 * @param sinceMs epoch milliseconds of the last change of {@code connected}
 * @param listed it has sent the full list of its containers on this connection, so its Docker engine answers
 * @param appliedRevision the node has applied the desired state of this revision, and anything newer is the same for it
 * @param behindSinceMs epoch milliseconds since when it owes an acknowledgement; {@link Long#MAX_VALUE} when it owes none
 * @param problems desired key to what is wrong with it
 * @param drained instances of which the node has said that nothing is left
 */
public record NodeStatus(
        boolean connected,
        long sinceMs,
        boolean listed,
        long appliedRevision,
        long behindSinceMs,
        Map<String, String> problems,
        Set<String> drained) {
    public NodeStatus {
        problems = Map.copyOf(problems);
        drained = Set.copyOf(drained);
    }

    /** A node that has not been heard of since {@code sinceMs}. */
    public static NodeStatus absent(long sinceMs) {
        return new NodeStatus(false, sinceMs, false, 0, Long.MAX_VALUE, Map.of(), Set.of());
    }
}
