package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import org.jspecify.annotations.Nullable;

/**
 * One request of a client of HTTP/2, and its response. The client may send as much of the body as its window allows;
 * the window opens again as the target takes it.
 */
final class H2FrontStream extends Timed implements Front {
    private static final byte[] LAST_CHUNK = Ascii.bytes("0\r\n\r\n");

    private enum Phase {
        /** In the body of a request that an exchange carries. */
        BODY,
        /** The request is complete, the response is not. */
        RESPONSE,
        /** Nothing more comes from the exchange. */
        DONE
    }

    private final H2Front connection;
    private final LbLane lane;
    private final Http2Stream frames;
    private final Exchange exchange;
    private final Account account;
    private final ListenerLimits limits;
    private final long startNs;
    private final long requestEndNs;
    private final BodyRate bodyRate = new BodyRate();
    private Phase phase = Phase.DONE;
    private boolean chunked;
    private boolean upstreamReady = true;
    private boolean toFlush;
    private int unconsumed;
    private long bodyBytes;
    private long limitNs = NEVER;
    private long graceNs = NEVER;
    /** Held back until it is known whether the response ends with it. */
    private @Nullable Http2Headers head;

    private @Nullable ByteBuf last;
    /** The end of the response, once it was written. */
    private @Nullable ChannelFuture ended;

    /** @param startNs when its head was read */
    H2FrontStream(H2Front connection, Http2Stream frames, ListenerLimits limits, long startNs) {
        this.connection = connection;
        this.frames = frames;
        this.limits = limits;
        this.startNs = startNs;
        requestEndNs = limits.requestNs() == 0 ? NEVER : startNs + limits.requestNs();
        lane = connection.lane();
        account = new Account(lane, connection.server(), connection.caller(), true);
        exchange = new Exchange(this, lane, connection.server());
    }

    int id() {
        return frames.id();
    }

    /** @param body whether DATA or trailers follow */
    void begin(RequestHead request, boolean body) {
        chunked = request.chunked();
        // With Content-Length: 0 the end comes by itself.
        if (body && request.hasBody()) {
            phase = Phase.BODY;
            if (!chunked) {
                // Streams without a known length, as those of gRPC, may say nothing for a while.
                bodyRate.begin(limits, System.nanoTime());
            }
            limit(limits.bodyTimeoutNs());
        } else {
            phase = Phase.RESPONSE;
            applyLimits();
        }
        exchange.begin(request, request.rewrite(allocator(), connection.forwarded()));
        flushLater();
    }

    private void flushLater() {
        if (!toFlush) {
            toFlush = true;
            connection.flushLater(this);
        }
    }

    void flushRequest() {
        toFlush = false;
        if (phase != Phase.DONE) {
            exchange.flush();
        }
    }

    /** Returns how much of the window may be opened again at once. */
    int onData(ByteBuf data, int padding, boolean ends) {
        int length = data.readableBytes();
        if (phase != Phase.BODY) {
            return length + padding;
        }
        bodyBytes += length;
        bodyRate.read(length);
        long maxBody = limits.bodyBytes();
        if (maxBody > 0 && bodyBytes > maxBody) {
            breakOff(413);
            return length + padding;
        }
        if (length > 0) {
            if (chunked) {
                exchange.requestBody(Unpooled.wrappedBuffer(Ascii.bytes(Integer.toHexString(length) + "\r\n")));
                pass(data.retainedSlice());
                pass(Unpooled.wrappedBuffer(LAST_CHUNK, 3, 2));
            } else {
                pass(data.retainedSlice());
            }
        }
        if (ends) {
            end(Unpooled.wrappedBuffer(LAST_CHUNK));
        } else if (phase == Phase.BODY) {
            limit(exchange.responseStarted() ? limits.responseIdleNs() : limits.bodyTimeoutNs());
        }
        flushLater();
        if (upstreamReady) {
            return length + padding;
        }
        unconsumed += length;
        return padding;
    }

    /** A piece of the request body, unless the exchange has just ended. */
    private void pass(ByteBuf piece) {
        if (phase == Phase.DONE) {
            piece.release();
        } else {
            exchange.requestBody(piece);
        }
    }

    private void end(ByteBuf lastChunk) {
        if (phase != Phase.BODY) {
            lastChunk.release();
            return;
        }
        phase = Phase.RESPONSE;
        bodyRate.end();
        if (chunked) {
            exchange.requestBody(lastChunk);
        } else {
            lastChunk.release();
        }
        exchange.requestEnd();
    }

