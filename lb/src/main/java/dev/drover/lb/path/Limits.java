package dev.drover.lb.path;

/**
 * Time and size limits as the hot code wants them. Times in nanoseconds, but those given to the kernel or to Netty in
 * milliseconds.
 *
 * @param headTimeoutNs from the first byte of a request head to its last
 * @param bodyTimeoutNs between two reads of a request body
 * @param keepAliveNs a client connection without a request
 * @param responseTimeoutNs from the last byte of the request to the head of the response
 * @param streamIdleNs between two reads of a response body
 * @param pooledIdleNs an upstream connection without a request
 * @param removedGraceNs a replayable request waiting for the response of a target that left the configuration
 * @param halfClosedNs a complete request whose client closed its sending half, waiting for the response
 * @param lingerNs after the last response: time to let the client close first
 * @param maxBodyBytes request body, 0 is unlimited
 * @param replayBytes request body kept for another attempt
 * @param maxPooled idle upstream connections per target and lane
 */
public record Limits(
        int connectTimeoutMs,
        int userTimeoutMs,
        long headTimeoutNs,
        long bodyTimeoutNs,
        long keepAliveNs,
        long responseTimeoutNs,
        long streamIdleNs,
        long pooledIdleNs,
        long removedGraceNs,
        long halfClosedNs,
        long lingerNs,
        long backOffMinNs,
        long backOffMaxNs,
        int maxLineBytes,
        int maxHeadBytes,
        long maxBodyBytes,
        int replayBytes,
        int maxPooled) {}
