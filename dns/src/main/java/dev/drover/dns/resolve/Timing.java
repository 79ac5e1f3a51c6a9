package dev.drover.dns.resolve;

/**
 * How long things may take, in milliseconds.
 *
 * @param tryMs after it an upstream counts as not having answered; its reply is still taken if the client waits
 * @param hedgeMs least wait before another upstream is asked besides; otherwise as the times of the first suggest
 * @param totalMs longest wait of a client, below the 5 s after which stub resolvers ask again
 * @param sickMs longest wait of a client while no upstream of the set answers anything
 * @param staleMs wait before an answer past its time stands in (RFC 8767 section 5: client response timer)
 * @param probeMs an upstream that was not asked for so long is asked besides the one that is
 */
public record Timing(int tryMs, int hedgeMs, int totalMs, int sickMs, int staleMs, int probeMs) {
    public static final Timing DEFAULT = new Timing(2_000, 100, 4_500, 1_500, 1_800, 5_000);

    static final long MS = 1_000_000L;

    /** The same with another longest wait. */
    public Timing withTotalMs(int ms) {
        return new Timing(
                Math.min(tryMs, ms), Math.min(hedgeMs, ms), ms, Math.min(sickMs, ms), Math.min(staleMs, ms), probeMs);
    }
}
