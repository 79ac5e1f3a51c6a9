package dev.drover.lb.path;

import org.jspecify.annotations.Nullable;

/**
 * The answer of a responder (OCSP, RFC 6960) that is shown with a certificate to clients that ask for it (RFC 6066 section
 * 8). Given by the thread that watches certificates, read by the lanes at each handshake.
 */
public final class Staple {
    private volatile @Nullable Answer answer;

    @SuppressWarnings("ArrayRecordComponent") // never compared nor changed
    private record Answer(byte[] der, long endsMs) {}

    /**
     * Shows an answer from now on.
     *
     * @param der a whole OCSPResponse, which is not changed any more
     * @param endsMs time of the epoch from which it must not be shown
     */
    public void show(byte[] der, long endsMs) {
        answer = new Answer(der, endsMs);
    }

    /** Shows nothing from now on. */
    public void drop() {
        answer = null;
    }

    /** Time of the epoch at which the answer ends; 0 when there is none. */
    public long endsMs() {
        Answer shown = answer;
        return shown == null ? 0 : shown.endsMs;
    }

    /** What to show at {@code nowMs} of the epoch, or null. */
    byte @Nullable [] at(long nowMs) {
        Answer shown = answer;
        return shown == null || nowMs >= shown.endsMs ? null : shown.der;
    }
}
