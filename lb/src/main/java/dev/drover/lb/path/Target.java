package dev.drover.lb.path;

import dev.drover.dataplane.CounterSet;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One target of one pool: counters, idle connections by lane, latency, and its rest after failures. It keeps its
 * identity as long as the pool knows its address, or has work at it.
 */
public final class Target {
    /** Weight of past latencies falls to 1/e in this time. */
    private static final double DECAY_NS = 10e9;
    /** Counts for a failure: a target that fails fast is not a fast target. */
    private static final long FAILURE_NS = 1_000_000_000;
    /** Of the rest after one ejection to the next. */
    private static final int MAX_DOUBLINGS = 4;

    private final InetSocketAddress address;
    private final long seed;
    private final long token;
    private final Limits limits;
    private final WaitingRoom room;
    private final CounterSet<TargetCounter> counters;
    private final CounterSet<Back.Failure> failures;
    private final Latencies latencies;
    private final Idle[] idle;
    private final H2Backs[] http2;
    /** Shared by the lanes, as are the next five: a lost update only moves a rest, or an average, by one step. */
    private volatile long retryAtNs;

    private volatile int failedConnects;
    private volatile int failuresInRow;
    private volatile int ejections;
    private volatile long ejectedUntilNs;
    private volatile double averageNs;
    private volatile long averagedAtNs;

    private volatile @Nullable TargetTls tls;
    private volatile boolean speaksHttp2;
    private volatile boolean accepting = true;
    private volatile long maxActive = Long.MAX_VALUE;

    /** Idle connections of one lane, newest last; a class of its own since Java has no generic arrays. */
    private static final class Idle {
        final ArrayDeque<HttpBack> connections = new ArrayDeque<>();
    }

    /**
     * @param token names the target in cookies; must not tell anything about it
     * @param room where work waits for this target
     */
    public Target(InetSocketAddress address, long token, int lanes, Limits limits, WaitingRoom room) {
        this.address = address;
        this.token = token;
        this.limits = limits;
        this.room = room;
        seed = seed(address);
        counters = new CounterSet<>(TargetCounter.class, lanes);
        failures = new CounterSet<>(Back.Failure.class, lanes);
        latencies = new Latencies(lanes);
        idle = new Idle[lanes];
        http2 = new H2Backs[lanes];
        for (int i = 0; i < lanes; i++) {
            idle[i] = new Idle();
            http2[i] = new H2Backs(this);
        }
    }

    /** The same for an address on every host and in every run (FNV-1a, finished by {@link Balancer#mix}). */
    private static long seed(InetSocketAddress address) {
        long hash = 0xcbf29ce484222325L;
        for (byte b : address.getAddress().getAddress()) {
            hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
        }
        return Balancer.mix((hash ^ address.getPort()) * 0x100000001b3L);
    }

    public InetSocketAddress address() {
        return address;
    }

    /** What hashing balancers draw from; a function of the address. */
    long seed() {
        return seed;
    }

    /** Names the target in cookies. */
    public long token() {
        return token;
    }

    public long sum(TargetCounter counter) {
        return counters.sum(counter);
    }

    /** Requests (HTTP) or connections (TCP) at the target now, over all lanes. */
    long active() {
        return counters.sum(TargetCounter.ACTIVE);
    }

    /** True while the target is passed over because connects to it failed. */
    public boolean backingOff(long nowNs) {
        long at = retryAtNs;
        return at != 0 && at - nowNs > 0;
    }

    /** True while the target is passed over because its answers were failures. */
    public boolean ejected(long nowNs) {
        long until = ejectedUntilNs;
        return until != 0 && until - nowNs > 0;
    }

    boolean resting(long nowNs) {
        return backingOff(nowNs) || ejected(nowNs);
    }

    /** Whether it has as much work as it may have, or as it lets this lane have. */
    boolean full(LbLane lane) {
        long max = maxActive;
        return max != Long.MAX_VALUE && active() >= max
                || speaksHttp2 && http2(lane).full();
    }

    /** Whether requests to it go by HTTP/2. */
    boolean speaksHttp2() {
        return speaksHttp2;
    }

    /** Set by the control thread. */
    public void speaksHttp2(boolean now) {
        speaksHttp2 = now;
    }

    /** Its connections of HTTP/2 with this lane. */
    H2Backs http2(LbLane lane) {
        return http2[lane.index()];
    }

    /** How new connections to it are encrypted; null for not at all. */
    @Nullable
    TargetTls tls() {
        return tls;
    }

    /** Set by the control thread. */
    public void tls(@Nullable TargetTls with) {
        tls = with;
    }

    /** Bounds its work; set by the control thread. */
    public void maxActive(long requests) {
        maxActive = requests;
    }

    /** Whether new work is wanted; false when it drains, left or its pool is gone, and not merely because it is unhealthy. */
    boolean accepting() {
        return accepting;
    }

    /** Whether new work, and so a pool of idle connections, is wanted; set by the control thread before it publishes. */
    public void accepting(boolean wanted) {
        accepting = wanted;
    }

