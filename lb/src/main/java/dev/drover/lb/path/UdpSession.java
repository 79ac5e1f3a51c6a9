package dev.drover.lb.path;

import dev.drover.dataplane.FdWatch;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What passes between one address and port of a client and one address of a UDP listener: the target it goes to, and a socket
 * connected to that target, whose port the target takes for the client. Touched by one lane's thread.
 */
final class UdpSession {
    static final int NO_SOCKET = -1;

    final long high;
    final long low;
    final int port;
    final long localHigh;
    final long localLow;
    final SocketName client;
    final VirtualServer server;
    /** Of the client's address, for choosing; see {@link SourceKey#of}. */
    final long sourceHash;

    @Nullable
    UdpSession older;

    @Nullable
    UdpSession newer;

    /** Time of the last datagram in either direction, {@link System#nanoTime()}. */
    long lastNs;
    /** When it must end; {@link Timed#NEVER} as long as its target takes work and its listener is there. */
    long endNs = Timed.NEVER;

    private final LbLane lane;
    private final Account account;
    private final long source;
    private @Nullable Target target;
    private @Nullable Pool pool;
    private int fd = NO_SOCKET;
    private @Nullable FdWatch watch;

    private final long startNs;
    private boolean removed;
    private long removedNs;
    private boolean waiting;
    private long askedNs;
    private boolean answered;
    private long requests;
    private long responses;

    /**
     * @param low as {@link SocketName#low(long)} tells it, like the other halves
     * @param localLow 0, as the other half, when the listener has only one address
     * @param client name that its datagrams came with
     * @param from the same, for those who are told of the session
     * @param to where the client sent them
     * @param source see {@link SourceKey#exact}; the listener has counted a session of it
     */
    UdpSession(
            long high,
            long low,
            int port,
            long localHigh,
            long localLow,
            SocketName client,
            InetSocketAddress from,
            InetSocketAddress to,
            LbLane lane,
            VirtualServer server,
            long source,
            long startNs) {
        this.high = high;
        this.low = low;
        this.port = port;
        this.localHigh = localHigh;
        this.localLow = localLow;
        this.client = client;
        this.lane = lane;
        this.server = server;
        this.source = source;
        sourceHash = SourceKey.of(from);
        account = new Account(lane, server, new Caller(from, to, null, false), false);
        this.startNs = startNs;
        lastNs = startNs;
    }

    boolean is(long thatHigh, long thatLow, int thatPort, long thatLocalHigh, long thatLocalLow) {
        return low == thatLow
                && port == thatPort
                && high == thatHigh
                && localLow == thatLocalLow
                && localHigh == thatLocalHigh;
    }

    /** Null while there is none that takes its datagrams. */
    @Nullable
    Target target() {
        return target;
    }

    int fd() {
        return fd;
    }

    /** Goes to {@code to} from now on; takes over the socket and its watch. */
    void attach(Pool of, Target to, int socket, FdWatch watching) {
        if (!account.open()) {
            account.beginSession(startNs);
        }
        account.routed(of);
        account.attempt(to, false);
        pool = of;
        target = to;
        fd = socket;
        watch = watching;
        removed = false;
        waiting = false;
        endNs = server.retired() ? endNs : Timed.NEVER;
        to.begin(lane);
    }

    /** Leaves its target, if it has one. */
    void detach() {
        Target from = target;
        if (from == null || watch == null) {
            return;
        }
        watch.stop();
        Sys.close(fd);
        fd = NO_SOCKET;
        watch = null;
        target = null;
        from.end(lane);
    }

    /** Its target takes no new work, or is not well. */
    void onTargetGone(boolean left, long nowNs, long drainNs) {
        Target at = target;
        if (at == null || pool == null) {
            return;
        }
        if (!at.accepting()) {
            endNs = Math.min(endNs, nowNs + drainNs);
            removed |= left;
            removedNs = nowNs;
        } else if (!pool.targets().active().contains(at)) {
            // Nothing says that what is sent there arrives: the next datagram goes elsewhere.
            detach();
        }
    }

    /** Whether its target left the configuration and has said nothing since, for longer than {@code graceNs}. */
    boolean forsaken(long nowNs, long graceNs) {
        return removed && nowNs - removedNs > graceNs;
    }

    /** {@code count} datagrams went to the target. */
    void onRequests(int count, int bytes, long nowNs) {
        requests += count;
        account.received(bytes);
        if (!waiting) {
            waiting = true;
            askedNs = nowNs;
        }
    }

    /** {@code count} datagrams came from the target. */
    void onResponses(int count, long nowNs) {
        responses += count;
        removed = false;
        Target from = target;
        if (from == null || pool == null) {
            return;
        }
        from.connected();
        from.answered();
        if (!answered) {
            answered = true;
            account.answered(0, nowNs - startNs);
        }
        if (waiting) {
            waiting = false;
            if (pool.policy().latencies()) {
                from.observe(nowNs - askedNs, nowNs);
            }
        }
    }

    /** The client got {@code bytes} of them. */
    void onReplied(int bytes) {
        account.sent(bytes);
    }

    /** Goes on for longer when its target takes work again. */
    void stayIfWelcome() {
        if (target == null || target.accepting()) {
            endNs = Timed.NEVER;
        }
    }

    /** Gives back what it held of its target and its listener; once. */
    void end() {
        boolean served = target != null || answered;
        detach();
        account.end(served ? Outcome.TUNNELLED : Outcome.CONNECT_FAILED);
        server.closed(lane);
        server.sessionEnded(source);
    }

    /** Whether its client has asked more often than it was answered. */
    boolean owed() {
        return requests > responses;
    }

    /** Whether every datagram of the client has been answered by {@code perRequest}; 0 is not known. */
    boolean complete(int perRequest) {
        return perRequest > 0 && responses >= requests * perRequest;
    }
}
