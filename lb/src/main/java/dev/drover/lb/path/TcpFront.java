package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import org.jspecify.annotations.Nullable;

/**
 * A client connection of a TCP listener until it has a target: each is tried once at most. Then a {@link Tunnel} takes
 * over. The client is not read before; what comes in all the same (its end may) is kept and passed on.
 */
final class TcpFront extends Timed {
    private final LbLane lane;
    private final Route route;
    private final Channel client;
    private final Tried tried = new Tried();
    private final Inbox early = new Inbox();
    private @Nullable Target target;
    private @Nullable Channel connecting;
    private boolean inputEnded;
    private boolean ended;

    TcpFront(LbLane lane, Route route, Channel client) {
        this.lane = lane;
        this.route = route;
        this.client = client;
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
        route.opened(lane);
        lane.count(Event.CLIENT_CONNECTED);
        attempt();
    }

    private void attempt() {
        Target next = route.pick(tried);
        if (next == null) {
            end(tried.isEmpty() ? Outcome.NO_TARGET : Outcome.CONNECT_FAILED);
            return;
        }
        target = next;
        next.begin(lane);
        Upstream upstream = new Upstream();
        lane.connect(next.address(), upstream, failure -> onConnect(next, upstream, failure));
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
            tried.add(to);
            attempt();
            return;
        }
        to.connected();
        lane.count(Event.UPSTREAM_CONNECTED);
        ended = true;
        ByteBuf first = early.isEmpty() ? null : early.take();
        Tunnel tunnel = new Tunnel(lane, route, to, Outcome.TUNNELLED, client, upstream.channel);
        upstream.channel.pipeline().replace(upstream, null, tunnel.upstream());
        client.pipeline().replace(this, null, tunnel.client());
        tunnel.start(first, null, inputEnded, false);
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
        lane.count(outcome);
        route.closed(lane);
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
        end(Outcome.CLIENT_ABORT);
    }

    @Override
    void closeNow() {
        end(Outcome.CLIENT_ABORT);
    }
}
