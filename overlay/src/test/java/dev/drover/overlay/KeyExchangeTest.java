package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.CounterSet;
import dev.drover.overlay.noise.Cookies;
import dev.drover.overlay.noise.HandshakeMac;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Keyring;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.SealedLane;
import dev.drover.overlay.path.Traffic;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Two hosts on a simulated network with a simulated clock. */
class KeyExchangeTest {
    private static final long MS = 1_000_000;
    private static final long SECOND = 1_000 * MS;
    private static final int PORT = 40_000;

    private long now;
    private double loss;
    private long latencyNs = 5 * MS;
    private long jitterNs;
    private Random random = new Random(1);
    private final PriorityQueue<Delivery> wire = new PriorityQueue<>(Comparator.comparingLong(Delivery::atNs));
    private final List<byte[]> seen = new ArrayList<>();
    private final Node a = new Node("192.0.2.1", Encryption.generate());
    private final Node b = new Node("192.0.2.2", Encryption.generate());

    @SuppressWarnings("ArrayRecordComponent") // never compared as records
    private record Delivery(long atNs, Node to, byte[] message) {}

    private final class Node {
        private final String vtep;
        private final Encryption own;
        private CounterSet<Drop> drops;
        private CounterSet<Traffic> traffic;
        private PeerPath peer;
        private PeerKey peerKey;
        private KeyExchange keys;
        private long wallOffsetNs;
        private int retired;

        Node(String vtep, Encryption own) {
            this.vtep = vtep;
            this.own = own;
        }

        private Node other() {
            return this == a ? b : a;
        }

        /** As a process that has just begun. */
        void start(PeerKey peerKey) {
            this.peerKey = peerKey;
            drops = new CounterSet<>(Drop.class, 2);
            traffic = new CounterSet<>(Traffic.class, 2);
            peer = new PeerPath(Inet4Address.ofLiteral(other().vtep), 4789, false, 1);
            KeyExchange.Surroundings surroundings = new KeyExchange.Surroundings(
                    (_, message) -> send(message),
                    session -> {
                        retired++;
                        session.close();
                    },
                    () -> now,
                    () -> now + wallOffsetNs);
            keys = new KeyExchange(own, 42, 1, 5, KeyExchange.Timing.STANDARD, surroundings, drops, traffic);
            keys.peers(Map.of(peer, peerKey));
            keys.onTick();
        }

        void send(byte[] message) {
            seen.add(message);
            if (random.nextDouble() >= loss) {
                long jitter = jitterNs == 0 ? 0 : random.nextLong(jitterNs);
                wire.add(new Delivery(now + latencyNs + jitter, other(), message));
            }
        }

        void receive(byte[] message) {
            if (keys == null) {
                return;
            }
            if (message[0] == 4) {
                Drop drop = SealedLane.receive(peer, message);
                if (drop != null) {
                    drops.increment(0, drop);
                }
                keys.onSignal();
            } else {
                keys.onMessage(peer, PORT, message);
            }
        }

        /** Whether a packet to the other end arrives there and is accepted, whatever the network does. */
        boolean reaches() {
            byte[] packet = SealedLane.seal(peer, new byte[100]);
            return packet != null && SealedLane.receive(other().peer, packet) == null;
        }

        Keyring ring() {
            return peer.keyring();
        }

        long dropped(Drop reason) {
            return drops.sum(reason);
        }

        long made() {
            return traffic.sum(Traffic.HANDSHAKES);
        }
    }

    private void both() {
        a.start(b.own.publicKey());
        b.start(a.own.publicKey());
    }

    private void run(long durationNs) {
        long end = now + durationNs;
        while (now < end) {
            now += 5 * MS;
            while (!wire.isEmpty() && wire.peek().atNs <= now) {
                Delivery next = wire.poll();
                next.to.receive(next.message);
            }
            if (now % (250 * MS) == 0) {
                for (Node node : List.of(a, b)) {
                    if (node.keys != null) {
                        node.keys.onSignal();
                        node.keys.onTick();
                    }
                }
            }
        }
    }

    private boolean connected() {
        return a.reaches() && b.reaches();
    }

    @Test
    void aHandshakeGivesBothEndsASession() {
        a.start(b.own.publicKey());
        run(10 * MS);
        b.start(a.own.publicKey());
        run(3 * SECOND);
        assertThat(connected()).isTrue();
        assertThat(a.made()).isEqualTo(1);
        assertThat(b.made()).isEqualTo(1);
        assertThat(a.dropped(Drop.BAD_HANDSHAKE) + b.dropped(Drop.BAD_HANDSHAKE))
                .isZero();
    }

