package dev.drover.lb.path;

/**
 * How sessions of a UDP listener live and end, as the hot code wants it.
 *
 * @param idleNs without a datagram in either direction
 * @param sessions at once
 * @param sourceSessions the same of one source
 * @param responses that a datagram of the client is answered by, after which the session has ended; 0 is not known
 * @param drainNs at a target that takes no new work, and of a listener that is gone
 */
public record SessionPolicy(long idleNs, long sessions, long sourceSessions, int responses, long drainNs) {
    /** For what is not served yet. */
    static final SessionPolicy NONE = new SessionPolicy(Timed.NEVER / 4, 0, 0, 0, 0);
}
