package dev.drover.lb.path;

import dev.drover.dataplane.FdWatch;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.RelayBatch;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * One socket of a UDP listener and the sessions of the clients whose datagrams the kernel gives to it. Datagrams come by
 * batches and leave from where they lie; on the way of a session that exists nothing is allocated.
 *
 * <pre>
 *  client ──► socket ──► session by (client, local address) ──► its own connected socket ──► target
 *         ◄── from the address the client sent to ◄──────────────────────────────────────────┘
 * </pre>
 *
 * The public methods run on any thread but the lanes', the others on the lane's.
 */
public final class UdpFront extends Timed {
    /** Sessions of a socket that is read no more wait so long for an answer they are owed. */
    private static final long LAST_ANSWER_NS = 2_000_000_000L;
    /** They end after so long a silence, when as many answers have come as there were questions. */
    private static final long LAST_SILENCE_NS = 200_000_000L;
    /** At the latest between two looks at the sessions, since policies change. */
    private static final long LOOK_NS = 1_000_000_000L;
    /** Most batches that are relayed before reading ends, of a socket that does not get empty. */
    private static final int LAST_BATCHES = 64;

    private final Lanes lanes;
    private final LbLane lane;
    private final UdpSocket socket;
    private final @Nullable InetAddress address;
    private final UdpSessions sessions = new UdpSessions();
    private final UdpConnector connector;
    private @Nullable DatagramBuffers buffers;
    private @Nullable FdWatch watch;
    /** The first time at which a session must end that is not just silent. */
    private long firstEndNs = NEVER;

    private boolean retired;
    private long retiredEndNs;
    private volatile boolean ended;
    private volatile @Nullable VirtualServer server;

    /**
     * @param socket taken over
     * @param address it is bound to; null for every address of the host
     */
    public UdpFront(Lanes lanes, LbLane lane, UdpSocket socket, @Nullable InetAddress address) {
        this.lanes = lanes;
        this.lane = lane;
        this.socket = socket;
        this.address = address;
        connector = new UdpConnector(lanes, lane);
    }

    /** New sessions are of {@code to}; null refuses them. */
    public void lead(@Nullable VirtualServer to) {
        server = to;
    }

    /** Begins to read. */
    public void start() {
        lane.loop().submit(this::onStart).syncUninterruptibly();
    }

    private void onStart() {
        if (watch == null && !retired) {
            buffers = lane.enterDatagrams();
            watch = FdWatch.start(lanes, lane.index(), socket.fd(), this::onReadable);
        }
    }

    /**
     * Relays what has come in and reads no more; the socket stays open for the answers of its sessions, for {@code drainNs}
     * at most.
     */
    public void retire(long drainNs) {
        if (!lane.loop().isShuttingDown()) {
            lane.loop().submit(() -> onRetire(drainNs)).syncUninterruptibly();
        }
    }

    /** Ends every session and closes the socket. */
    public void close() {
        if (!lane.loop().isShuttingDown()) {
            lane.loop().submit(this::closeNow).syncUninterruptibly();
        }
    }

    /** Whether the socket has been closed. */
    public boolean ended() {
        return ended;
    }

    /** Datagrams that the kernel threw away because the queue of the socket was full. */
    public long overflows() {
        return ended ? 0 : socket.overflows();
    }

    private void onReadable() {
        readBatch();
    }

    private int readBatch() {
        VirtualServer to = server;
        if (buffers == null) {
            return 0;
        }
        int count = buffers.batch().receive(socket.fd());
        if (count < 0) {
            if (count != -Sys.EAGAIN && count != -Sys.EINTR && to != null) {
                to.count(lane, DatagramDrop.IO_ERROR, 1);
            }
            return count;
        }
        try {
            relay(buffers.batch(), count, to, System.nanoTime());
        } catch (RuntimeException e) {
            lane.caught(e);
        }
        return count;
    }

    /** Datagrams of one session that lie beside each other leave by one call. */
    private void relay(RelayBatch batch, int count, @Nullable VirtualServer to, long nowNs) {
        int from = 0;
        while (from < count) {
            UdpSession session = session(batch, from, to, nowNs);
            int until = from + 1;
            while (session != null && until < count && belongs(batch, until, session)) {
                until++;
            }
            if (session != null) {
                forward(batch, session, from, until, nowNs);
            }
            from = until;
        }
    }

    private static boolean belongs(RelayBatch batch, int slot, UdpSession session) {
        long name = batch.name(slot);
        return session.is(
                SocketName.high(name),
                SocketName.low(name),
                SocketName.port(name),
                batch.localHigh(slot),
                batch.localLow(slot));
    }

