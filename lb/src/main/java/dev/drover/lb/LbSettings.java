package dev.drover.lb;

import dev.drover.lb.path.Limits;
import java.time.Duration;

/**
 * Time and size limits of the load balancer; those that concern clients may be others at a listener ({@link LimitsConfig}). {@link #DEFAULTS} says what each is by
 * default; the README says what each is for.
 */
public record LbSettings(
        Duration connectTimeout,
        Duration upstreamUserTimeout,
        Duration headTimeout,
        Duration bodyTimeout,
        Duration keepAliveTimeout,
        Duration responseTimeout,
        Duration streamIdleTimeout,
        Duration pooledIdleTimeout,
        Duration removedTargetGrace,
        Duration halfClosedTimeout,
        Duration lingerTimeout,
        Duration backOffMin,
        Duration backOffMax,
        Duration drainTimeout,
        int maxRequestLineBytes,
        int maxHeadBytes,
        long maxBodyBytes,
        int replayBytes,
        int maxPooledPerTarget) {
    private static final int MAX_HEAD_LIMIT_BYTES = 1024 * 1024;

    public static final LbSettings DEFAULTS = new LbSettings(
            Duration.ofSeconds(1),
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            Duration.ofSeconds(75),
            Duration.ofSeconds(60),
            Duration.ofMinutes(5),
            Duration.ofSeconds(30),
            Duration.ofSeconds(1),
            Duration.ofSeconds(10),
            Duration.ofSeconds(2),
            Duration.ofSeconds(1),
            Duration.ofSeconds(10),
            Duration.ofSeconds(30),
            8 * 1024,
            32 * 1024,
            0,
            64 * 1024,
            512);

    public LbSettings {
        positive("connect-timeout", connectTimeout);
        positive("upstream-user-timeout", upstreamUserTimeout);
        positive("head-timeout", headTimeout);
        positive("body-timeout", bodyTimeout);
        positive("keep-alive-timeout", keepAliveTimeout);
        positive("response-timeout", responseTimeout);
        positive("stream-idle-timeout", streamIdleTimeout);
        positive("pooled-idle-timeout", pooledIdleTimeout);
        positive("removed-target-grace", removedTargetGrace);
        positive("half-closed-timeout", halfClosedTimeout);
        positive("linger-timeout", lingerTimeout);
        positive("back-off-min", backOffMin);
        positive("back-off-max", backOffMax);
        positive("drain-timeout", drainTimeout);
        range("max-request-line-bytes", maxRequestLineBytes, 64, maxHeadBytes);
        range("max-head-bytes", maxHeadBytes, 256, MAX_HEAD_LIMIT_BYTES);
        range("max-body-bytes", maxBodyBytes, 0, Long.MAX_VALUE);
        range("replay-bytes", replayBytes, 0, 16 * MAX_HEAD_LIMIT_BYTES);
        range("max-pooled-per-target", maxPooledPerTarget, 0, 65_536);
    }

    private static void positive(String key, Duration value) {
        if (value.toMillis() < 1 || value.compareTo(Duration.ofDays(1)) > 0) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: 1 ms to 1 day)");
        }
    }

    private static void range(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: " + min + " to " + max + ")");
        }
    }

    /** A copy with another request body limit in bytes, 0 for none. */
    public LbSettings withMaxBodyBytes(long bytes) {
        return with(connectTimeout, headTimeout, bodyTimeout, keepAliveTimeout, responseTimeout, drainTimeout, bytes);
    }

    /** A copy with other limits for the parts of a request. */
    public LbSettings withTimeouts(
            Duration connect, Duration head, Duration body, Duration keepAlive, Duration response) {
        return with(connect, head, body, keepAlive, response, drainTimeout, maxBodyBytes);
    }

    /** A copy with another time for the connections of a removed listener to end. */
    public LbSettings withDrainTimeout(Duration drain) {
        return with(connectTimeout, headTimeout, bodyTimeout, keepAliveTimeout, responseTimeout, drain, maxBodyBytes);
    }

    private LbSettings with(
            Duration connect,
            Duration head,
            Duration body,
            Duration keepAlive,
            Duration response,
            Duration drain,
            long maxBody) {
        return new LbSettings(
                connect,
                upstreamUserTimeout,
                head,
                body,
                keepAlive,
                response,
                streamIdleTimeout,
                pooledIdleTimeout,
                removedTargetGrace,
                halfClosedTimeout,
                lingerTimeout,
                backOffMin,
                backOffMax,
                drain,
                maxRequestLineBytes,
                maxHeadBytes,
                maxBody,
                replayBytes,
                maxPooledPerTarget);
    }

    Limits limits() {
        return new Limits(
                Math.toIntExact(connectTimeout.toMillis()),
                Math.toIntExact(upstreamUserTimeout.toMillis()),
                pooledIdleTimeout.toNanos(),
                removedTargetGrace.toNanos(),
                halfClosedTimeout.toNanos(),
                lingerTimeout.toNanos(),
                backOffMin.toNanos(),
                backOffMax.toNanos(),
                maxHeadBytes,
                replayBytes,
                maxPooledPerTarget);
    }
}
