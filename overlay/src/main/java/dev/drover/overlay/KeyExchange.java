package dev.drover.overlay;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.overlay.Partner.Made;
import dev.drover.overlay.noise.Cookies;
import dev.drover.overlay.noise.HandshakeMac;
import dev.drover.overlay.noise.NoiseException;
import dev.drover.overlay.noise.NoiseIk;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.Session;
import dev.drover.overlay.path.Traffic;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes and renews the sessions with the peers of an encrypted overlay, each by a handshake of its own (docs/adr/0008).
 * Belongs to the overlay's control thread, but for {@link #status}. Messages are those of {@link HandshakeMessage}; what is
 * known of a peer is its {@link Partner}.
 *
 * <p>Who has initiated sends with the new session at once and shows the other end by an empty packet that it has the keys;
 * that one sends with it from then on. When both initiate, the one with the lower public key gives in; the other one
 * answers only when its own initiation stays without an answer.
 */
final class KeyExchange implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KeyExchange.class);
    /** An empty sealed packet. */
    private static final int EMPTY_BYTES = 32;

    /** Attempts that insist on going first; then the peer's are answered whatever became of ours. */
    private static final int INSISTENT_ATTEMPTS = 3;
    /** Most retry periods between two attempts with a peer that does not answer. */
    private static final int MAX_BACKOFF = 15;
    /** Retry periods between two handshakes that only a stray packet asks for. */
    private static final int STRAY_PERIODS = 5;

    /** Each takes a fraction of a millisecond; changes of the configuration have to wait for them. */
    private static final int INITIATIONS_PER_TICK = 64;

    /** How long a cookie is of use to us; the peer takes it twice as long. */
    private static final long COOKIE_NS = Duration.ofMinutes(2).toNanos();
    /** With a fresh cookie the next attempt is so many times earlier. */
    private static final int RETRIES_WITH_COOKIE = 4;

    private static final int MAX_CONFIRMATIONS = 10;
    private static final long LOG_PERIOD_NS = Duration.ofMinutes(1).toNanos();

    /**
     * When things happen.
     *
     * @param rekeyNs age at which a session is renewed
     * @param expireNs age at which it is over
     * @param overlapNs how long a replaced session is still listened to
     * @param retryNs until an initiation is repeated
     */
    record Timing(long rekeyNs, long expireNs, long overlapNs, long retryNs) {
        static final Timing STANDARD = new Timing(
                Duration.ofMinutes(2).toNanos(),
                Duration.ofMinutes(3).toNanos(),
                Duration.ofSeconds(10).toNanos(),
                Duration.ofSeconds(1).toNanos());
    }

    /**
     * What surrounds it.
     *
     * @param send a datagram to a peer
     * @param retire closes a session when no lane uses it any more
     * @param wallNs nanoseconds since the epoch: initiations carry it, and are accepted in ascending order
     */
    record Surroundings(
            BiConsumer<PeerPath, byte[]> send, Consumer<Session> retire, LongSupplier nowNs, LongSupplier wallNs) {}

    private final byte[] ownPrivate;
    private final PeerKey ownPublic;
    private final HandshakeMac ownMac;
    private final byte[] prologue;
    private final int lanes;
    private final int streams;
    private final Timing timing;
    private final Surroundings surroundings;
    private final CounterSet<Drop> drops;
    private final CounterSet<Traffic> traffic;
    private final SecureRandom random = new SecureRandom();
    /** Written by the control thread alone. */
    private final Map<PeerPath, Partner> partners = new ConcurrentHashMap<>();

    private final Slab slab = new Slab();
    private final long scratch = slab.allocate(EMPTY_BYTES);
    private final HandshakeGate gate;
    private long lastTimestamp;

    /**
     * @param lanes that use the sessions; the counters' row with this number is ours
     * @param streams of this end, the last one is ours
     */
    KeyExchange(
            Encryption own,
            int vni,
            int lanes,
            int streams,
            Timing timing,
            Surroundings surroundings,
            CounterSet<Drop> drops,
            CounterSet<Traffic> traffic) {
        ownPrivate = own.privateKey();
        ownPublic = own.publicKey();
        ownMac = new HandshakeMac(ownPublic.bytes());
        prologue = ("drover overlay 1 vni " + vni).getBytes(StandardCharsets.US_ASCII);
        this.lanes = lanes;
        this.streams = streams;
        this.timing = timing;
        this.surroundings = surroundings;
        this.drops = drops;
        this.traffic = traffic;
        gate = new HandshakeGate(ownPublic.bytes(), nowNs());
    }

    /** These and no others are the peers now; sessions with those that are gone end, others begin with the next tick. */
    void peers(Map<PeerPath, PeerKey> now) {
        partners.entrySet().removeIf(entry -> {
            Partner partner = entry.getValue();
            boolean gone = !partner.key.equals(now.get(entry.getKey()));
            if (gone) {
                end(partner);
            }
            return gone;
        });
        now.forEach((path, key) -> partners.computeIfAbsent(path, p -> {
            boolean ours = Arrays.compareUnsigned(ownPublic.bytes(), key.bytes()) > 0;
            return new Partner(
                    path, key, ours, nowNs(), timing.retryNs, Math.max(STRAY_PERIODS * timing.retryNs, LOG_PERIOD_NS));
        }));
    }

    private long nowNs() {
        return surroundings.nowNs.getAsLong();
    }

    /** To be called several times a retry period. */
    void onTick() {
        long now = nowNs();
        int budget = INITIATIONS_PER_TICK;
        for (Partner partner : partners.values()) {
            expire(partner, now);
            if (budget > 0 && now - partner.dueNs >= 0 && needsSession(partner, now)) {
                initiate(partner, now);
                budget--;
            }
            confirm(partner, now);
        }
    }

    /** To be called when a lane has woken the control thread: a new session was used, or one is wanted. */
    void onSignal() {
        long now = nowNs();
        for (Partner partner : partners.values()) {
            Made next = partner.next;
            if (next != null && next.session.heard()) {
                promote(partner, next, now);
            }
            if (partner.path.takeWant()) {
                want(partner, now);
            }
        }
    }

    /**
     * A datagram of type 1, 2 or 3 came from a peer's address.
     *
     * @param port of the sender
     */
    void onMessage(PeerPath from, int port, byte[] message) {
        Partner partner = partners.get(from);
        if (partner == null) {
            return; // no longer, or not yet
        }
        try {
            if (HandshakeMessage.isInitiation(message)) {
                onInitiation(partner, port, message);
            } else if (HandshakeMessage.isResponse(message)) {
                onResponse(partner, message);
            } else if (Cookies.isReply(message)) {
                onCookie(partner, message);
            } else {
                refuse(partner, "length or type");
            }
        } catch (NoiseException e) {
            refuse(partner, "keys do not fit");
        }
    }

    private void expire(Partner partner, long now) {
        Made current = partner.current;
        Made previous = partner.previous;
        Made next = partner.next;
        boolean currentOver = current != null && now - current.bornNs >= timing.expireNs;
        boolean previousOver = previous != null
                && (now - previous.replacedNs >= timing.overlapNs || now - previous.bornNs >= timing.expireNs);
        boolean nextOver = next != null && now - next.bornNs >= timing.expireNs;
        if (currentOver || previousOver || nextOver) {
            partner.arrange(
                    currentOver ? null : current,
                    previousOver ? null : previous,
                    nextOver ? null : next,
                    surroundings.retire);
        }
    }

    private boolean needsSession(Partner partner, long now) {
        Made current = partner.current;
        if (current == null) {
            return partner.next == null || now - partner.next.bornNs >= timing.retryNs;
        }
        // the other end gets an eighth more time, so that not both begin
        long limit = current.initiator ? timing.rekeyNs : timing.rekeyNs + timing.rekeyNs / 8;
        return partner.stray || now - current.bornNs >= limit;
    }

    private void want(Partner partner, long now) {
        if (partner.current == null) {
            partner.dueNs = Math.min(partner.dueNs, partner.initiatedNs + timing.retryNs);
        } else if (now - partner.initiatedNs >= STRAY_PERIODS * timing.retryNs
                && now - partner.current.bornNs >= STRAY_PERIODS * timing.retryNs) {
            partner.stray = true;
            partner.dueNs = now;
        }
        if (now - partner.dueNs >= 0 && needsSession(partner, now)) {
            initiate(partner, now);
        }
    }

    private void initiate(Partner partner, long now) {
        partner.dropPending();
        NoiseIk handshake = NoiseIk.initiator(prologue, ownPrivate, partner.key.bytes());
        int index = freshIndex(partner);
        lastTimestamp = Math.max(lastTimestamp + 1, surroundings.wallNs.getAsLong());
        byte[] payload = new HandshakeMessage.Initiation(lastTimestamp, index, streams).encode();
        int periods = Math.min(MAX_BACKOFF, 1 << Math.min(partner.attempts, Integer.SIZE - 2));
        partner.attempts++;
        partner.initiatedNs = now;
        partner.dueNs = now + periods * timing.retryNs;
        partner.stray = false;
        try {
            byte[] noise = handshake.writeInitiation(payload);
            partner.pending = new Partner.Pending(handshake, index);
            partner.tell();
            byte[] cookie = now - partner.cookieEndNs < 0 ? partner.cookie : null;
            byte[] message = Cookies.append(partner.mac.append(HandshakeMessage.initiation(noise)), cookie);
            partner.initiation = message;
            surroundings.send.accept(partner.path, message);
        } catch (NoiseException e) {
            handshake.close();
            refuse(partner, "its configured public key is of small order");
        }
    }

    private void onInitiation(Partner partner, int port, byte[] message) throws NoiseException {
        if (!ownMac.isRight(message, message.length - Cookies.BYTES)) {
            refuse(partner, "it has another key of this host");
            return;
        }
        long now = nowNs();
        if (!gate.admits(partner, port, message, now, reply -> sendCookie(partner, reply))) {
            drops.increment(lanes, Drop.HANDSHAKE_LIMIT);
            return;
        }
        try (NoiseIk handshake = NoiseIk.responder(prologue, ownPrivate)) {
            HandshakeMessage.Initiation told = HandshakeMessage.read(handshake, message);
            if (!MessageDigest.isEqual(handshake.remoteStatic(), partner.key.bytes())) {
                refuse(partner, "it has another key than configured");
            } else if (told.timestamp() <= partner.timestamp) {
                // recorded and repeated by somebody, or the peer's clock was set back: then it is for us to begin
                refuse(partner, "not newer than the one before");
                want(partner, now);
            } else if (!HandshakeMessage.isStreams(told.streams())) {
                refuse(partner, "streams");
            } else {
                partner.timestamp = told.timestamp();
                if (!goesFirst(partner, now)) {
                    respond(partner, handshake, told, now);
                }
            }
        }
    }

    private void sendCookie(Partner partner, byte[] reply) {
        traffic.increment(lanes, Traffic.COOKIES);
        surroundings.send.accept(partner.path, reply);
    }

    /** The peer has too much to do to look at us before it knows that we receive at our address. */
    private void onCookie(Partner partner, byte[] reply) throws NoiseException {
        byte[] initiation = partner.initiation;
        if (initiation == null) {
            refuse(partner, "cookie for no initiation");
            return;
        }
        partner.cookie = Cookies.open(partner.key.bytes(), initiation, reply);
        long now = nowNs();
        partner.cookieEndNs = now + COOKIE_NS;
        partner.initiation = null;
        if (partner.pending != null) {
            partner.attempts = 1;
            partner.dueNs = partner.initiatedNs + timing.retryNs / RETRIES_WITH_COOKIE;
        }
    }

    /** Whether both have initiated and it is the other end's turn to give in. */
    private boolean goesFirst(Partner partner, long now) {
        return partner.pending != null
                && partner.ours
                && partner.attempts <= INSISTENT_ATTEMPTS
                && now - partner.initiatedNs < timing.retryNs;
    }

    private void respond(Partner partner, NoiseIk handshake, HandshakeMessage.Initiation told, long now)
            throws NoiseException {
        int index = freshIndex(partner);
        byte[] noise = handshake.writeResponse(new HandshakeMessage.Response(index, streams).encode());
        Session session = session(handshake, index, told.index(), told.streams(), false);
        if (!partner.ours) {
            partner.dropPending();
        }
        partner.attempts = 0;
        partner.stray = false;
        partner.dueNs = now + timing.retryNs;
        partner.arrange(partner.current, partner.previous, new Made(session, now, false), surroundings.retire);
        byte[] message = HandshakeMessage.response(told.index(), noise);
        surroundings.send.accept(partner.path, partner.mac.append(message));
    }

    private Session session(NoiseIk handshake, int index, int remoteIndex, int remoteStreams, boolean initiator) {
        NoiseIk.Keys keys = handshake.split();
        Session session = new Session(
                index,
                remoteIndex,
                initiator ? keys.initiatorToResponder() : keys.responderToInitiator(),
                initiator ? keys.responderToInitiator() : keys.initiatorToResponder(),
                lanes,
                streams,
                remoteStreams);
        keys.wipe();
        return session;
    }

    private void onResponse(Partner partner, byte[] message) throws NoiseException {
        Partner.Pending pending = partner.pending;
        if (pending == null
                || pending.index() != HandshakeMessage.receiverIndex(message)
                || !ownMac.isRight(message, message.length)) {
            refuse(partner, "answer to no initiation");
            return;
        }
        partner.pending = null;
        try (NoiseIk handshake = pending.handshake()) {
            HandshakeMessage.Response told = HandshakeMessage.readResponse(handshake, message);
            if (!HandshakeMessage.isStreams(told.streams())) {
                refuse(partner, "streams");
                return;
            }
            Session session = session(handshake, pending.index(), told.index(), told.streams(), true);
            long now = nowNs();
            Made made = new Made(session, now, true);
            succeed(partner, made, partner.current == null ? partner.next : partner.current, now);
        }
    }

    /** The peer has used the session that it began. */
    private void promote(Partner partner, Made next, long now) {
        succeed(partner, next, partner.current, now);
    }

    private void succeed(Partner partner, Made made, @Nullable Made replaced, long now) {
        partner.dropPending();
        partner.attempts = 0;
        partner.stray = false;
        partner.dueNs = now;
        if (replaced != null) {
            replaced.replacedNs = now;
        }
        partner.arrange(made, replaced, null, surroundings.retire);
        traffic.increment(lanes, Traffic.HANDSHAKES);
        LOG.debug("overlay session vtep={} initiator={}", partner.vtep(), made.initiator);
        sendEmpty(partner, made, now);
    }

    /** Repeats the packet that shows the other end that we have the keys, until it answers with them. */
    private void confirm(Partner partner, long now) {
        Made current = partner.current;
        if (current != null
                && current.initiator
                && !current.session.heard()
                && current.confirmations < MAX_CONFIRMATIONS
                && now - current.confirmedNs >= timing.retryNs) {
            sendEmpty(partner, current, now);
        }
    }

    private void sendEmpty(Partner partner, Made made, long now) {
        made.confirmations++;
        made.confirmedNs = now;
        int length = made.session.seal(lanes, streams - 1, scratch, 0);
        surroundings.send.accept(partner.path, Memory.copyOut(scratch, length));
    }

    private void end(Partner partner) {
        partner.dropPending();
        partner.arrange(null, null, null, surroundings.retire);
    }

    private int freshIndex(Partner partner) {
        while (true) {
            int index = random.nextInt();
            if (!partner.hasSession(index)) {
                return index;
            }
        }
    }

    private void refuse(Partner partner, String reason) {
        drops.increment(lanes, Drop.BAD_HANDSHAKE);
        if (partner.refused(reason, nowNs(), LOG_PERIOD_NS)) {
            LOG.warn("overlay handshake refused vtep={} reason=\"{}\"", partner.vtep(), reason);
        }
    }

    /** How it stands with a peer, null for one that is none; any thread. */
    @Nullable
    SessionStatus status(PeerPath path) {
        Partner partner = partners.get(path);
        return partner == null ? null : partner.status(nowNs());
    }

    /** Ends all sessions and wipes the key. */
    @Override
    public void close() {
        partners.values().forEach(this::end);
        partners.clear();
        Arrays.fill(ownPrivate, (byte) 0);
        slab.close();
    }
}
