package dev.drover.overlay;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.overlay.noise.HandshakeMac;
import dev.drover.overlay.noise.NoiseException;
import dev.drover.overlay.noise.NoiseIk;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Keyring;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.Session;
import dev.drover.overlay.path.Traffic;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes and renews the sessions with the peers of an encrypted overlay, each by a handshake of its own (docs/adr/0008).
 * Belongs to the overlay's control thread.
 *
 * <pre>
 *  initiation:  1 | 0 0 0 |                | Noise message { time 8, index 4, streams 2 } | mac 16 |
 *  response:    2 | 0 0 0 | receiver index | Noise message { index 4, streams 2 }         | mac 16 |
 * </pre>
 *
 * Who has initiated sends with the new session at once and shows the other end by an empty packet that it has the keys;
 * that one sends with it from then on. When both initiate, the one with the lower public key gives in; the other one
 * answers only when its own initiation stays without an answer.
 */
final class KeyExchange implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(KeyExchange.class);
    private static final byte INITIATION = 1;
    private static final byte RESPONSE = 2;
    private static final int TYPE_BYTES = 4;
    private static final int RESPONSE_HEADER_BYTES = TYPE_BYTES + 4;
    private static final int INITIATION_PAYLOAD_BYTES = 8 + 4 + 2;
    private static final int RESPONSE_PAYLOAD_BYTES = 4 + 2;
    static final int INITIATION_BYTES =
            TYPE_BYTES + NoiseIk.INITIATION_OVERHEAD_BYTES + INITIATION_PAYLOAD_BYTES + HandshakeMac.BYTES;
    static final int RESPONSE_BYTES =
            RESPONSE_HEADER_BYTES + NoiseIk.RESPONSE_OVERHEAD_BYTES + RESPONSE_PAYLOAD_BYTES + HandshakeMac.BYTES;

    /** An empty sealed packet. */
    private static final int EMPTY_BYTES = 32;

    /** Initiations of a peer that are looked at: so many at once, and so many a retry period. */
    private static final int BURST = 5;

    private static final int PER_RETRY = 2;
    /** Attempts that insist on going first; then the peer's are answered whatever became of ours. */
    private static final int INSISTENT_ATTEMPTS = 3;
    /** Most retry periods between two attempts with a peer that does not answer. */
    private static final int MAX_BACKOFF = 15;
    /** Retry periods between two handshakes that only a stray packet asks for. */
    private static final int STRAY_PERIODS = 5;

    /** Each takes a fraction of a millisecond; changes of the configuration have to wait for them. */
    private static final int INITIATIONS_PER_TICK = 64;

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
    private final Map<PeerPath, Partner> partners = new HashMap<>();
    private final Slab slab = new Slab();
    private final long scratch = slab.allocate(EMPTY_BYTES);
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
    }

    /** A session and how it came about. */
    private static final class Made {
        private final Session session;
        private final long bornNs;
        private final boolean initiator;
        private long replacedNs;
        private long confirmedNs;
        private int confirmations;

        Made(Session session, long bornNs, boolean initiator) {
            this.session = session;
            this.bornNs = bornNs;
            this.initiator = initiator;
        }
    }

    private record Pending(NoiseIk handshake, int index) {}

    private static final class Partner {
        private final PeerPath path;
        private final PeerKey key;
        private final HandshakeMac mac;
        private final boolean ours;
        private @Nullable Pending pending;
        private @Nullable Made current;
        private @Nullable Made previous;
        private @Nullable Made next;
        private int attempts;
        private long initiatedNs;
        private long dueNs;
        private boolean stray;
        private long timestamp = Long.MIN_VALUE;
        private double tokens = BURST;
        private long tokensNs;
        private long loggedNs;

        Partner(PeerPath path, PeerKey key, boolean ours, long nowNs, long agoNs) {
            this.path = path;
            this.key = key;
            this.ours = ours;
            mac = new HandshakeMac(key.bytes());
            dueNs = nowNs;
            tokensNs = nowNs;
            initiatedNs = nowNs - agoNs;
            loggedNs = nowNs - LOG_PERIOD_NS;
        }
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
            return new Partner(path, key, ours, nowNs(), STRAY_PERIODS * timing.retryNs);
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

    /** A datagram of type 1 or 2 came from a peer. */
    void onMessage(PeerPath from, byte[] message) {
        Partner partner = partners.get(from);
        if (partner == null) {
            return; // no longer, or not yet
        }
        try {
            if (message.length == INITIATION_BYTES && message[0] == INITIATION) {
                onInitiation(partner, message);
            } else if (message.length == RESPONSE_BYTES && message[0] == RESPONSE) {
                onResponse(partner, message);
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
            arrange(partner, currentOver ? null : current, previousOver ? null : previous, nextOver ? null : next);
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
        drop(partner.pending);
        NoiseIk handshake = NoiseIk.initiator(prologue, ownPrivate, partner.key.bytes());
        int index = freshIndex(partner);
        lastTimestamp = Math.max(lastTimestamp + 1, surroundings.wallNs.getAsLong());
        byte[] payload = ByteBuffer.allocate(INITIATION_PAYLOAD_BYTES)
                .putLong(lastTimestamp)
                .putInt(index)
                .putShort((short) streams)
                .array();
        int periods = Math.min(MAX_BACKOFF, 1 << Math.min(partner.attempts, Integer.SIZE - 2));
        partner.attempts++;
        partner.initiatedNs = now;
        partner.dueNs = now + periods * timing.retryNs;
        partner.stray = false;
        partner.pending = null;
        try {
            byte[] noise = handshake.writeInitiation(payload);
            partner.pending = new Pending(handshake, index);
            ByteBuffer message = ByteBuffer.allocate(TYPE_BYTES + noise.length);
            message.put(INITIATION).put(new byte[TYPE_BYTES - 1]).put(noise);
            surroundings.send.accept(partner.path, partner.mac.append(message.array()));
        } catch (NoiseException e) {
            handshake.close();
            refuse(partner, "its configured public key is of small order");
        }
    }

    private void onInitiation(Partner partner, byte[] message) throws NoiseException {
        if (!ownMac.isRight(message)) {
            refuse(partner, "it has another key of this host");
            return;
        }
        long now = nowNs();
        if (!takeToken(partner, now)) {
            drops.increment(lanes, Drop.HANDSHAKE_LIMIT);
            return;
        }
        try (NoiseIk handshake = NoiseIk.responder(prologue, ownPrivate)) {
            byte[] payload = handshake.readInitiation(
                    Arrays.copyOfRange(message, TYPE_BYTES, message.length - HandshakeMac.BYTES));
            ByteBuffer fields = ByteBuffer.wrap(payload);
            long timestamp = fields.getLong();
            int remoteIndex = fields.getInt();
            int remoteStreams = Short.toUnsignedInt(fields.getShort());
            if (!MessageDigest.isEqual(handshake.remoteStatic(), partner.key.bytes())) {
                refuse(partner, "it has another key than configured");
            } else if (timestamp <= partner.timestamp) {
                // recorded and repeated by somebody, or the peer's clock was set back: then it is for us to begin
                refuse(partner, "not newer than the one before");
                want(partner, now);
            } else if (remoteStreams < 1 || remoteStreams > Session.MAX_STREAMS) {
                refuse(partner, "streams");
            } else {
                partner.timestamp = timestamp;
                if (!goesFirst(partner, now)) {
                    respond(partner, handshake, remoteIndex, remoteStreams, now);
                }
            }
        }
    }

    /** Whether both have initiated and it is the other end's turn to give in. */
    private boolean goesFirst(Partner partner, long now) {
        return partner.pending != null
                && partner.ours
                && partner.attempts <= INSISTENT_ATTEMPTS
                && now - partner.initiatedNs < timing.retryNs;
    }

    private void respond(Partner partner, NoiseIk handshake, int remoteIndex, int remoteStreams, long now)
            throws NoiseException {
        int index = freshIndex(partner);
        byte[] noise = handshake.writeResponse(ByteBuffer.allocate(RESPONSE_PAYLOAD_BYTES)
                .putInt(index)
                .putShort((short) streams)
                .array());
        NoiseIk.Keys keys = handshake.split();
        Session session = new Session(
                index,
                remoteIndex,
                keys.responderToInitiator(),
                keys.initiatorToResponder(),
                lanes,
                streams,
                remoteStreams);
        keys.wipe();
        if (!partner.ours) {
            drop(partner.pending);
            partner.pending = null;
        }
        partner.attempts = 0;
        partner.stray = false;
        partner.dueNs = now + timing.retryNs;
        arrange(partner, partner.current, partner.previous, new Made(session, now, false));
        ByteBuffer message = ByteBuffer.allocate(RESPONSE_HEADER_BYTES + noise.length);
        message.put(RESPONSE).put(new byte[TYPE_BYTES - 1]).putInt(remoteIndex).put(noise);
        surroundings.send.accept(partner.path, partner.mac.append(message.array()));
    }

    private void onResponse(Partner partner, byte[] message) throws NoiseException {
        Pending pending = partner.pending;
        int index = ByteBuffer.wrap(message).getInt(TYPE_BYTES);
        if (pending == null || pending.index != index || !ownMac.isRight(message)) {
            refuse(partner, "answer to no initiation");
            return;
        }
        partner.pending = null;
        try (NoiseIk handshake = pending.handshake) {
            byte[] payload = handshake.readResponse(
                    Arrays.copyOfRange(message, RESPONSE_HEADER_BYTES, message.length - HandshakeMac.BYTES));
            ByteBuffer fields = ByteBuffer.wrap(payload);
            int remoteIndex = fields.getInt();
            int remoteStreams = Short.toUnsignedInt(fields.getShort());
            if (remoteStreams < 1 || remoteStreams > Session.MAX_STREAMS) {
                refuse(partner, "streams");
                return;
            }
            NoiseIk.Keys keys = handshake.split();
            Session session = new Session(
                    index,
                    remoteIndex,
                    keys.initiatorToResponder(),
                    keys.responderToInitiator(),
                    lanes,
                    streams,
                    remoteStreams);
            keys.wipe();
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
        drop(partner.pending);
        partner.pending = null;
        partner.attempts = 0;
        partner.stray = false;
        partner.dueNs = now;
        if (replaced != null) {
            replaced.replacedNs = now;
        }
        arrange(partner, made, replaced, null);
        traffic.increment(lanes, Traffic.HANDSHAKES);
        LOG.debug("overlay session vtep={} initiator={}", vtep(partner), made.initiator);
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

    /** Makes these the sessions with a peer; those that no longer are end. */
    private void arrange(Partner partner, @Nullable Made current, @Nullable Made previous, @Nullable Made next) {
        Made[] before = {partner.current, partner.previous, partner.next};
        partner.current = current;
        partner.previous = previous;
        partner.next = next;
        partner.path.keyring(new Keyring(session(current), session(previous), session(next)));
        for (Made made : before) {
            if (made != null && made != current && made != previous && made != next) {
                surroundings.retire.accept(made.session);
            }
        }
    }

    private static @Nullable Session session(@Nullable Made made) {
        return made == null ? null : made.session;
    }

    private void end(Partner partner) {
        drop(partner.pending);
        partner.pending = null;
        arrange(partner, null, null, null);
    }

    private static void drop(@Nullable Pending pending) {
        if (pending != null) {
            pending.handshake.close();
        }
    }

    private int freshIndex(Partner partner) {
        while (true) {
            int index = random.nextInt();
            Keyring ring = partner.path.keyring();
            if (!has(ring.sending(), index) && !has(ring.previous(), index) && !has(ring.next(), index)) {
                return index;
            }
        }
    }

    private static boolean has(@Nullable Session session, int index) {
        return session != null && session.localIndex() == index;
    }

    private boolean takeToken(Partner partner, long now) {
        double periods = (now - partner.tokensNs) / (double) timing.retryNs;
        partner.tokensNs = now;
        partner.tokens = Math.min(BURST, partner.tokens + periods * PER_RETRY);
        if (partner.tokens < 1) {
            return false;
        }
        partner.tokens--;
        return true;
    }

    private void refuse(Partner partner, String reason) {
        drops.increment(lanes, Drop.BAD_HANDSHAKE);
        long now = nowNs();
        if (now - partner.loggedNs >= LOG_PERIOD_NS) {
            partner.loggedNs = now;
            LOG.warn("overlay handshake refused vtep={} reason=\"{}\"", vtep(partner), reason);
        }
    }

    private static String vtep(Partner partner) {
        return partner.path.vtep().getHostAddress();
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