    void begin(LbLane lane) {
        counters.increment(lane.index(), TargetCounter.ACTIVE);
        counters.increment(lane.index(), TargetCounter.TOTAL);
    }

    void end(LbLane lane) {
        counters.add(lane.index(), TargetCounter.ACTIVE, -1);
        if (maxActive != Long.MAX_VALUE || speaksHttp2) {
            room.wake(lane);
        }
    }

    void failed(LbLane lane, Back.Failure why) {
        counters.increment(lane.index(), TargetCounter.FAILED);
        failures.increment(lane.index(), why);
    }

    /** Reason, in lower case, to how often the target failed for it. */
    public Map<String, Long> failures() {
        Map<String, Long> sums = new LinkedHashMap<>();
        for (Back.Failure why : Back.Failure.values()) {
            if (why.ofTarget()) {
                sums.put(why.name().toLowerCase(Locale.ROOT), failures.sum(why));
            }
        }
        return sums;
    }

    /** How long requests took at this target, without their time in the queue. */
    public Latencies latencies() {
        return latencies;
    }

    void connectFailed(LbLane lane) {
        failed(lane, Back.Failure.CONNECT);
        int failures = Math.min(failedConnects, 16);
        long pauseNs = Math.min(limits.backOffMinNs() << failures, limits.backOffMaxNs());
        failedConnects = failures + 1;
        retryAtNs = Math.max(1, System.nanoTime() + pauseNs);
    }

    void connected() {
        if (retryAtNs != 0) {
            retryAtNs = 0;
            failedConnects = 0;
        }
    }

    /** An answer came that is no gateway failure. */
    void answered() {
        if (failuresInRow != 0) {
            failuresInRow = 0;
        }
    }

    /** A gateway failure: no valid answer in time, or 502, 503, 504 from the target itself. */
    void gatewayFailure(PoolPolicy policy, TargetSet set, long nowNs) {
        if (policy.latencies()) {
            observe(FAILURE_NS, nowNs);
        }
        if (policy.ejectAfter() == 0) {
            return;
        }
        int inRow = failuresInRow + 1;
        failuresInRow = inRow;
        if (inRow < policy.ejectAfter() || ejected(nowNs)) {
            return;
        }
        int resting = 1;
        for (int i = 0; i < set.active().size(); i++) {
            resting += set.active().get(i).ejected(nowNs) ? 1 : 0;
        }
        if (resting * 100 > policy.maxEjectedPercent() * set.active().size()) {
            return;
        }
        // A target that was well for as long as its longest rest begins anew.
        boolean longAgo = ejectedUntilNs != 0 && nowNs - ejectedUntilNs > policy.ejectNs() << MAX_DOUBLINGS;
        int before = longAgo ? 0 : Math.min(ejections, MAX_DOUBLINGS);
        ejections = before + 1;
        failuresInRow = 0;
        ejectedUntilNs = Math.max(1, nowNs + (policy.ejectNs() << before));
    }

    /** Times it was made to rest because of its answers, lately. */
    public int ejections() {
        return ejections;
    }

    /** Takes a latency into the average: at once when it is longer, by and by when it is shorter ("peak"). */
    void observe(long latencyNs, long nowNs) {
        double average = averageNs;
        if (latencyNs >= average) {
            averageNs = latencyNs;
        } else {
            double keep = Math.exp(-Math.max(0, nowNs - averagedAtNs) / DECAY_NS);
            averageNs = average * keep + latencyNs * (1 - keep);
        }
        averagedAtNs = nowNs;
    }

    /** Exponentially weighted average of the latency, less as time goes by without an answer; 0 without any. */
    public double latencyNs(long nowNs) {
        double average = averageNs;
        return average == 0 ? 0 : average * Math.exp(-Math.max(0, nowNs - averagedAtNs) / DECAY_NS);
    }

    /** Takes the connection used last, if it was idle for at most {@code maxIdleNs}. */
    @Nullable
    HttpBack takeIdle(LbLane lane, long nowNs, long maxIdleNs) {
        ArrayDeque<HttpBack> connections = idle[lane.index()].connections;
        HttpBack newest = connections.peekLast();
        if (newest == null || nowNs - newest.idleSinceNs() > maxIdleNs) {
            return null;
        }
        return connections.pollLast();
    }

    /** Returns false, and does nothing, when no idle connection is wanted. */
    boolean offerIdle(LbLane lane, HttpBack back) {
        ArrayDeque<HttpBack> connections = idle[lane.index()].connections;
        if (!accepting || connections.size() >= limits.maxPooled()) {
            return false;
        }
        connections.addLast(back);
        return true;
    }

    void removeIdle(LbLane lane, HttpBack back) {
        idle[lane.index()].connections.removeLastOccurrence(back);
    }

    /** Closes every idle connection of this lane. */
    void closeIdle(LbLane lane) {
        ArrayDeque<HttpBack> connections = idle[lane.index()].connections;
        HttpBack back;
        while ((back = connections.pollLast()) != null) {
            back.closeNow();
        }
    }
}
