package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A client connection of a TCP listener until it has a target: each is tried once at most. Then a {@link Tunnel} takes
 * over. The client is not read before; what comes in all the same (its end may) is kept and passed on.
 */
final class TcpFront extends Timed implements WaitingRoom.Waiter {
    private static final long LOOK_AGAIN_NS = 50_000_000;

    private final LbLane lane;
    private final VirtualServer server;
    private final Channel client;
    private final Selection selection;
    private final long sourceKey;
    private final Inbox early = new Inbox();
    private @Nullable Target target;
    private @Nullable Channel connecting;
    private boolean inputEnded;
    private final Caller caller;
    private final @Nullable ProxyGreeting greeting;
    private final Account account;
    private final @Nullable Route route;
    private boolean ended;
    private boolean queued;
    private long queuedAtNs;
    private long queueEndNs;

    /**
     * @param greeting what the target gets before the first byte; null for nothing
     * @param route that the connection takes; null for the one that is for all
     */
    TcpFront(
            LbLane lane,
            VirtualServer server,
            Channel client,
            Caller caller,
            @Nullable ProxyGreeting greeting,
            @Nullable Route route) {
        this.route = route;
        this.lane = lane;
        this.server = server;
        this.client = client;
        this.caller = caller;
        this.greeting = greeting;
        sourceKey = SourceKey.of(caller.client());
        account = new Account(lane, server, caller, false);
        selection = new Selection(lane, server);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        lane.remove(this);
        early.clear();
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        server.opened(lane);
        lane.count(Event.CLIENT_CONNECTED);
        account.beginStream(System.nanoTime());
        Outcome nowhere = begin();
        if (nowhere != null) {
            end(nowhere);
            return;
        }
        account.routed(selection.pool());
        if (selection.pool().room().occupied(lane)) {
            queue();
        } else {
            attempt();
        }
    }

    private @Nullable Outcome begin() {
        if (route == null) {
            return selection.begin(sourceKey);
        }
        selection.begin(route, sourceKey);
        return null;
    }

    private void attempt() {
        Target next = selection.next();
        if (next != null) {
            attempt(next);
        } else if (selection.mayWait()) {
            queue();
        } else {
            end(selection.triedNone() ? Outcome.NO_TARGET : Outcome.CONNECT_FAILED);
        }
    }

    /** Waits for room at a target. */
    private void queue() {
        PoolPolicy policy = selection.policy();
        if (!selection.pool().room().enter(lane, this, policy.maxQueued())) {
            end(Outcome.OVERLOADED);
            return;
        }
        lane.count(Event.QUEUED);
        queued = true;
        queuedAtNs = System.nanoTime();
        queueEndNs = queuedAtNs + policy.queueNs();
        deadlineNs = Math.min(queueEndNs, queuedAtNs + LOOK_AGAIN_NS);
    }

    @Override
    public void onRoom() {
        Target next = selection.next();
        if (next != null) {
            leaveQueue();
            attempt(next);
        } else if (!selection.mayWait()) {
            end(Outcome.NO_TARGET);
        }
    }

    private void leaveQueue() {
        if (queued) {
            queued = false;
            deadlineNs = NEVER;
            account.queued(System.nanoTime() - queuedAtNs);
            selection.pool().room().leave(lane, this);
        }
    }

    private void attempt(Target next) {
        target = next;
        next.begin(lane);
        account.attempt(next, false);
        Upstream upstream = new Upstream();
        long atNs = System.nanoTime();
        LbLane.Connecting done = failure -> {
            if (failure == null) {
                account.connected(System.nanoTime() - atNs);
            }
            onConnect(next, upstream, failure);
        };
        InetAddress source = source(next);
        if (source == null) {
            lane.connect(next.address(), null, upstream, done);
        } else {
            lane.connectFrom(source, next.address(), upstream, done);
        }
    }

    /** Null for the one that the kernel chooses. */
    private @Nullable InetAddress source(Target of) {
        return selection.policy().clientAddress()
                ? SourceAddress.of(caller.client().getAddress(), of.address().getAddress())
                : null;
    }

    /** Holds the place of the relay while the connect is under way; nothing is read before. */
    private final class Upstream extends ChannelInboundHandlerAdapter {
        private @Nullable Channel channel;

        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            channel = ctx.channel();
            connecting = ctx.channel();
            ctx.channel().config().setAutoRead(false);
        }
    }

    private void onConnect(Target to, Upstream upstream, @Nullable Throwable failure) {
        connecting = null;
        if (ended) {
            if (upstream.channel != null) {
                upstream.channel.close();
            }
            return;
        }
        if (failure != null || upstream.channel == null) {
            target = null;
            to.end(lane);
            to.connectFailed(lane);
            lane.count(Event.UPSTREAM_CONNECT_FAILED);
            selection.failedAt(to);
            attempt();
            return;
        }
        to.connected();
        lane.count(Event.UPSTREAM_CONNECTED);
        ended = true;
        ByteBuf first = early.isEmpty() ? null : early.take();
        if (greeting != null) {
            first = greeted(greeting, first, upstream.channel);
        }
        Tunnel tunnel = new Tunnel(lane, server, to, account, Outcome.TUNNELLED, client, upstream.channel);
        upstream.channel.pipeline().replace(upstream, null, tunnel.upstream());
        client.pipeline().replace(this, null, tunnel.client());
        tunnel.start(first, null, inputEnded, false);
    }

    private ByteBuf greeted(ProxyGreeting by, @Nullable ByteBuf first, Channel upstream) {
        ByteBuf all = by.of(upstream.alloc(), caller);
        if (first != null) {
            all.writeBytes(first);
            first.release();
        }
        return all;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        early.add(ctx.alloc(), (ByteBuf) message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (Closing.inputEnded(event)) {
            inputEnded = true;
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        end(Outcome.CLIENT_ABORT);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        lane.caught(cause);
        end(Outcome.CLIENT_ABORT);
    }

    /** Ends without a target: the client sees a reset, as it would from a closed port. */
    private void end(Outcome outcome) {
        if (ended) {
            return;
        }
        ended = true;
        leaveQueue();
        account.end(outcome);
        server.closed(lane);
        if (target != null) {
            target.end(lane);
            target = null;
        }
        if (connecting != null) {
            connecting.close();
        }
        if (client.isOpen()) {
            Closing.reset(client);
        }
    }

    @Override
    void onDeadline(long nowNs) {
        if (queued && queueEndNs - nowNs > 0) {
            deadlineNs = Math.min(queueEndNs, nowNs + LOOK_AGAIN_NS);
            if (selection.pool().room().next(lane, this)) {
                onRoom();
            }
        } else {
            end(queued ? Outcome.OVERLOADED : Outcome.CLIENT_ABORT);
        }
    }

    @Override
    void closeNow() {
        end(Outcome.CLIENT_ABORT);
    }
}
