package dev.drover.dns.resolve;

import io.netty.handler.ssl.SslContext;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A resolver that is asked for names that are not ours, and what the lanes have seen of it. Its fields are written by any
 * lane; a lost update costs one sample.
 */
public final class Upstream {
    /**
     * Where it is, and who it must be.
     *
     * @param tlsName name its certificate must bear when it is asked over TLS (RFC 8310 section 8.1); null for UDP and TCP
     */
    public record Endpoint(
            InetSocketAddress address, @Nullable String tlsName) {}

    /** Taken for the time of an upstream that has not answered yet. */
    static final long UNKNOWN_RTT_NS = 200 * Timing.MS;

    private static final int MAX_BACKOFF = 5;
    /** Failures in a row from which on it is asked after the others. */
    private static final int SICK = 2;
    /** Replies in another case, true as TCP showed, from which on case is no sign of forgery. */
    private static final int CASE_LOST = 3;

    private static final long LOOP_NS = 60_000 * Timing.MS;

    private final Endpoint endpoint;
    private final @Nullable SslContext tls;
    private final LongAdder tries = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final AtomicLong askedNs = new AtomicLong(System.nanoTime());
    private final AtomicLong loopProbedNs = new AtomicLong(System.nanoTime() - 2 * LOOP_NS);
    private volatile long rttNs = -1;
    private volatile long rttVarianceNs;
    private volatile int backoff;
    private volatile int failedInARow;
    private volatile int caseLost;
    private volatile long answeredNs = System.nanoTime();
    private volatile boolean looped;
    private volatile long loopedNs;

    /** @param tls what to trust when its certificate is checked; null unless it has a TLS name */
    public Upstream(Endpoint endpoint, @Nullable SslContext tls) {
        this.endpoint = endpoint;
        this.tls = tls;
    }

    public Endpoint endpoint() {
        return endpoint;
    }

    public InetSocketAddress address() {
        return endpoint.address();
    }

    /** What to trust when it is asked over TLS; null when it is asked over UDP and TCP. */
    public @Nullable SslContext tls() {
        return tls;
    }

    /** Smoothed time from query to reply; negative while it has not answered. */
    public long rttNs() {
        return rttNs;
    }

    public long tries() {
        return tries.sum();
    }

    public long failures() {
        return failures.sum();
    }

    /** Whether it is asked in its turn; otherwise only after the others, and besides them now and then. */
    public boolean isHealthy() {
        return failedInARow < SICK;
    }

    /** Whether queries of ours came back through it lately; then it is not asked. */
    public boolean isLooping(long nowNs) {
        return looped && nowNs - loopedNs < LOOP_NS;
    }

    void asked(long nowNs) {
        tries.increment();
        askedNs.setOpaque(nowNs);
    }

    /** True for one caller when nobody has asked it for {@code intervalNs}. */
    boolean takeProbe(long nowNs, long intervalNs) {
        long last = askedNs.get();
        return nowNs - last > intervalNs && askedNs.compareAndSet(last, nowNs);
    }

    /** True for one caller a minute, and for the first: whether its queries come back is to be found out. */
    boolean takeLoopProbe(long nowNs) {
        long last = loopProbedNs.get();
        return nowNs - last > LOOP_NS && loopProbedNs.compareAndSet(last, nowNs);
    }

    /** It replied, whatever it said. RFC 6298 section 2. */
    void replied(long nowNs, long sampleNs) {
        long rtt = rttNs;
        if (rtt < 0) {
            rttNs = sampleNs;
            rttVarianceNs = sampleNs / 2;
        } else {
            rttVarianceNs = (3 * rttVarianceNs + Math.abs(rtt - sampleNs)) / 4;
            rttNs = (7 * rtt + sampleNs) / 8;
        }
        answeredNs = nowNs;
        if (failedInARow != 0) {
            failedInARow = 0;
        }
    }

    /** Its reply was of use. */
    void useful() {
        if (backoff != 0) {
            backoff = 0;
        }
    }

    /** It lets us wait longer than expected, or refuses: others are better for now. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // a lost step is no loss
    void worse() {
        backoff = Math.min(MAX_BACKOFF, backoff + 1);
    }

    /** It did not reply at all. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    void silent() {
        failures.increment();
        failedInARow++;
    }

    /** Nobody is there. */
    void unreachable() {
        failures.increment();
        failedInARow = SICK;
        worse();
    }

    void looped(long nowNs) {
        loopedNs = nowNs;
        looped = true;
    }

    /** Whether a reply in another case of letters than the query's is a sign of forgery. */
    boolean keepsCase() {
        return caseLost < CASE_LOST;
    }

    @SuppressWarnings("NonAtomicVolatileUpdate")
    void lostCase() {
        caseLost++;
    }

    long answeredNs() {
        return answeredNs;
    }

    /** What decides between upstreams: the smaller, the sooner it is asked. */
    long scoreNs() {
        long rtt = rttNs;
        return (rtt < 0 ? UNKNOWN_RTT_NS : rtt) << backoff;
    }

    /** How long to wait before another is asked besides. */
    long patienceNs(long leastNs) {
        long rtt = rttNs;
        return rtt < 0 ? Math.max(leastNs, UNKNOWN_RTT_NS) : Math.max(leastNs, 2 * rtt + 2 * rttVarianceNs);
    }
}
