package dev.drover.dns.path;

/**
 * Bounds of time and space.
 *
 * @param tryMs longest wait for one upstream
 * @param totalMs longest wait for all of them; below the 5 s after which resolvers ask again
 * @param sickMs how long an upstream that timed out is asked after the others
 * @param forwards queries waiting for an upstream, all clients together
 * @param forwardsPerClient the same of one client address
 * @param connections open TCP connections, all clients together
 * @param connectionsPerClient the same of one client address
 * @param idleMs a TCP connection without a whole query for so long is closed
 */
public record Limits(
        int tryMs,
        int totalMs,
        int sickMs,
        int forwards,
        int forwardsPerClient,
        int connections,
        int connectionsPerClient,
        int idleMs) {
    public static final Limits DEFAULT = new Limits(2_000, 4_500, 5_000, 1_024, 256, 1_024, 64, 10_000);
}
