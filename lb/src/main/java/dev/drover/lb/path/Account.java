package dev.drover.lb.path;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Keeps account of the requests of one client connection, or stream, one at a time: counters by how they end, times of
 * pool and target, the lane's journal, the access log of the listener. Each request that was begun ends here, once.
 */
final class Account {
    private final LbLane lane;
    private final VirtualServer server;
    private final InetSocketAddress client;
    private final boolean secure;
    private final boolean http2;
    private @Nullable Transaction open;
    private @Nullable Pool pool;
    private @Nullable Target target;

    Account(LbLane lane, VirtualServer server, Caller caller, boolean http2) {
        this.lane = lane;
        this.server = server;
        this.http2 = http2;
        client = caller.client();
        secure = caller.tls() != null;
    }

    /** Of something that nobody keeps account of: nothing ever begins there. */
    static Account unkept(LbLane lane, VirtualServer server) {
        InetSocketAddress nobody = new InetSocketAddress(0);
        return new Account(lane, server, new Caller(nobody, nobody, null, false), false);
    }

    /** A request whose head is there. */
    void begin(RequestHead head, long startNs) {
        Transaction request = start(head.http10() ? Transaction.Spoken.HTTP_1_0 : spoken(), startNs);
        request.received(head.length());
        head.describe(request);
    }

    /** A connection of a byte stream. */
    void beginStream(long startNs) {
        start(Transaction.Spoken.TCP, startNs);
    }

    /** A UDP session. */
    void beginSession(long startNs) {
        start(Transaction.Spoken.UDP, startNs);
    }

    private Transaction.Spoken spoken() {
        return http2 ? Transaction.Spoken.HTTP_2 : Transaction.Spoken.HTTP_1_1;
    }

    private Transaction start(Transaction.Spoken spoken, long startNs) {
        Transaction request = lane.transaction();
        open = request;
        pool = null;
        target = null;
        request.begin(server.name(), client, spoken, secure, startNs);
        return request;
    }

    /** A request whose head cannot be read. */
    void beginUnread(long startNs) {
        start(spoken(), startNs);
    }

    /** Whether a request was begun and has not ended. */
    boolean open() {
        return open != null;
    }

    void routed(Pool to) {
        pool = to;
        if (open != null) {
            open.pool(to.name());
        }
    }

    void queued(long ns) {
        if (open != null && pool != null) {
            open.queued(ns);
            pool.latencies().record(lane, Timing.QUEUE, ns);
        }
    }

    /** @param pooled over a connection that was there already */
    void attempt(Target at, boolean pooled) {
        target = at;
        if (open != null) {
            open.attempt(at.address(), pooled);
        }
    }

    void connected(long ns) {
        if (open != null) {
            open.connected(ns);
            record(Timing.CONNECT, ns);
        }
    }

    void answered(int status, long ns) {
        if (open != null) {
            open.answered(status, ns);
            record(Timing.FIRST_BYTE, ns);
        }
    }

    private void record(Timing timing, long ns) {
        if (pool != null) {
            pool.latencies().record(lane, timing, ns);
        }
        if (target != null) {
            target.latencies().record(lane, timing, ns);
        }
    }

    void received(int bytes) {
        if (open != null) {
            open.received(bytes);
        }
    }

    void sent(int bytes) {
        if (open != null) {
            open.sent(bytes);
        }
    }

    /** Ends as what the client was given says; see {@link #end(Outcome, int)}. */
    void end(Outcome outcome) {
        end(outcome, 0);
    }

    /** @param status told to the client; 0 for none, or for that of the response */
    void end(Outcome outcome, int status) {
        Transaction done = open;
        if (done == null) {
            return;
        }
        open = null;
        long nowNs = System.nanoTime();
        lane.count(outcome);
        server.count(lane, outcome);
        done.end(outcome, status, nowNs);
        record(Timing.TOTAL, done.totalNs());
        pool = null;
        target = null;
        lane.close(done, server.policy());
    }
}
