package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a target: carries one request at a time for an {@link Exchange} of the same lane, and rests in the
 * target's pool in between. Reads and checks responses.
 */
final class HttpBack extends Timed implements Back, LbLane.Connecting, BodyScanner.Sink {
    private final LbLane lane;
    private final Target target;
    private final Inbox inbox = new Inbox();
    private final BodyScanner body;
    private @Nullable ChannelHandlerContext context;
    private @Nullable Exchange exchange;
    private boolean inBody;
    private boolean keepAlive;
    private boolean idle;
    private boolean reused;
    private boolean answered;
    /** A handshake is part of connecting: what goes wrong before is told by {@link #onConnect}. */
    private boolean connected;

    private boolean inputEnded;
    private boolean closeNotified;
    private long idleSinceNs;

    HttpBack(LbLane lane, Target target) {
        this.lane = lane;
        this.target = target;
        body = new BodyScanner(lane.trailers());
    }

    long idleSinceNs() {
        return idleSinceNs;
    }

    @Override
    public Target target() {
        return target;
    }

    @Override
    public boolean reused() {
        return reused;
    }

    @Override
    public boolean answered() {
        return answered;
    }

    boolean inputEnded() {
        return inputEnded;
    }

    Channel channel() {
        return context().channel();
    }

    private ChannelHandlerContext context() {
        if (context == null) {
            throw new IllegalStateException("upstream: no channel yet (expected: connected)");
        }
        return context;
    }

    @Override
    public void attach(Exchange owner) {
        exchange = owner;
        idle = false;
        answered = false;
        inBody = false;
        deadlineNs = NEVER;
    }

    @Override
    public void abandon() {
        exchange = null;
        closeNow();
    }

    @Override
    public void write(ByteBuf bytes) {
        // The unsafe's promise keeps quiet: what a failed write means is told by the reading side.
        ChannelHandlerContext ctx = context();
        ctx.write(bytes, ctx.channel().unsafe().voidPromise());
    }

    @Override
    public ChannelFuture writeObserved(ByteBuf bytes) {
        return context().write(bytes);
    }

    @Override
    public void flush() {
        context().flush();
    }

    @Override
    public boolean isWritable() {
        return context().channel().isWritable();
    }

