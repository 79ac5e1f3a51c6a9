package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import org.jspecify.annotations.Nullable;

/**
 * A client connection of an HTTP/1.1 listener: reads requests one after the other (those sent ahead wait in the inbox),
 * hands each to its {@link Exchange}, writes the responses. Runs on the lane the connection was given to, as does
 * everything it touches.
 */
final class HttpFront extends Timed implements Front, BodyScanner.Sink {
    private static final int MAX_LINGER_BYTES = 4 * 1024 * 1024;

    private enum Phase {
        /** Between requests, or in the head of one. */
        HEAD,
        /** In the body of a request that an exchange carries. */
        BODY,
        /** The request is complete, the response is not. */
        RESPONSE,
        /** The last response was written: waits for the client to close, so that none of it is lost to a reset. */
        LINGER,
        /** Given to a tunnel, or closed. */
        GONE
    }

    private final LbLane lane;
    private final VirtualServer server;
    private final Channel channel;
    private final Exchange exchange;
    private final Inbox inbox = new Inbox();
    private final BodyScanner body = new BodyScanner();
    private final Caller caller;
    private final Account account;
    private final long source;
    /** Those that held when the request under way began. */
    private ListenerLimits limits;

    private @Nullable Forwarded forwarded;
    private long sourceKey;
    private @Nullable HostCheck hostCheck;
    private Phase phase = Phase.HEAD;
    private boolean processing;
    private boolean upstreamReady = true;
    private boolean inputEnded;
    private boolean emptyLineSkipped;
    private boolean lingerFlushed;
    private long lingerBytes;
    /** When the first byte of the request under way was read. */
    private long startNs;

    private long limitNs = NEVER;
    private long graceNs = NEVER;
    private long requestEndNs = NEVER;
    private final BodyRate bodyRate = new BodyRate();
    private long endNs = NEVER;

    HttpFront(LbLane lane, VirtualServer server, Channel channel, Caller caller) {
        this.lane = lane;
        this.server = server;
        this.channel = channel;
        this.caller = caller;
        account = new Account(lane, server, caller, false);
        source = SourceKey.exact(caller.client());
        limits = server.policy().limits();
        exchange = new Exchange(this, lane, server);
    }