    /** Trailers of the request, {@code length} bytes of lines in the lane's scratch; false when they are malformed. */
    boolean onTrailers(int length) {
        Fields fields = lane.trailers();
        if (fields.parse(lane.scratch(), 0, length) != Fields.Result.OK) {
            return false;
        }
        end(fields.lastChunk());
        flushLater();
        return true;
    }

    /** The client wants no response any more. */
    void onReset() {
        if (phase != Phase.DONE) {
            leave();
            account.end(Outcome.CLIENT_ABORT);
        }
    }

    /** The stream has ended, whoever did it. */
    void onClosed() {
        onReset();
        dropHeld();
        // What a closed stream has not consumed was given back to the connection's window with it.
        unconsumed = 0;
    }

    private void leave() {
        phase = Phase.DONE;
        deadlineNs = NEVER;
        exchange.abort();
    }

    private void dropHeld() {
        head = null;
        if (last != null) {
            last.release();
            last = null;
        }
    }

    // What the exchange calls.

    @Override
    public ByteBufAllocator allocator() {
        return connection.channel().alloc();
    }

    @Override
    public Account account() {
        return account;
    }

    @Override
    public boolean bare() {
        return true;
    }

    @Override
    public long sourceKey() {
        return connection.sourceKey();
    }

    @Override
    public boolean secure() {
        return connection.caller().tls() != null;
    }

    @Override
    public void head(ResponseHead response, ResponseHead.Persistence persistence, boolean framed) {
        Http2Headers headers = H2Message.response(response);
        String cookie = response.setCookie();
        if (cookie != null) {
            headers.add("set-cookie", cookie);
        }
        if (response.informational()) {
            headers(headers, false);
        } else {
            head = headers;
        }
    }

    @Override
    public void write(ByteBuf piece) {
        account.sent(piece.readableBytes());
        send(false);
        last = piece;
    }

    /** Sends what is held back. */
    private @Nullable ChannelFuture send(boolean end) {
        ChannelFuture sent = null;
        if (head != null) {
            Http2Headers headers = head;
            head = null;
            sent = headers(headers, end && last == null);
            if (end && last == null) {
                return sent;
            }
        }
        ByteBuf piece = last;
        last = null;
        if (piece == null && end) {
            piece = Unpooled.EMPTY_BUFFER;
        }
        if (piece != null) {
            connection.dataMoved();
            ChannelHandlerContext ctx = connection.codecContext();
            sent = encoder().writeData(ctx, frames.id(), piece, 0, end, ctx.newPromise());
        }
        return sent;
    }

    private ChannelFuture headers(Http2Headers headers, boolean end) {
        ChannelHandlerContext ctx = connection.codecContext();
        return encoder().writeHeaders(ctx, frames.id(), headers, 0, end, ctx.newPromise());
    }

    private Http2ConnectionEncoder encoder() {
        return connection.codec().encoder();
    }

    @Override
    public void trailers(Fields trailers) {
        Http2Headers headers = H2Message.trailers(trailers);
        if (headers != null) {
            send(false);
            ended = headers(headers, true);
        }
    }

    @Override
    public void flush() {
        send(false);
        connection.flush();
    }

    @Override
    public boolean isWritable() {
        return encoder().flowController().isWritable(frames);
    }

    void onWritable() {
        if (phase != Phase.DONE) {
            exchange.onClientWritable();
        }
    }

    @Override
    public boolean mayGoOn() {
        return true;
    }

    @Override
    public void upstreamReady(boolean ready) {
        if (upstreamReady == ready) {
            return;
        }
        upstreamReady = ready;
        if (ready) {
            consume();
        } else {
            bodyRate.held();
        }
        if (phase == Phase.BODY) {
            limit(ready ? limits.bodyTimeoutNs() : limits.firstByteNs());
        }
    }

    private void consume() {
        int bytes = unconsumed;
        unconsumed = 0;
        try {
            if (bytes > 0 && connection.codec().decoder().flowController().consumeBytes(frames, bytes)) {
                connection.flush();
            }
        } catch (Http2Exception e) {
            connection.codec().onError(connection.codecContext(), true, e);
        }
    }

    @Override
    public void awaitResponse() {
        limit(limits.firstByteNs());
    }

    @Override
    public void streaming() {
        graceNs = NEVER;
        // Streams in both directions (gRPC) may rest on either side as long as one moves.
        limit(limits.responseIdleNs());
    }

    @Override
    public void graceUntil(long atNs) {
        graceNs = atNs;
        applyLimits();
    }

    @Override
    public void onExchangeEnd(Outcome outcome, boolean goOn) {
        account.end(outcome);
        boolean complete = phase != Phase.BODY;
        phase = Phase.DONE;
        deadlineNs = NEVER;
        if (ended == null) {
            ended = send(true);
        }
        if (!complete && ended != null) {
            // RFC 9113 section 8.1: the rest of the request is not wanted.
            ended.addListener(written -> reset(Http2Error.NO_ERROR));
        }
        consume();
        connection.flush();
    }

