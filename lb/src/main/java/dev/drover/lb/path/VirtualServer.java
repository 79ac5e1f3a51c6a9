package dev.drover.lb.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Snapshot;

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
    private volatile long endNs;

    /** @param name of the listener */
    public VirtualServer(String name, int lanes) {
        this.name = name;
        counters = new CounterSet<>(Counter.class, lanes);
        outcomes = new CounterSet<>(Outcome.class, lanes);
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
        policy.publish(next);
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