    @Override
    public ByteBufAllocator allocator() {
        return channel.alloc();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        lane.remove(this);
        inbox.clear();
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        forwarded = Forwarded.of(caller);
        sourceKey = SourceKey.of(caller.client());
        hostCheck = HostCheck.of(caller);
        server.opened(lane);
        lane.count(Event.CLIENT_CONNECTED);
        if (server.retired()) {
            endNs = server.endNs();
        }
        limit(limits.keepAliveNs());
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf bytes = (ByteBuf) message;
        if (phase == Phase.LINGER || phase == Phase.GONE) {
            lingerBytes += bytes.readableBytes();
            bytes.release();
            if (lingerBytes > MAX_LINGER_BYTES) {
                channel.close();
            }
            return;
        }
        if (phase == Phase.HEAD && inbox.isEmpty()) {
            limits = server.policy().limits();
            startNs = System.nanoTime();
            limitNs = startNs + limits.headTimeoutNs();
            requestEndNs = limits.requestNs() == 0 ? NEVER : startNs + limits.requestNs();
            applyLimits();
        }
        if (phase == Phase.BODY) {
            bodyRate.read(bytes.readableBytes());
        }
        if (phase == Phase.BODY && inbox.isEmpty() && body.takesWhole(bytes)) {
            exchange.requestBody(bytes);
            bodyProgress(body.ended());
        } else {
            inbox.add(ctx.alloc(), bytes);
            process();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        exchange.flush();
    }

    private void process() {
        if (processing) {
            return;
        }
        processing = true;
        while (!inbox.isEmpty() && (phase == Phase.HEAD && readHead() || phase == Phase.BODY && readBody())) {
            // Each step takes from the inbox, or says that it cannot.
        }
        processing = false;
        regulate();
        exchange.flush();
    }

    /** Reads while there is something to do with it; also while waiting, so that the client's end is noticed. */
    private void regulate() {
        boolean wanted = switch (phase) {
            case HEAD, LINGER -> true;
            case BODY -> upstreamReady;
            case RESPONSE -> inbox.isEmpty();
            case GONE -> channel.config().isAutoRead();
        };
        if (channel.config().isAutoRead() != wanted) {
            channel.config().setAutoRead(wanted);
        }
    }

    private boolean readHead() {
        byte first = inbox.peek();
        if (first == '\r' || first == '\n') {
            return skipEmptyLine();
        }
        if (!Ascii.token(first)) {
            refuse(400);
            return false;
        }
        int length = inbox.headLength();
        int max = limits.headBytes();
        if (length < 0 && inbox.length() < max) {
            return false;
        }
        if (length < 0 || length > max) {
            refuse(431);
            return false;
        }
        byte[] scratch = lane.scratch();
        inbox.read(scratch, length);
        RequestHead head = lane.requestHead();
        int status = head.parse(scratch, length, limits.lineBytes(), limits.headFields());
        if (status != 0) {
            refuse(status);
            return false;
        }
        ListenerPolicy policy = server.policy();
        if (policy.traceSample() >= 0) {
            head.ensureTrace(lane, policy.traceSample());
        }
        account.begin(head, startNs);
        long maxBody = limits.bodyBytes();
        if (maxBody > 0 && head.contentLength() > maxBody) {
            refuse(413);
            return false;
        }
        if (hostCheck != null && hostCheck.misdirected(head)) {
            refuse(421);
            return false;
        }
        long waitNs = server.takeTurn(source, limits);
        if (waitNs > 0) {
            return refuseForNow(head, waitNs);
        }
        begin(head);
        return true;
    }

    /** The source asks too often; the connection goes on where the request is all there. */
    private boolean refuseForNow(RequestHead head, long waitNs) {
        boolean goOn = !head.hasBody() && head.keepAlive() && mayGoOn();
        write(Refusal.of(429, !goOn, head.method() == Method.HEAD, Refusal.seconds(waitNs)));
        account.end(Outcome.RATE_LIMITED, 429);
        next(goOn);
        return goOn;
    }

    /** RFC 9112 section 2.2: an empty line before the request line is skipped; here it must be a whole one. */
    private boolean skipEmptyLine() {
        ByteBuf in = inbox.present();
        boolean other = in.getByte(in.readerIndex()) == '\n'
                || in.readableBytes() > 1 && in.getByte(in.readerIndex() + 1) != '\n';
        if (emptyLineSkipped || other) {
            refuse(400);
            return false;
        }
        if (in.readableBytes() < 2) {
            return false;
        }
        emptyLineSkipped = true;
        in.skipBytes(2);
        inbox.trim();
        return true;
    }

    private void begin(RequestHead head) {
        if (forwarded == null) {
            throw new IllegalStateException("client: not connected (expected: channelActive before reads)");
        }
        upstreamReady = true;
        emptyLineSkipped = false;
        if (head.chunked()) {
            body.chunked(false);
        } else {
            body.length(Math.max(0, head.contentLength()));
        }
        if (head.hasBody()) {
            phase = Phase.BODY;
            bodyRate.begin(limits, System.nanoTime());
            limit(limits.bodyTimeoutNs());
        } else {
            phase = Phase.RESPONSE;
            limitNs = NEVER;
            applyLimits();
        }
        exchange.begin(head, head.rewrite(channel.alloc(), forwarded));
    }

    private boolean readBody() {
        BodyScanner.Result result = body.scan(inbox.present(), this);
        inbox.trim();
        if (phase != Phase.BODY) {
            return phase == Phase.HEAD;
        }
        long maxBody = limits.bodyBytes();
        if (result == BodyScanner.Result.MALFORMED) {
            breakOff(400);
            return false;
        }
        if (maxBody > 0 && body.bodyBytes() > maxBody) {
            breakOff(413);
            return false;
        }
        bodyProgress(result == BodyScanner.Result.END);
        return true;
    }

    private void bodyProgress(boolean complete) {
        if (phase != Phase.BODY) {
            return;
        }
        if (complete) {
            phase = Phase.RESPONSE;
            bodyRate.end();
            exchange.requestEnd();
        } else {
            limit(limits.bodyTimeoutNs());
        }
    }

    @Override
    public void onBody(ByteBuf piece) {
        if (phase == Phase.BODY) {
            exchange.requestBody(piece);
        } else {
            piece.release();
        }
    }

    /** The request under way cannot be read on. */
    private void breakOff(int status) {
        boolean started = exchange.responseStarted();
        exchange.abort();
        if (started) {
            account.end(Refusal.outcome(status));
            cut(false);
        } else {
            refuse(status);
        }
    }

    /** Answers a request that is no part of an exchange (any more), and closes. */
    private void refuse(int status) {
        if (!account.open()) {
            account.beginUnread(startNs);
        }
        write(Refusal.of(status, true, false));
        account.end(Refusal.outcome(status), status);
        linger();
    }

    // What the exchange calls.

    @Override
    public Account account() {
        return account;
    }

    @Override
    public long sourceKey() {
        return sourceKey;
    }

    @Override
    public boolean secure() {
        return caller.tls() != null;
    }

    @Override
    public boolean bare() {
        return false;
    }

    @Override
    public void head(ResponseHead head, ResponseHead.Persistence persistence, boolean chunked) {
        write(head.rewrite(channel.alloc(), persistence, chunked));
    }

    @Override
    public void trailers(Fields trailers) {
        throw new IllegalStateException("trailers: apart (expected: in chunks)");
    }

    @Override
    public void write(ByteBuf bytes) {
        // Quiet: a failed write closes the channel, and channelInactive ends the exchange.
        account.sent(bytes.readableBytes());
        channel.write(bytes, channel.unsafe().voidPromise());
    }

    @Override
    public void flush() {
        channel.flush();
    }

    @Override
    public boolean isWritable() {
        return channel.isWritable();
    }

    @Override
    public boolean mayGoOn() {
        return !server.retired() && !(inputEnded && inbox.isEmpty());
    }

    @Override
    public void upstreamReady(boolean ready) {
        if (upstreamReady != ready) {
            upstreamReady = ready;
            if (!ready) {
                bodyRate.held();
            }
            if (phase == Phase.BODY) {
                limit(ready ? limits.bodyTimeoutNs() : limits.firstByteNs());
            }
            if (!processing) {
                regulate();
            }
        }
    }

    @Override
    public void awaitResponse() {
        limit(inputEnded ? lane.limits().halfClosedNs() : limits.firstByteNs());
    }

    @Override
    public void streaming() {
        graceNs = NEVER;
        if (phase == Phase.RESPONSE) {
            limit(limits.responseIdleNs());
        } else {
            applyLimits();
        }
    }

    @Override
    public void graceUntil(long atNs) {
        graceNs = atNs;
        applyLimits();
    }

    @Override
    public void onExchangeEnd(Outcome outcome, boolean goOn) {
        account.end(outcome);
        next(goOn);
    }

    @Override
    public void onGivenUp(Outcome outcome) {
        int status = Refusal.status(outcome);
        boolean goOn = exchange.requestComplete() && exchange.keepAlive() && mayGoOn();
        write(Refusal.of(status, !goOn, exchange.method() == Method.HEAD));
        account.end(outcome, status);
        next(goOn);
    }

    @Override
    public void onTruncated(boolean framed) {
        account.end(Outcome.RESPONSE_TRUNCATED);
        cut(framed);
    }

    @Override
    public void tunnel(HttpBack back) {
        phase = Phase.GONE;
        Tunnel tunnel = new Tunnel(lane, server, back.target(), account, Outcome.UPGRADED, channel, back.channel());
        ByteBuf fromClient = inbox.isEmpty() ? null : inbox.take();
        boolean targetEnded = back.inputEnded();
        ByteBuf fromTarget = back.release(tunnel.upstream());
        channel.pipeline().replace(this, null, tunnel.client());
        tunnel.start(fromClient, fromTarget, inputEnded, targetEnded);
    }

    private void next(boolean goOn) {
        graceNs = NEVER;
        flush();
        if (!goOn || phase == Phase.GONE) {
            linger();
            return;
        }
        phase = Phase.HEAD;
        limits = server.policy().limits();
        startNs = System.nanoTime();
        boolean more = !inbox.isEmpty();
        limitNs = startNs + (more ? limits.headTimeoutNs() : limits.keepAliveNs());
        requestEndNs = more && limits.requestNs() > 0 ? startNs + limits.requestNs() : NEVER;
        applyLimits();
        if (inputEnded && inbox.isEmpty()) {
            linger();
        } else {
            process();
        }
    }

    // Ends.

    /** Ends the output behind what was written, then waits for the client's end. */
    private void linger() {
        if (phase == Phase.LINGER || phase == Phase.GONE) {
            return;
        }
        phase = Phase.LINGER;
        inbox.clear();
        graceNs = NEVER;
        requestEndNs = NEVER;
        bodyRate.end();
        limit(limits.responseIdleNs());
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> {
            lingerFlushed = true;
            if (inputEnded || !written.isSuccess()) {
                channel.close();
            } else {
                Closing.endOutputAndClose(channel);
                limit(lane.limits().lingerNs());
            }
        });
        regulate();
    }