    @Test
    void theStatusTellsHowItStands() {
        a.start(b.own.publicKey());
        run(2 * SECOND);
        SessionStatus alone = a.keys.status(a.peer);
        assertThat(alone.state()).isEqualTo(SessionStatus.State.HANDSHAKE);
        assertThat(alone.attempts()).isPositive();
        assertThat(alone.keyAgeMs()).isNull();
        b.start(a.own.publicKey());
        run(5 * SECOND);
        SessionStatus made = a.keys.status(a.peer);
        assertThat(made.state()).isEqualTo(SessionStatus.State.ESTABLISHED);
        assertThat(made.attempts()).isZero();
        assertThat(made.keyAgeMs()).isBetween(1L, 7_000L);
        assertThat(made.initiated()).isNotEqualTo(b.keys.status(b.peer).initiated());
        assertThat(made.refusal()).isNull();
        a.keys.onMessage(a.peer, PORT, new byte[10]);
        run(SECOND);
        assertThat(a.keys.status(a.peer).refusal()).isEqualTo("length or type");
        assertThat(a.keys.status(a.peer).refusedMs()).isEqualTo(1_000L);
        a.keys.peers(Map.of());
        assertThat(a.keys.status(a.peer)).isNull();
    }

    @Test
    void ofTwoThatInitiateAtOnceOneGoesOn() {
        latencyNs = 100 * MS;
        both();
        run(SECOND);
        assertThat(connected()).isTrue();
        assertThat(a.made()).isEqualTo(1);
        assertThat(b.made()).isEqualTo(1);
        assertThat(a.dropped(Drop.BAD_HANDSHAKE) + b.dropped(Drop.BAD_HANDSHAKE))
                .isZero();
        run(30 * SECOND);
        assertThat(a.made()).isEqualTo(1);
    }

    @Test
    void lossAndReorderingOnlyDelay() {
        for (int seed = 0; seed < 20; seed++) {
            now = 0;
            wire.clear();
            random = new Random(seed);
            loss = 0.4;
            jitterNs = 3 * SECOND;
            both();
            boolean connected = false;
            for (int i = 0; i < 240 && !connected; i++) {
                run(500 * MS);
                connected = connected();
            }
            assertThat(connected).as("seed %d", seed).isTrue();
            loss = 0;
            jitterNs = 0;
            run(30 * SECOND);
            assertThat(connected()).as("seed %d, calm again", seed).isTrue();
        }
    }

    @Test
    void sessionsAreRenewedWithoutAGapAndOldOnesEnd() {
        both();
        run(2 * SECOND);
        byte[] early = SealedLane.seal(a.peer, new byte[50]);
        for (int i = 0; i < 2 * 125; i++) {
            run(500 * MS);
            assertThat(connected()).as("at %d ms", now / MS).isTrue();
        }
        assertThat(a.made()).isEqualTo(2);
        assertThat(b.made()).isEqualTo(2);
        assertThat(SealedLane.receive(b.peer, early)).as("within the overlap").isNull();
        assertThat(SealedLane.receive(b.peer, early)).isEqualTo(Drop.REPLAYED);
        byte[] recorded = seen.stream().filter(m -> m[0] == 4).findFirst().orElseThrow();
        run(12 * SECOND);
        assertThat(SealedLane.receive(b.peer, recorded)).isEqualTo(Drop.NO_SESSION);
        assertThat(a.ring().previous()).isNull();
        assertThat(a.retired).isEqualTo(1);
        run(600 * SECOND);
        assertThat(connected()).isTrue();
        assertThat(a.made()).isBetween(6L, 8L);
        assertThat(a.dropped(Drop.BAD_HANDSHAKE) + b.dropped(Drop.BAD_HANDSHAKE))
                .isZero();
    }

    @Test
    void aSessionEndsThreeMinutesAfterItsHandshake() {
        both();
        run(2 * SECOND);
        loss = 1;
        run(170 * SECOND);
        assertThat(a.ring().sending()).isNotNull();
        run(10 * SECOND);
        assertThat(a.ring()).isEqualTo(Keyring.EMPTY);
        assertThat(b.ring()).isEqualTo(Keyring.EMPTY);
        loss = 0;
        run(20 * SECOND);
        assertThat(connected()).isTrue();
    }

