package dev.drover.dns.path;

/**
 * Bounds of what clients may hold.
 *
 * @param forwards queries waiting for an upstream, all clients together
 * @param forwardsPerClient the same of one client address
 * @param connections open TCP connections, all clients together
 * @param connectionsPerClient the same of one client address
 * @param idleMs a TCP connection without a whole query for so long is closed
 */
public record Limits(int forwards, int forwardsPerClient, int connections, int connectionsPerClient, int idleMs) {
    public static final Limits DEFAULT = new Limits(1_024, 256, 1_024, 64, 10_000);
}