    /** Cuts the connection: what was sent is not complete, and must not look so. */
    private void cut(boolean framed) {
        phase = Phase.GONE;
        if (framed) {
            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> channel.close());
        } else {
            Closing.reset(channel);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (!Closing.inputEnded(event) || inputEnded) {
            return;
        }
        inputEnded = true;
        switch (phase) {
            case HEAD -> linger();
            case LINGER -> {
                if (lingerFlushed) {
                    channel.close();
                }
            }
            case GONE -> {}
            case BODY -> {
                exchange.abort();
                account.end(Outcome.CLIENT_ABORT);
                phase = Phase.GONE;
                channel.close();
            }
            case RESPONSE -> {
                // The client may have closed its sending half only, and wait for the response; a client that is gone
                // for good looks the same until something is written to it.
                if (exchange.waiting()) {
                    awaitResponse();
                }
            }
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        server.closed(lane);
        if (phase == Phase.BODY || phase == Phase.RESPONSE) {
            exchange.abort();
            account.end(Outcome.CLIENT_ABORT);
        }
        phase = Phase.GONE;
        inbox.clear();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        lane.caught(cause);
        channel.close();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (channel.isWritable()) {
            exchange.onClientWritable();
        }
    }

    // Time limits.

    private void limit(long fromNowNs) {
        limitNs = System.nanoTime() + fromNowNs;
        applyLimits();
    }

    private void applyLimits() {
        deadlineNs = Math.min(Math.min(limitNs, requestEndNs), Math.min(Math.min(graceNs, endNs), bodyRate.lookAtNs()));
    }

    @Override
    void onDeadline(long nowNs) {
        if (endNs != NEVER && endNs - nowNs <= 0) {
            channel.close();
            return;
        }
        if (graceNs != NEVER && graceNs - nowNs <= 0) {
            graceNs = NEVER;
            exchange.onGraceEnd();
        }
        if (phase == Phase.BODY && bodyRate.tooSlow(nowNs)) {
            breakOff(408);
        }
        if (requestEndNs != NEVER && requestEndNs - nowNs <= 0) {
            requestEndNs = NEVER;
            onRequestEnd();
        }
        if (limitNs != NEVER && limitNs - nowNs <= 0) {
            limitNs = NEVER;
            onLimit();
        }
        applyLimits();
    }

    /** The request as a whole has taken too long. */
    private void onRequestEnd() {
        switch (phase) {
            case HEAD -> refuse(408);
            case BODY -> {
                if (upstreamReady) {
                    breakOff(408);
                } else {
                    exchange.onDeadline();
                }
            }
            case RESPONSE -> exchange.onDeadline();
            case LINGER, GONE -> {}
        }
    }

    private void onLimit() {
        switch (phase) {
            case HEAD -> {
                if (inbox.isEmpty()) {
                    linger();
                } else {
                    refuse(408);
                }
            }
            case BODY -> {
                if (upstreamReady) {
                    breakOff(408);
                } else {
                    exchange.onTimeout();
                }
            }
            case RESPONSE -> exchange.onTimeout();
            case LINGER, GONE -> channel.close();
        }
    }

    @Override
    void onServerRetired(VirtualServer retired, long atNs) {
        if (retired == server) {
            endNs = atNs;
            applyLimits();
        }
    }

    @Override
    void closeNow() {
        channel.close();
    }
}