    @Test
    void aRepeatedInitiationIsRefused() {
        both();
        run(2 * SECOND);
        Keyring before = b.ring();
        for (byte[] message : List.copyOf(seen)) {
            if (message[0] == 1) {
                b.keys.onMessage(b.peer, PORT, message);
                a.keys.onMessage(a.peer, PORT, message);
            }
        }
        assertThat(b.ring()).isEqualTo(before);
        assertThat(b.dropped(Drop.BAD_HANDSHAKE)).isPositive();
        assertThat(connected()).isTrue();
    }

    @Test
    void aRepeatedResponseIsRefused() {
        both();
        run(2 * SECOND);
        Keyring before = a.ring();
        seen.stream().filter(m -> m[0] == 2).toList().forEach(m -> {
            a.keys.onMessage(a.peer, PORT, m);
            b.keys.onMessage(b.peer, PORT, m);
        });
        assertThat(a.ring()).isEqualTo(before);
        assertThat(a.dropped(Drop.BAD_HANDSHAKE)).isPositive();
        assertThat(connected()).isTrue();
    }

    /** Half of them with the right code in front of the cookie's, as only who knows the public key can make it. */
    @Test
    void noMangledHandshakeDoesHarm() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random mangler = new Random(seed);
        both();
        run(2 * SECOND);
        List<byte[]> genuine = seen.stream().filter(message -> message[0] != 4).toList();
        for (int i = 0; i < 1_000; i++) {
            Node victim = mangler.nextBoolean() ? a : b;
            byte[] message = mangled(genuine.get(mangler.nextInt(genuine.size())), victim, mangler);
            victim.keys.onMessage(victim.peer, PORT, message);
            if (i % 10 == 0) {
                run(500 * MS);
                assertThat(connected()).as("seed %d round %d", seed, i).isTrue();
            }
        }
        assertThat(a.dropped(Drop.BAD_HANDSHAKE)).isPositive();
        assertThat(b.dropped(Drop.BAD_HANDSHAKE)).isPositive();
        run(300 * SECOND);
        assertThat(connected())
                .as("keys are renewed all the same, seed %d", seed)
                .isTrue();
        assertThat(a.made()).isEqualTo(b.made());
    }

    private static byte[] mangled(byte[] genuine, Node victim, Random mangler) {
        byte[] message = genuine.clone();
        for (int n = 1 + mangler.nextInt(4); n > 0; n--) {
            message[mangler.nextInt(message.length)] ^= (byte) (1 + mangler.nextInt(255));
        }
        if (mangler.nextInt(4) == 0) {
            return Arrays.copyOf(message, 1 + mangler.nextInt(192));
        }
        if (mangler.nextBoolean()) {
            int behind = message[0] == 1 ? Cookies.BYTES : 0;
            int end = message.length - behind - HandshakeMac.BYTES;
            byte[] coded = new HandshakeMac(victim.own.publicKey().bytes()).append(Arrays.copyOf(message, end));
            System.arraycopy(coded, 0, message, 0, coded.length);
        }
        return message;
    }

    @Test
    void whoHasAnotherKeyThanConfiguredGetsNoSession() {
        Encryption somebody = Encryption.generate();
        a.start(b.own.publicKey());
        b.start(somebody.publicKey());
        run(20 * SECOND);
        assertThat(a.ring().sending()).isNull();
        assertThat(b.ring().sending()).isNull();
        assertThat(b.dropped(Drop.BAD_HANDSHAKE)).isPositive();
        assertThat(a.dropped(Drop.BAD_HANDSHAKE)).isPositive();
    }

    @Test
    void aPeerThatIsRestartedIsBackAtOnce() {
        both();
        run(60 * SECOND);
        b.start(a.own.publicKey());
        run(2 * SECOND);
        assertThat(connected()).isTrue();
    }

    @Test
    void trafficToARestartedPeerMakesItBegin() {
        both();
        run(60 * SECOND);
        loss = 1; // what it sends first is lost
        b.start(a.own.publicKey());
        run(20 * SECOND);
        loss = 0;
        a.send(SealedLane.seal(a.peer, new byte[10]));
        run(SECOND);
        assertThat(b.dropped(Drop.NO_SESSION)).isPositive();
        assertThat(connected()).isTrue();
    }

    @Test
    void aPeerWhoseClockWasSetBackRecovers() {
        both();
        run(60 * SECOND);
        for (Node node : List.of(a, b)) {
            node.wallOffsetNs = -3_600 * SECOND;
            node.start(node.peerKey);
            run(15 * SECOND);
            assertThat(connected()).isTrue();
        }
    }

    @Test
    void aPeerThatIsRemovedHasNoSessionAtOnce() {
        both();
        run(2 * SECOND);
        int before = a.retired;
        a.keys.peers(Map.of());
        assertThat(a.ring()).isEqualTo(Keyring.EMPTY);
        assertThat(a.retired).isEqualTo(before + 1);
        a.keys.onMessage(a.peer, PORT, seen.getFirst());
        assertThat(a.ring()).isEqualTo(Keyring.EMPTY);
    }

    @Test
    void handshakesOfAPeerAreLimited() {
        a.start(b.own.publicKey());
        byte[] valid = seen.getFirst();
        b.start(a.own.publicKey());
        for (int i = 0; i < 50; i++) {
            b.keys.onMessage(b.peer, PORT, valid);
        }
        assertThat(b.dropped(Drop.HANDSHAKE_LIMIT)).isGreaterThan(40);
        run(5 * SECOND);
        assertThat(connected()).isTrue();
    }

    @Test
    void aFloodInThePeersNameDoesNotKeepItOut() {
        a.start(b.own.publicKey());
        byte[] forged = seen.getFirst(); // valid but old, as somebody may repeat it
        wire.clear();
        b.start(a.own.publicKey());
        wire.clear();
        loss = 1; // b does not reach a by itself
        run(6 * SECOND);
        b.keys.onMessage(b.peer, PORT, forged);
        assertThat(b.dropped(Drop.HANDSHAKE_LIMIT)).isZero();
        loss = 0;
        seen.clear();
        wire.clear();
        boolean connected = false;
        for (int i = 0; i < 300 && !connected; i++) {
            for (int port = 1; port <= 50; port++) {
                b.keys.onMessage(b.peer, port, forged);
            }
            run(10 * MS);
            connected = a.ring().sending() != null && b.ring().sending() != null;
        }
        assertThat(connected).isTrue();
        assertThat(b.dropped(Drop.HANDSHAKE_LIMIT)).isGreaterThan(1_000);
        assertThat(b.traffic.sum(Traffic.COOKIES)).isBetween(1L, 300L * 50);
        assertThat(seen.stream().filter(m -> m[0] == 3).count()).isEqualTo(b.traffic.sum(Traffic.COOKIES));
        assertThat(connected()).isTrue();
    }

    @Test
    void cookiesAreSentUnderLoadAloneAndAreLimited() {
        a.start(b.own.publicKey());
        byte[] valid = seen.getFirst();
        wire.clear();
        b.start(a.own.publicKey());
        for (int i = 0; i < 5; i++) {
            b.keys.onMessage(b.peer, PORT, valid);
        }
        assertThat(b.traffic.sum(Traffic.COOKIES)).isZero();
        for (int i = 0; i < 100; i++) {
            b.keys.onMessage(b.peer, PORT, valid);
        }
        assertThat(b.traffic.sum(Traffic.COOKIES)).as("one source").isEqualTo(4);
        for (int i = 0; i < 10_000; i++) {
            b.keys.onMessage(b.peer, i, valid);
        }
        assertThat(b.traffic.sum(Traffic.COOKIES)).as("all sources").isEqualTo(256);
    }

    @Test
    void noMessageDoesHarm() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        Random noise = new Random(seed);
        both();
        run(2 * SECOND);
        List<byte[]> good = List.copyOf(seen);
        for (int i = 0; i < 2_000; i++) {
            byte[] message = good.get(noise.nextInt(good.size())).clone();
            switch (noise.nextInt(3)) {
                case 0 -> message = Arrays.copyOf(message, noise.nextInt(message.length + 20));
                case 1 -> message[noise.nextInt(message.length)] ^= (byte) (1 + noise.nextInt(255));
                default -> {
                    noise.nextBytes(message);
                    message[0] = (byte) (1 + noise.nextInt(3));
                }
            }
            long before = b.dropped(Drop.BAD_HANDSHAKE) + b.dropped(Drop.HANDSHAKE_LIMIT);
            b.keys.onMessage(b.peer, PORT, message);
            long counted = b.dropped(Drop.BAD_HANDSHAKE) + b.dropped(Drop.HANDSHAKE_LIMIT) - before;
            assertThat(counted).as("seed %d round %d", seed, i).isEqualTo(1);
        }
        assertThat(connected()).isTrue();
    }

    @Test
    void nothingTellsThePrivateKey() {
        assertThat(a.own.toString()).doesNotContain(a.own.privateText()).startsWith("public-key ");
        assertThat(Encryption.parse(a.own.privateText())).isEqualTo(a.own);
        assertThat(PeerKey.parse(a.own.publicKey().toString())).isEqualTo(a.own.publicKey());
    }
}
