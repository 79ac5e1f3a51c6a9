package dev.drover.controlplane.links;

/**
 * Limits of the link.
 *
 * @param pingMs how often each node is pinged
 * @param silenceMs a node that sends nothing, not even a pong, for so long counts as disconnected
 * @param helloMs how long a new connection may take to say hello
 * @param probeMs how long the present connection of a host has to prove itself when a second one comes
 * @param maxMessageBytes largest message from a node
 */
public record LinkConfig(long pingMs, long silenceMs, long helloMs, long probeMs, int maxMessageBytes) {
    public static final LinkConfig DEFAULT = new LinkConfig(5_000, 15_000, 10_000, 2_000, 8 << 20);

    public LinkConfig {
        if (pingMs < 1 || silenceMs <= pingMs) {
            throw new IllegalArgumentException(
                    "silence-ms: " + silenceMs + " (expected: more than ping-ms, which is " + pingMs + ")");
        }
        if (maxMessageBytes < 1024) {
            throw new IllegalArgumentException("max-message-bytes: " + maxMessageBytes + " (expected: at least 1024)");
        }
    }
}