    private @Nullable UdpSession session(RelayBatch batch, int slot, @Nullable VirtualServer to, long nowNs) {
        long name = batch.name(slot);
        long localHigh = batch.localHigh(slot);
        long localLow = batch.localLow(slot);
        UdpSession known =
                sessions.find(SocketName.high(name), SocketName.low(name), SocketName.port(name), localHigh, localLow);
        if (known != null) {
            sessions.touch(known, nowNs);
            return known;
        }
        return to == null ? null : open(name, localHigh, localLow, to, nowNs);
    }

    /** Begins a session; null, and counted, when there may be none. */
    private @Nullable UdpSession open(long name, long localHigh, long localLow, VirtualServer to, long nowNs) {
        int port = SocketName.port(name);
        long source = SourceKey.exact(SocketName.high(name), SocketName.low(name));
        DatagramDrop refusal = port == 0
                ? DatagramDrop.NO_PORT
                : to.admitSession(source, to.policy().sessions());
        if (refusal != null) {
            to.count(lane, refusal, 1);
            return null;
        }
        SocketName client = SocketName.read(name);
        UdpSession session = new UdpSession(
                SocketName.high(name),
                SocketName.low(name),
                port,
                localHigh,
                localLow,
                client,
                new InetSocketAddress(client.address(), port),
                new InetSocketAddress(
                        address == null ? SocketName.address(localHigh, localLow) : address, socket.port()),
                lane,
                to,
                source,
                nowNs);
        refusal = connect(session, true);
        if (refusal != null) {
            to.sessionEnded(source);
            to.count(lane, refusal, 1);
            return null;
        }
        to.opened(lane);
        lane.count(Event.CLIENT_CONNECTED);
        sessions.add(session);
        if (sessions.count() == 1) {
            lane.add(this);
            deadlineNs = nowNs + LOOK_NS;
        }
        return session;
    }

    private @Nullable DatagramDrop connect(UdpSession session, boolean anew) {
        if (buffers == null) {
            throw new IllegalStateException("udp: no buffers (expected: started)");
        }
        return connector.connect(session, anew, buffers.name(), () -> onReplies(session));
    }

    /** Sends the datagrams of the slots to the target of their session, or to another when it refuses. */
    private void forward(RelayBatch batch, UdpSession session, int from, int until, long nowNs) {
        if (session.forsaken(nowNs, lane.limits().removedGraceNs())) {
            session.detach();
        }
        boolean anew = true;
        int at = from;
        while (at < until) {
            if (session.target() == null) {
                DatagramDrop refusal = connect(session, anew);
                anew = false;
                if (refusal != null) {
                    session.server.count(lane, refusal, until - at);
                    return;
                }
            }
            int sent = batch.sendConnected(session.fd(), at, until);
            if (sent > 0) {
                onSent(batch, session, at, at + sent, nowNs);
                at += sent;
            } else if (UdpConnector.speaksAgainstTarget(-sent)) {
                connector.failed(session, anew);
                anew = false;
            } else if (sent != -Sys.EINTR) {
                boolean full = sent == -Sys.EAGAIN || sent == -Sys.ENOBUFS;
                session.server.count(lane, full ? DatagramDrop.TARGET_QUEUE_FULL : DatagramDrop.IO_ERROR, 1);
                at++;
            }
        }
    }

    private void onSent(RelayBatch batch, UdpSession session, int from, int until, long nowNs) {
        int bytes = 0;
        for (int i = from; i < until; i++) {
            bytes += batch.length(i);
        }
        session.onRequests(until - from, bytes, nowNs);
        session.server.count(lane, DatagramCounter.RECEIVED, until - from);
        session.server.count(lane, DatagramCounter.RECEIVED_BYTES, bytes);
    }

    private void onReplies(UdpSession session) {
        try {
            if (buffers != null && session.target() != null) {
                relayReplies(buffers.batch(), session);
            }
        } catch (RuntimeException e) {
            lane.caught(e);
        }
    }

