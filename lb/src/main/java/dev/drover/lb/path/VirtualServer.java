package dev.drover.lb.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Snapshot;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A listener as its connections see it: where requests go, and how many connections there are. Connections hold on to
 * it for life; it outlives the listener's place in the configuration until the last of them has ended.
 */
public final class VirtualServer {
    /** What is counted beside the targets. */
    public enum Counter {
        CONNECTIONS
    }

    private final String name;
    private final Snapshot<Router> router = new Snapshot<>(Router.NONE);
    private final Snapshot<ListenerPolicy> policy = new Snapshot<>(ListenerPolicy.PLAIN);
    private final CounterSet<Counter> counters;
    private final CounterSet<Outcome> outcomes;
    private final CounterSet<DatagramCounter> datagrams;
    private final CounterSet<DatagramDrop> drops;
    private final AtomicLong admitted = new AtomicLong();
    private final SourceConnections sources = new SourceConnections();
    private volatile @Nullable SourceRates rates;
    private volatile long endNs;

    /** @param name of the listener */
    public VirtualServer(String name, int lanes) {
        this.name = name;
        counters = new CounterSet<>(Counter.class, lanes);
        outcomes = new CounterSet<>(Outcome.class, lanes);
        datagrams = new CounterSet<>(DatagramCounter.class, lanes);
        drops = new CounterSet<>(DatagramDrop.class, lanes);
    }

    String name() {
        return name;
    }

    /** What holds for its requests beside the routes. */
    ListenerPolicy policy() {
        return policy.read();
    }

    /** Publishes what holds for new requests; the caller serialises. */
    public void publish(ListenerPolicy next) {
        if (next.limits().sourceRate() == 0) {
            rates = null;
        } else if (rates == null) {
            rates = new SourceRates();
        }
        policy.publish(next);
    }

    /** Counts a connection that comes, and has it counted out at its end; false when there are too many. */
    boolean admit(Channel channel) {
        long most = policy().limits().connections();
        if (most == 0) {
            return true;
        }
        if (admitted.incrementAndGet() > most) {
            admitted.decrementAndGet();
            return false;
        }
        channel.closeFuture().addListener(closed -> admitted.decrementAndGet());
        return true;
    }

    /** As {@link #admit(Channel)} for the connections of one source. */
    boolean admit(Channel channel, InetSocketAddress client) {
        long most = policy().limits().sourceConnections();
        if (most == 0) {
            return true;
        }
        long source = SourceKey.exact(client);
        if (!sources.enter(source, most)) {
            return false;
        }
        channel.closeFuture().addListener(closed -> sources.leave(source));
        return true;
    }

    /** Counts a session of UDP that begins, until {@link #sessionEnded}; or says why it may not. */
    @Nullable
    DatagramDrop admitSession(long source, SessionPolicy policy) {
        // Asked before it is counted, so that a flood costs no more than this.
        if (admitted.get() >= policy.sessions()) {
            return DatagramDrop.LISTENER_FULL;
        }
        if (admitted.incrementAndGet() > policy.sessions()) {
            admitted.decrementAndGet();
            return DatagramDrop.LISTENER_FULL;
        }
        if (!sources.enter(source, policy.sourceSessions())) {
            admitted.decrementAndGet();
            return DatagramDrop.SOURCE_FULL;
        }
        return null;
    }

    void sessionEnded(long source) {
        admitted.decrementAndGet();
        sources.leave(source);
    }

    void count(LbLane lane, DatagramCounter what, long amount) {
        datagrams.add(lane.index(), what, amount);
    }

    void count(LbLane lane, DatagramDrop why, long amount) {
        drops.add(lane.index(), why, amount);
    }

    /** What a UDP listener has relayed. */
    public long relayed(DatagramCounter what) {
        return datagrams.sum(what);
    }

    /** Datagrams that a UDP listener could not relay. */
    public long dropped(DatagramDrop why) {
        return drops.sum(why);
    }

    /** Whether a request of {@code source} may go on now: 0, or in how many nanoseconds it might. */
    long takeTurn(long source, ListenerLimits limits) {
        SourceRates buckets = rates;
        return buckets == null || limits.sourceRate() == 0
                ? 0
                : buckets.take(source, limits.sourceRate(), limits.sourceBurst(), System.nanoTime());
    }

    void count(LbLane lane, Outcome outcome) {
        outcomes.increment(lane.index(), outcome);
    }

    /** Requests (HTTP) and connections (TCP) that ended so. */
    public long ended(Outcome outcome) {
        return outcomes.sum(outcome);
    }

    /** Where requests go now; ask once per request. */
    Router router() {
        return router.read();
    }

    /** Publishes the routes for new requests; the caller serialises. */
    public void publish(Router next) {
        router.publish(next);
    }

    /** The listener is gone: connections end with the request they have, at the latest at {@code atNs}. */
    public void retire(long atNs) {
        endNs = atNs == 0 ? 1 : atNs;
    }

    boolean retired() {
        return endNs != 0;
    }

    long endNs() {
        return endNs;
    }

    /** Client connections open now. */
    public long connections() {
        return counters.sum(Counter.CONNECTIONS);
    }

    void opened(LbLane lane) {
        counters.increment(lane.index(), Counter.CONNECTIONS);
    }

    void closed(LbLane lane) {
        counters.add(lane.index(), Counter.CONNECTIONS, -1);
    }
}
