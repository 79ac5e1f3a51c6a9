package dev.drover.overlay;

import dev.drover.overlay.noise.HandshakeMac;
import dev.drover.overlay.noise.NoiseIk;
import dev.drover.overlay.path.Keyring;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.Session;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link KeyExchange} knows of one peer: sessions, the handshake under way, when the next is due. Belongs to the
 * overlay's control thread, but for {@link #status}.
 */
final class Partner {
    /** Initiations of a peer that are looked at: so many at once, and so many a retry period. */
    private static final int BURST = 5;

    private static final int PER_RETRY = 2;

    final PeerPath path;
    final PeerKey key;
    final HandshakeMac mac;
    /** Whether it is the peer's to give in when both initiate. */
    final boolean ours;

    @Nullable
    Pending pending;

    @Nullable
    Made current;

    @Nullable
    Made previous;

    @Nullable
    Made next;

    int attempts;
    long initiatedNs;
    long dueNs;
    /** A packet for an unknown session came, so that the peer may have been started anew. */
    boolean stray;

    /** Of the peer's last initiation. */
    long timestamp = Long.MIN_VALUE;

    /** Initiations without a cookie that are looked at, and those with one, which nobody else can use up. */
    final TokenBucket free;

    final TokenBucket proven;

    /** The initiation that was sent last. */
    byte @Nullable [] initiation;

    /** That the peer has told for mac2, and until when it is of use. */
    byte @Nullable [] cookie;

    long cookieEndNs;
    private long loggedNs;
    private @Nullable String refusal;
    private long refusedNs;
    private volatile Seen seen = new Seen(false, false, false, 0, 0, null, 0);

    /** A handshake that waits for its answer. */
    record Pending(NoiseIk handshake, int index) {}

    /** What others are told: replaced as a whole. */
    private record Seen(
            boolean established,
            boolean answering,
            boolean initiated,
            long bornNs,
            int attempts,
            @Nullable String refusal,
            long refusedNs) {}

    /** A session and how it came about. */
    static final class Made {
        final Session session;
        final long bornNs;
        final boolean initiator;
        long replacedNs;
        long confirmedNs;
        int confirmations;

        Made(Session session, long bornNs, boolean initiator) {
            this.session = session;
            this.bornNs = bornNs;
            this.initiator = initiator;
        }
    }

    /**
     * @param retryNs until an initiation is repeated
     * @param agoNs how long ago an initiation is to have been, and the last line in the log, so that none has to wait
     */
    Partner(PeerPath path, PeerKey key, boolean ours, long nowNs, long retryNs, long agoNs) {
        this.path = path;
        this.key = key;
        this.ours = ours;
        mac = new HandshakeMac(key.bytes());
        dueNs = nowNs;
        free = new TokenBucket(BURST, PER_RETRY, retryNs, nowNs);
        proven = new TokenBucket(BURST, PER_RETRY, retryNs, nowNs);
        initiatedNs = nowNs - agoNs;
        loggedNs = nowNs - agoNs;
    }

    void dropPending() {
        if (pending != null) {
            pending.handshake.close();
            pending = null;
        }
    }

    /** Makes these the sessions with the peer; those that no longer are end. */
    void arrange(@Nullable Made current, @Nullable Made previous, @Nullable Made next, Consumer<Session> retire) {
        Made[] before = {this.current, this.previous, this.next};
        this.current = current;
        this.previous = previous;
        this.next = next;
        path.keyring(new Keyring(session(current), session(previous), session(next)));
        tell();
        for (Made made : before) {
            if (made != null && made != current && made != previous && made != next) {
                retire.accept(made.session);
            }
        }
    }

    private static @Nullable Session session(@Nullable Made made) {
        return made == null ? null : made.session;
    }

    boolean hasSession(int index) {
        Keyring ring = path.keyring();
        return is(ring.sending(), index) || is(ring.previous(), index) || is(ring.next(), index);
    }

    private static boolean is(@Nullable Session session, int index) {
        return session != null && session.localIndex() == index;
    }

    /** Notes a refusal; returns whether it is to be logged, which is once a period. */
    boolean refused(String reason, long nowNs, long logPeriodNs) {
        refusal = reason;
        refusedNs = nowNs;
        tell();
        boolean log = nowNs - loggedNs >= logPeriodNs;
        if (log) {
            loggedNs = nowNs;
        }
        return log;
    }

    /** To be called when anything of {@link #status} has changed. */
    void tell() {
        Made made = current;
        seen = new Seen(
                made != null,
                next != null,
                made != null && made.initiator,
                made == null ? 0 : made.bornNs,
                attempts,
                refusal,
                refusedNs);
    }

    /** Any thread. */
    SessionStatus status(long nowNs) {
        Seen now = seen;
        SessionStatus.State state = now.established
                ? SessionStatus.State.ESTABLISHED
                : now.answering || now.attempts > 0 ? SessionStatus.State.HANDSHAKE : SessionStatus.State.NONE;
        return new SessionStatus(
                state,
                now.established ? TimeUnit.NANOSECONDS.toMillis(nowNs - now.bornNs) : null,
                now.established ? now.initiated : null,
                now.attempts,
                now.refusal,
                now.refusal == null ? null : TimeUnit.NANOSECONDS.toMillis(nowNs - now.refusedNs),
                path.plaintextPackets());
    }

    String vtep() {
        return path.vtep().getHostAddress();
    }
}