    private void relayReplies(RelayBatch batch, UdpSession session) {
        int count = batch.receive(session.fd());
        if (count < 0) {
            if (UdpConnector.speaksAgainstTarget(-count)) {
                connector.failed(session, true);
            } else if (count != -Sys.EAGAIN && count != -Sys.EINTR) {
                session.server.count(lane, DatagramDrop.IO_ERROR, 1);
            }
            return;
        }
        long nowNs = System.nanoTime();
        sessions.touch(session, nowNs);
        session.onResponses(count, nowNs);
        for (int i = 0; i < count; i++) {
            batch.address(i, session.client, socket.v4(), session.localHigh, session.localLow);
        }
        int at = 0;
        while (at < count) {
            int sent = batch.sendTo(socket.fd(), at, count);
            if (sent > 0) {
                onReplied(batch, session, at, at + sent);
                at += sent;
            } else if (sent != -Sys.EINTR) {
                boolean full = sent == -Sys.EAGAIN || sent == -Sys.ENOBUFS;
                session.server.count(lane, full ? DatagramDrop.CLIENT_QUEUE_FULL : DatagramDrop.IO_ERROR, 1);
                at++;
            }
        }
        if (session.complete(policy(session).responses())) {
            end(session);
        }
    }

    private void onReplied(RelayBatch batch, UdpSession session, int from, int until) {
        int bytes = 0;
        for (int i = from; i < until; i++) {
            bytes += batch.length(i);
        }
        session.onReplied(bytes);
        session.server.count(lane, DatagramCounter.SENT, until - from);
        session.server.count(lane, DatagramCounter.SENT_BYTES, bytes);
    }

    private static SessionPolicy policy(UdpSession session) {
        return session.server.policy().sessions();
    }

    private void end(UdpSession session) {
        sessions.remove(session);
        session.end();
        if (sessions.count() == 0) {
            lane.remove(this);
            firstEndNs = NEVER;
            if (retired) {
                closeSocket();
            }
        }
    }

    @Override
    void onDeadline(long nowNs) {
        for (UdpSession oldest = sessions.oldest();
                oldest != null && nowNs - oldest.lastNs >= policy(oldest).idleNs();
                oldest = sessions.oldest()) {
            end(oldest);
        }
        if (firstEndNs != NEVER && firstEndNs - nowNs <= 0) {
            firstEndNs = NEVER;
            sessions.each(session -> endOnTime(session, nowNs));
        }
        UdpSession oldest = sessions.oldest();
        if (oldest != null) {
            deadlineNs =
                    Math.min(nowNs + LOOK_NS, oldest.lastNs + policy(oldest).idleNs());
            deadlineNs = firstEndNs == NEVER ? deadlineNs : Math.min(deadlineNs, firstEndNs);
        }
    }

    private void endOnTime(UdpSession session, long nowNs) {
        if (retired) {
            session.endNs = lastNs(session);
        } else if (!session.server.retired()) {
            session.stayIfWelcome();
        }
        if (session.endNs != NEVER && session.endNs - nowNs <= 0) {
            end(session);
        } else {
            note(session);
        }
    }

    /** How long a session is kept whose client is heard no more. */
    private long lastNs(UdpSession session) {
        return Math.min(retiredEndNs, session.lastNs + (session.owed() ? LAST_ANSWER_NS : LAST_SILENCE_NS));
    }

    /** It may have got another end. */
    private void note(UdpSession session) {
        if (session.endNs != NEVER) {
            firstEndNs = Math.min(firstEndNs, session.endNs);
            deadlineNs = Math.min(deadlineNs, firstEndNs);
        }
    }

    @Override
    void onTargetGone(Target target, boolean removed, long nowNs) {
        sessions.each(session -> {
            if (target.equals(session.target())) {
                session.onTargetGone(removed, nowNs, policy(session).drainNs());
                note(session);
            }
        });
    }

    @Override
    void onServerRetired(VirtualServer gone, long endNs) {
        sessions.each(session -> {
            if (session.server.equals(gone)) {
                session.endNs = Math.min(session.endNs, endNs);
                note(session);
            }
        });
    }

    private void onRetire(long drainNs) {
        if (ended || retired) {
            return;
        }
        int left = LAST_BATCHES;
        while (watch != null && left-- > 0 && readBatch() > 0) {
            // each relays what it has read
        }
        retired = true;
        stopReading();
        retiredEndNs = System.nanoTime() + drainNs;
        sessions.each(session -> {
            session.endNs = lastNs(session);
            note(session);
        });
        if (sessions.count() == 0) {
            closeSocket();
        }
    }

    private void stopReading() {
        if (watch != null) {
            watch.stop();
            watch = null;
        }
    }

    @Override
    void closeNow() {
        if (ended) {
            return;
        }
        retired = true;
        stopReading();
        sessions.each(this::end);
        if (!ended) {
            closeSocket();
        }
    }

    private void closeSocket() {
        ended = true;
        lanes.sockets().close(socket);
        if (buffers != null) {
            buffers = null;
            lane.leaveDatagrams();
        }
    }
}