    @Override
    public void read(boolean on) {
        if (context != null) {
            context.channel().config().setAutoRead(on);
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        lane.remove(this);
        inbox.clear();
    }

    @Override
    public void onConnect(@Nullable Throwable failure) {
        Exchange owner = exchange;
        if (failure != null) {
            exchange = null;
            if (owner != null) {
                target.connectFailed(lane);
                lane.count(Event.UPSTREAM_CONNECT_FAILED);
                owner.onBackFailed(this, Failure.CONNECT);
            }
            return;
        }
        connected = true;
        target.connected();
        lane.count(Event.UPSTREAM_CONNECTED);
        if (owner != null) {
            owner.onConnected();
        } else {
            closeNow();
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        if (exchange == null) {
            bytes.release();
            closeNow();
            return;
        }
        answered = true;
        if (inBody && inbox.isEmpty() && body.takesWhole(bytes)) {
            exchange.onResponseBody(bytes);
            if (body.ended()) {
                finish();
            }
            return;
        }
        inbox.add(ctx.alloc(), bytes);
        process();
    }

    private void process() {
        while (exchange != null && !inbox.isEmpty()) {
            if (inBody && body.takesWhole(inbox.present())) {
                exchange.onResponseBody(inbox.take());
                if (body.ended()) {
                    finish();
                }
            } else if (inBody) {
                BodyScanner.Result result = body.scan(inbox.present(), this);
                inbox.trim();
                if (result == BodyScanner.Result.MALFORMED) {
                    fail(Failure.INVALID);
                } else if (result == BodyScanner.Result.END) {
                    finish();
                }
            } else if (!readHead()) {
                return;
            }
        }
    }

    private boolean readHead() {
        int length = inbox.headLength();
        int limit = lane.limits().maxHeadBytes();
        if (length < 0 && inbox.length() < limit) {
            return false;
        }
        if (length < 0 || length > limit || exchange == null) {
            fail(Failure.INVALID);
            return false;
        }
        inbox.read(lane.scratch(), length);
        ResponseHead head = lane.responseHead();
        if (!head.parse(lane.scratch(), length)) {
            fail(Failure.INVALID);
            return false;
        }
        keepAlive = head.keepAlive();
        Exchange owner = exchange;
        if (head.informational()) {
            if (!owner.onInformational(head)) {
                fail(Failure.INVALID);
            }
            return exchange != null;
        }
        inBody = true;
        frame(head, owner);
        owner.onResponseHead(head);
        if (body.ended()) {
            finish();
        }
        return true;
    }

    /** RFC 9112 section 6.3. */
    private void frame(ResponseHead head, Exchange owner) {
        if (head.bodyless(owner.method())) {
            body.length(0);
        } else if (head.chunked()) {
            body.chunked(owner.bare());
        } else if (head.contentLength() < 0) {
            body.untilClose();
        } else {
            body.length(head.contentLength());
        }
    }

    @Override
    public void onTrailers(Fields trailers) {
        if (exchange != null) {
            exchange.onResponseTrailers(trailers);
        }
    }

    @Override
    public void onBody(ByteBuf piece) {
        if (exchange == null) {
            piece.release();
        } else {
            exchange.onResponseBody(piece);
        }
    }

    /** The response has ended: back to the pool, if the connection is good for another. */
    private void finish() {
        Exchange owner = exchange;
        if (owner == null) {
            return;
        }
        exchange = null;
        boolean clean = keepAlive && owner.requestComplete() && inbox.isEmpty() && !inputEnded;
        if (clean && channel().isActive() && target.offerIdle(lane, this)) {
            rest();
        } else {
            closeNow();
        }
        owner.onResponseEnd();
    }

    private void rest() {
        idle = true;
        reused = true;
        idleSinceNs = System.nanoTime();
        deadlineNs = idleSinceNs + lane.limits().pooledIdleNs();
        if (!channel().config().isAutoRead()) {
            read(true);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        if (exchange != null) {
            exchange.onResponseReadComplete();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (exchange != null && ctx.channel().isWritable()) {
            exchange.onUpstreamWritable();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof SslCloseCompletionEvent closed && closed.isSuccess()) {
            closeNotified = true;
        }
        if (Closing.inputEnded(event)) {
            onEnd();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        onEnd();
    }

    /** With TLS an end without close_notify may be somebody else's (RFC 8446 section 6.1). */
    private boolean cutShort() {
        return channel().pipeline().get(SslHandler.class) != null && !closeNotified;
    }

    private void onEnd() {
        if (!connected) {
            return;
        }
        inputEnded = true;
        if (exchange == null) {
            if (idle) {
                lane.count(Event.UPSTREAM_IDLE_CLOSED);
            }
            closeNow();
        } else if (inBody && body.endsWithConnection() && !cutShort()) {
            finish();
        } else {
            fail(Failure.CLOSED);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        lane.caught(cause);
        if (connected) {
            inputEnded = true;
            fail(Failure.CLOSED);
        }
    }

    private void fail(Failure failure) {
        Exchange owner = exchange;
        exchange = null;
        closeNow();
        if (owner != null) {
            owner.onBackFailed(this, failure);
        }
    }

    @Override
    void onDeadline(long nowNs) {
        closeNow();
    }

    @Override
    void onTargetGone(Target gone, boolean removed, long nowNs) {
        if (removed && gone == target && exchange != null) {
            exchange.onTargetRemoved(nowNs);
        }
    }

    @Override
    void closeNow() {
        if (idle) {
            idle = false;
            target.removeIdle(lane, this);
        }
        if (context != null) {
            context.close();
        }
    }

    @Override
    void shutDown() {
        exchange = null;
        closeNow();
    }

    /** Leaves the pipeline and gives away what was read beyond the response head; null when that is nothing. */
    @Nullable
    ByteBuf release(Relay relay) {
        exchange = null;
        ByteBuf rest = inbox.isEmpty() ? null : inbox.take();
        context().pipeline().replace(this, null, relay);
        return rest;
    }
}
