package dev.drover.lb.path;

import dev.drover.dataplane.CounterSet;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * One target of one listener: counters, idle connections by lane, and the pause after failed connects. It keeps its
 * identity as long as the listener knows its address, or has work at it.
 */
public final class Target {
    private final InetSocketAddress address;
    private final Limits limits;
    private final CounterSet<TargetCounter> counters;
    private final Pool[] pools;
    /** Shared by the lanes: a lost update only moves the pause by one step. */
    private volatile long retryAtNs;

    private volatile int failedConnects;

    private volatile boolean accepting = true;

    /** Idle connections of one lane, newest last; a class of its own since Java has no generic arrays. */
    private static final class Pool {
        final ArrayDeque<HttpBack> idle = new ArrayDeque<>();
    }

    public Target(InetSocketAddress address, int lanes, Limits limits) {
        this.address = address;
        this.limits = limits;
        counters = new CounterSet<>(TargetCounter.class, lanes);
        pools = new Pool[lanes];
        for (int i = 0; i < lanes; i++) {
            pools[i] = new Pool();
        }
    }

    public InetSocketAddress address() {
        return address;
    }

    public long sum(TargetCounter counter) {
        return counters.sum(counter);
    }

    /** True while the target is passed over because connects to it failed. */
    public boolean backingOff(long nowNs) {
        long at = retryAtNs;
        return at != 0 && at - nowNs > 0;
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
    }

    void failed(LbLane lane) {
        counters.increment(lane.index(), TargetCounter.FAILED);
    }

    void connectFailed(LbLane lane) {
        failed(lane);
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

    /** Takes the connection used last, if it was idle for at most {@code maxIdleNs}. */
    @Nullable
    HttpBack takeIdle(LbLane lane, long nowNs, long maxIdleNs) {
        ArrayDeque<HttpBack> idle = pools[lane.index()].idle;
        HttpBack newest = idle.peekLast();
        if (newest == null || nowNs - newest.idleSinceNs() > maxIdleNs) {
            return null;
        }
        return idle.pollLast();
    }

    /** Returns false, and does nothing, when no idle connection is wanted. */
    boolean offerIdle(LbLane lane, HttpBack back) {
        ArrayDeque<HttpBack> idle = pools[lane.index()].idle;
        if (!accepting || idle.size() >= limits.maxPooled()) {
            return false;
        }
        idle.addLast(back);
        return true;
    }

    void removeIdle(LbLane lane, HttpBack back) {
        pools[lane.index()].idle.removeLastOccurrence(back);
    }

    /** Closes every idle connection of this lane. */
    void closeIdle(LbLane lane) {
        ArrayDeque<HttpBack> idle = pools[lane.index()].idle;
        HttpBack back;
        while ((back = idle.pollLast()) != null) {
            back.closeNow();
        }
    }
}