    @Override
    public void onGivenUp(Outcome outcome) {
        answer(outcome, Refusal.status(outcome), exchange.method() == Method.HEAD);
    }

    /** Answers a request that is no part of an exchange. */
    void refuse(int status, boolean bodyless) {
        if (!account.open()) {
            account.beginUnread(startNs);
        }
        answer(Refusal.outcome(status), status, bodyless);
    }

    /** The source asks too often. */
    void refuseForNow(long waitNs, boolean bodyless) {
        answer(Outcome.RATE_LIMITED, 429, bodyless, Refusal.seconds(waitNs));
    }

    private void answer(Outcome outcome, int status, boolean bodyless) {
        answer(outcome, status, bodyless, 0);
    }

    private void answer(Outcome outcome, int status, boolean bodyless, long retryAfterS) {
        phase = Phase.DONE;
        deadlineNs = NEVER;
        dropHeld();
        ByteBuf body = Refusal.body(status);
        account.sent(bodyless ? 0 : body.readableBytes());
        account.end(outcome, status);
        Http2Headers headers = new DefaultHttp2Headers(false, 4);
        headers.status(Integer.toString(status));
        headers.add("content-type", "text/plain; charset=utf-8");
        headers.add("cache-control", "no-store");
        headers.add("content-length", Integer.toString(body.readableBytes()));
        if (retryAfterS > 0) {
            headers.add("retry-after", Long.toString(retryAfterS));
        }
        ChannelFuture sent = headers(headers, bodyless);
        if (bodyless) {
            body.release();
        } else {
            ChannelHandlerContext ctx = connection.codecContext();
            sent = encoder().writeData(ctx, frames.id(), body, 0, true, ctx.newPromise());
        }
        if (frames.state().remoteSideOpen()) {
            sent.addListener(written -> reset(Http2Error.NO_ERROR));
        }
        consume();
        connection.flush();
    }

    /** The request under way cannot be read on. */
    private void breakOff(int status) {
        boolean started = exchange.responseStarted();
        exchange.abort();
        if (started) {
            account.end(Refusal.outcome(status));
            phase = Phase.DONE;
            deadlineNs = NEVER;
            dropHeld();
            reset(Http2Error.CANCEL);
        } else {
            answer(Refusal.outcome(status), status, exchange.method() == Method.HEAD);
        }
    }

    @Override
    public void onTruncated(boolean framed) {
        account.end(Outcome.RESPONSE_TRUNCATED);
        phase = Phase.DONE;
        deadlineNs = NEVER;
        send(false);
        reset(Http2Error.INTERNAL_ERROR);
    }

    private void reset(Http2Error error) {
        ChannelHandlerContext ctx = connection.codecContext();
        // Both sides may have ended the stream since.
        if (ctx.channel().isActive() && frames.state() != Http2Stream.State.CLOSED) {
            encoder().writeRstStream(ctx, frames.id(), error.code(), ctx.newPromise());
            connection.flush();
        }
    }

    @Override
    public void tunnel(HttpBack back) {
        throw new IllegalStateException("upgrade: on HTTP/2 (expected: never asked for)");
    }

    // Time limits.

    private void limit(long fromNowNs) {
        limitNs = System.nanoTime() + fromNowNs;
        applyLimits();
    }

    private void applyLimits() {
        deadlineNs = Math.min(Math.min(limitNs, graceNs), Math.min(requestEndNs, bodyRate.lookAtNs()));
    }

    @Override
    void onDeadline(long nowNs) {
        if (graceNs != NEVER && graceNs - nowNs <= 0) {
            graceNs = NEVER;
            exchange.onGraceEnd();
        }
        if (phase == Phase.BODY && bodyRate.tooSlow(nowNs) && !exchange.responseStarted()) {
            breakOff(408);
        }
        if (phase != Phase.DONE && requestEndNs != NEVER && requestEndNs - nowNs <= 0) {
            if (phase == Phase.BODY && upstreamReady && !exchange.responseStarted()) {
                breakOff(408);
            } else {
                exchange.onDeadline();
            }
        }
        if (phase != Phase.DONE && limitNs != NEVER && limitNs - nowNs <= 0) {
            limitNs = NEVER;
            if (phase == Phase.BODY && upstreamReady && !exchange.responseStarted()) {
                breakOff(408);
            } else {
                exchange.onTimeout();
            }
        }
        if (phase != Phase.DONE) {
            applyLimits();
        }
    }

    @Override
    void closeNow() {
        connection.closeNow();
    }
}
