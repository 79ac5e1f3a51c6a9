package dev.drover.controlplane.schedule;

/**
 * Times of the controller, in milliseconds.
 *
 * @param settleMs how long a new instance must have run before its predecessor goes; there is no health check yet
 * @param lingerMs how long a draining instance runs on at least, for clients that still hold its address from DNS
 * @param disconnectGraceMs for how long the instances of a disconnected host still count as serving
 * @param reconnectMs how long a node that is not connected, above all after a restart of the control plane, is waited for
 *     before an upgrade goes on without its word
 * @param acknowledgeTimeoutMs how long a connected node may owe an acknowledgement before it no longer holds up an upgrade
 * @param resyncMs how often every environment is looked at without any event
 */
public record ScheduleConfig(
        long settleMs,
        long lingerMs,
        long disconnectGraceMs,
        long reconnectMs,
        long acknowledgeTimeoutMs,
        long resyncMs) {
    public static final ScheduleConfig DEFAULT = new ScheduleConfig(2_000, 1_000, 60_000, 15_000, 30_000, 5_000);

    public ScheduleConfig {
        atLeast("settle-ms", settleMs, 0);
        atLeast("linger-ms", lingerMs, 0);
        atLeast("disconnect-grace-ms", disconnectGraceMs, 0);
        atLeast("reconnect-ms", reconnectMs, 0);
        atLeast("acknowledge-timeout-ms", acknowledgeTimeoutMs, 1);
        atLeast("resync-ms", resyncMs, 10);
    }

    private static void atLeast(String key, long value, long min) {
        if (value < min) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: at least " + min + ")");
        }
    }
}
