package dev.drover.lb.path;

/**
 * Time and size limits as the hot code wants them. Times in nanoseconds, but those given to the kernel or to Netty in
 * milliseconds.
 *
 * @param pooledIdleNs an upstream connection without a request
 * @param removedGraceNs a replayable request waiting for the response of a target that left the configuration
 * @param halfClosedNs a complete request whose client closed its sending half, waiting for the response
 * @param lingerNs after the last response: time to let the client close first
 * @param replayBytes request body kept for another attempt
 * @param maxPooled idle upstream connections per target and lane
 */
public record Limits(
        int connectTimeoutMs,
        int userTimeoutMs,
        long pooledIdleNs,
        long removedGraceNs,
        long halfClosedNs,
        long lingerNs,
        long backOffMinNs,
        long backOffMaxNs,
        int maxHeadBytes,
        int replayBytes,
        int maxPooled) {}
