package dev.drover.lb;

import dev.drover.lb.path.SessionPolicy;
import java.time.Duration;

/**
 * How sessions of a UDP listener live: a session is what passes between one address and port of a client and the listener.
 *
 * @param idle without a datagram in either direction, after which a session has ended
 * @param sessions at once, 1 or more; each has a socket
 * @param sessionsPerSource the same of one source: an address of IPv4, a network of 64 bits of IPv6
 * @param responses that answer a datagram of a client, after which its session has ended; 0 when that is not known
 */
public record UdpConfig(Duration idle, int sessions, int sessionsPerSource, int responses) {
    public static final int MAX_SESSIONS = 1_000_000;
    public static final int MAX_RESPONSES = 65_535;
    public static final Duration LEAST_IDLE = Duration.ofMillis(100);
    public static final Duration MOST_IDLE = Duration.ofDays(1);

    public static final UdpConfig DEFAULTS = new UdpConfig(Duration.ofSeconds(60), 16_384, 4_096, 0);

    public UdpConfig {
        if (idle.compareTo(LEAST_IDLE) < 0 || idle.compareTo(MOST_IDLE) > 0) {
            throw new IllegalArgumentException("idle: " + idle + " (expected: 100 ms to 1 day)");
        }
        range("sessions", sessions, 1, MAX_SESSIONS);
        range("sessions-per-source", sessionsPerSource, 1, MAX_SESSIONS);
        range("responses", responses, 0, MAX_RESPONSES);
    }

    private static void range(String key, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }

    SessionPolicy policy(LbSettings settings) {
        return new SessionPolicy(
                idle.toNanos(),
                sessions,
                sessionsPerSource,
                responses,
                settings.drainTimeout().toNanos());
    }
}
