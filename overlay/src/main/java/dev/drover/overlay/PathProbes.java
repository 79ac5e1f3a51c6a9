package dev.drover.overlay;

import dev.drover.dataplane.CounterSet;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.ProbeWriter;
import dev.drover.overlay.path.Traffic;
import io.netty.util.NetUtil;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out what arrives at the peers that answer probes: whether they are there, the largest packet, whether
 * super-frames do (docs/adr/0009), and whether checksums may be left to them (docs/adr/0015). Lowers the MTU of a peer and forbids super-frames to it accordingly. Path MTU discovery
 * for datagrams (RFC 8899) with VXLAN as the layer that probes.
 *
 * <p>Control thread; {@link #view} by any.
 */
final class PathProbes {
    /** Losses in a row that mean something. */
    static final int MISSES = 3;

    private static final Logger LOG = LoggerFactory.getLogger(PathProbes.class);

    /** Sizes tried at once in a search. */
    private static final int FAN = 16;
    /** A search ends when it is this precise. */
    private static final int PRECISION_BYTES = 4;
    /** Smallest path MTU that is believed; less is loss. */
    private static final int MIN_MTU = 576;

    private static final int MAX_PEERS_A_ROUND = 64;
    private static final int MAX_ANSWERS_A_ROUND = 1_024;

    private final Timing timing;
    private final Wire wire;
    private final LongSupplier clockNs;
    private final CounterSet<Traffic> traffic;
    private final int lane;
    private final SecureRandom random = new SecureRandom();
    private final Map<PeerPath, Path> paths = new ConcurrentHashMap<>();
    private final Deque<Path> queue = new ArrayDeque<>();
    private int answered;

    /**
     * @param roundNs how long an answer may take, and how often peers in doubt are probed
     * @param periodNs how often the others are
     * @param raiseNs after which a lowered MTU is tried to be raised (PMTU_RAISE_TIMER of RFC 8899 section 5.1.1)
     */
    record Timing(long roundNs, long periodNs, long raiseNs) {
        static final Timing STANDARD =
                new Timing(TimeUnit.SECONDS.toNanos(1), TimeUnit.SECONDS.toNanos(5), TimeUnit.SECONDS.toNanos(60));
    }

    /** Where probes go. */
    interface Wire {
        /** Largest IP packet inside the overlay. */
        int mtu();

        /** Whether super-frames are sent to the peer, as far as routes go. */
        boolean superFrames(PeerPath peer);

        /** False when none can be sent now. */
        boolean probe(PeerPath peer, int ipBytes, long nonce);

        /** Bytes of its TCP payload, 0 when none can be sent now. */
        int superFrame(PeerPath peer, int ipBytes, long nonce);

        void answer(PeerPath peer, long nonce, int bytes);
    }

    /**
     * What is known of a path.
     *
     * @param answers the peer answers; also before the first probes are overdue
     * @param mtu largest IP packet inside that arrives
     * @param superFrames they arrive, or none are sent
     */
    record View(boolean answers, int mtu, boolean superFrames) {}

    /** @param lane row of the counters */
    PathProbes(Timing timing, Wire wire, LongSupplier clockNs, CounterSet<Traffic> traffic, int lane) {
        this.timing = timing;
        this.wire = wire;
        this.clockNs = clockNs;
        this.traffic = traffic;
        this.lane = lane;
    }

    /** Says who is probed from now on. */
    void peers(Collection<PeerPath> probed) {
        paths.keySet().forEach(peer -> {
            if (!probed.contains(peer)) {
                peer.takesRemoteChecksum(false);
            }
        });
        paths.keySet().retainAll(probed);
        queue.removeIf(path -> !paths.containsKey(path.peer));
        for (PeerPath peer : probed) {
            if (!paths.containsKey(peer)) {
                Path path = new Path(peer);
                paths.put(peer, path);
                queue.add(path);
            }
        }
    }

    /** Judges what was sent and sends what is due; once a round. */
    void onRound() {
        answered = 0;
        long nowNs = clockNs.getAsLong();
        int mtu = wire.mtu();
        int sent = 0;
        for (int i = queue.size(); i > 0 && sent < MAX_PEERS_A_ROUND; i--) {
            Path path = queue.remove();
            queue.add(path);
            path.settle(mtu);
            if (path.due(nowNs)) {
                path.judge(nowNs);
                path.send(nowNs);
                sent++;
            }
        }
    }

    /** Another host asks what has come; beyond the limit it is left to think that nothing has. */
    void onProbe(PeerPath from, long nonce, int bytes) {
        if (answered < MAX_ANSWERS_A_ROUND) {
            answered++;
            traffic.increment(lane, Traffic.PROBES_ANSWERED);
            wire.answer(from, nonce, bytes);
        }
    }

    void onAnswer(PeerPath from, long nonce, int bytes, boolean remoteChecksum) {
        Path path = paths.get(from);
        if (path != null) {
            path.onAnswer(nonce, bytes, remoteChecksum);
        }
    }

    /** Empty for a peer that is not probed. */
    Optional<View> view(PeerPath peer) {
        return Optional.ofNullable(paths.get(peer)).map(path -> path.view);
    }

    /** Whether super-frames were found not to arrive. */
    boolean losesSuperFrames(PeerPath peer) {
        return view(peer).filter(view -> !view.superFrames()).isPresent();
    }

    /** One probe that was sent. */
    private static final class Sent {
        private final int ipBytes;
        private final boolean superFrame;
        private final int payload;
        private int arrived;

        private Sent(int ipBytes, boolean superFrame, int payload) {
            this.ipBytes = ipBytes;
            this.superFrame = superFrame;
            this.payload = payload;
        }

        private boolean whole() {
            return arrived >= payload;
        }
    }

    /** What is known and in flight of one peer. */
    private final class Path {
        private final PeerPath peer;
        private final Map<Long, Sent> flight = new LinkedHashMap<>();
        private volatile View view = new View(true, Integer.MAX_VALUE, true);
        /** The overlay's. */
        private int fullMtu;
        /** Arrives for sure, and for sure not; a search is on while both are set. */
        private int good;

        private int bad;
        private int smallMisses;
        private int fullMisses;
        private int superMisses;
        private int superHits;
        private long dueNs = clockNs.getAsLong();
        private long raiseNs;

        private Path(PeerPath peer) {
            this.peer = peer;
        }

        /** Begins anew when the overlay has another MTU. */
        private void settle(int mtu) {
            if (mtu != fullMtu) {
                fullMtu = mtu;
                bad = 0;
                fullMisses = 0;
                flight.clear();
                conclude(view.answers, mtu, view.superFrames);
            }
        }

        private boolean due(long nowNs) {
            return nowNs - dueNs >= 0;
        }

        private boolean searching() {
            return bad > 0;
        }

        private void send(long nowNs) {
            int now = view.mtu;
            if (now < fullMtu && !searching() && nowNs - raiseNs >= 0) {
                good = now;
                bad = fullMtu + 1;
            }
            probe(ProbeWriter.MIN_BYTES);
            if (searching()) {
                int steps = Math.min(FAN, bad - good - 1);
                for (int i = 1; i <= steps; i++) {
                    probe(good + (int) ((long) (bad - 1 - good) * i / steps));
                }
            } else {
                probe(now);
                if (wire.superFrames(peer)) {
                    long nonce = random.nextLong();
                    int payload = wire.superFrame(peer, now, nonce);
                    if (payload > 0) {
                        flight.put(nonce, new Sent(now, true, payload));
                        traffic.increment(lane, Traffic.PROBES);
                    }
                }
            }
            boolean doubt = searching() || smallMisses + fullMisses + superMisses > 0;
            dueNs = nowNs + (doubt ? timing.roundNs : timing.periodNs);
        }

        private void probe(int ipBytes) {
            long nonce = random.nextLong();
            if (wire.probe(peer, ipBytes, nonce)) {
                flight.put(nonce, new Sent(ipBytes, false, ProbeWriter.payload(ipBytes)));
                traffic.increment(lane, Traffic.PROBES);
            }
        }

        private void onAnswer(long nonce, int bytes, boolean remoteChecksum) {
            Sent sent = flight.get(nonce);
            if (sent != null) {
                peer.takesRemoteChecksum(remoteChecksum);
                // a peer may tell anything
                sent.arrived = (int) Math.min(sent.payload, (long) sent.arrived + Math.max(bytes, 0));
            }
        }

        private void judge(long nowNs) {
            if (flight.isEmpty()) {
                return;
            }
            boolean any = flight.values().stream().anyMatch(Sent::whole);
            if (!any) {
                lost();
            } else if (searching()) {
                smallMisses = 0;
                narrow(nowNs);
            } else {
                smallMisses = 0;
                judgeSize(nowNs);
            }
            flight.clear();
        }

        /** Nothing came back: the peer is away, and nothing is learned of sizes. */
        private void lost() {
            traffic.increment(lane, Traffic.PROBES_LOST);
            bad = 0;
            if (++smallMisses == MISSES) {
                LOG.warn("overlay peer does not answer probes vtep={}", text());
                peer.takesRemoteChecksum(false);
                conclude(false, view.mtu, view.superFrames);
            }
        }

        private void judgeSize(long nowNs) {
            if (!view.answers) {
                LOG.info("overlay peer answers again vtep={}", text());
                conclude(true, view.mtu, view.superFrames);
            }
            boolean full = arrived(false);
            if (full) {
                fullMisses = 0;
                judgeSuperFrames();
            } else {
                traffic.increment(lane, Traffic.PROBES_LOST);
                if (++fullMisses == MISSES) {
                    fullMisses = 0;
                    traffic.increment(lane, Traffic.BLACK_HOLES);
                    good = ProbeWriter.MIN_BYTES;
                    bad = view.mtu;
                    raiseNs = nowNs + timing.raiseNs;
                }
            }
        }

        private boolean arrived(boolean superFrame) {
            return flight.values().stream()
                    .anyMatch(sent -> sent.superFrame == superFrame
                            && sent.whole()
                            && (superFrame || sent.ipBytes > ProbeWriter.MIN_BYTES));
        }

        private void judgeSuperFrames() {
            if (flight.values().stream().noneMatch(sent -> sent.superFrame)) {
                superMisses = 0;
                return;
            }
            if (arrived(true)) {
                superMisses = 0;
                if (!view.superFrames && ++superHits == MISSES) {
                    LOG.info("super-frames arrive again vtep={}", text());
                    conclude(true, view.mtu, true);
                }
                return;
            }
            superHits = 0;
            if (view.superFrames) {
                traffic.increment(lane, Traffic.PROBES_LOST);
                if (++superMisses == MISSES) {
                    superMisses = 0;
                    LOG.warn("super-frames do not arrive, packets do: the peer is sent those vtep={}", text());
                    conclude(true, view.mtu, false);
                }
            }
        }

        /** The largest size that arrived is good, the smallest above it that did not is bad. */
        private void narrow(long nowNs) {
            int low = good;
            int high = bad;
            for (Sent sent : flight.values()) {
                if (sent.whole()) {
                    low = Math.max(low, sent.ipBytes);
                }
            }
            for (Sent sent : flight.values()) {
                if (!sent.whole() && sent.ipBytes > low) {
                    high = Math.min(high, sent.ipBytes);
                }
            }
            good = low;
            bad = high;
            if (bad - good <= PRECISION_BYTES) {
                bad = 0;
                raiseNs = nowNs + timing.raiseNs;
                int mtu = Math.min(Math.max(good, MIN_MTU), fullMtu);
                if (mtu < view.mtu) {
                    LOG.warn("larger packets do not arrive vtep={} mtu={} full={}", text(), mtu, fullMtu);
                } else if (mtu > view.mtu) {
                    LOG.info("larger packets arrive again vtep={} mtu={} full={}", text(), mtu, fullMtu);
                }
                conclude(true, mtu, view.superFrames);
            }
        }

        private void conclude(boolean answers, int mtu, boolean superFrames) {
            view = new View(answers, mtu, superFrames);
            peer.mtu(mtu);
            if (superFrames) {
                superHits = 0;
            }
        }

        private String text() {
            return NetUtil.toAddressString(peer.vtep());
        }
    }
}
