package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import org.jspecify.annotations.Nullable;

/**
 * One request at a target of HTTP/2, and its response. The target may send as much of it as the stream's window allows; the
 * window opens again as the client takes it.
 */
final class H2BackStream implements Back, BodyScanner.Sink {
    private final LbLane lane;
    private final H2Back connection;
    private final boolean reused;
    private @Nullable Exchange exchange;
    private @Nullable Http2Stream frames;
    /** Of a request in chunks; null of another. */
    private @Nullable BodyScanner chunks;
    /** Of the request, to be sent, when it is not in chunks. */
    private long remaining;

    private boolean begun;
    /** Held back until it is known whether the request ends with it. */
    private @Nullable ByteBuf last;

    private boolean requestEnded;
    private boolean answered;
    private boolean inBody;
    private boolean bodyless;
    /** What Content-Length says of the response; -1 for nothing. */
    private long declared;

    private long received;
    private boolean reading = true;
    private int unconsumed;

    H2BackStream(LbLane lane, H2Back connection) {
        this.lane = lane;
        this.connection = connection;
        reused = connection.resting();
    }

    @Override
    public Target target() {
        return connection.target();
    }

    /** Whether the connection had carried requests, and had come to rest. */
    @Override
    public boolean reused() {
        return reused;
    }

    @Override
    public boolean answered() {
        return answered;
    }

    /** Whether the request can be written at once. */
    boolean ready() {
        return connection.ready();
    }

    @Override
    public void attach(Exchange owner) {
        exchange = owner;
        if (!connection.ready()) {
            connection.await(this);
        }
    }

    void onReady() {
        if (exchange != null) {
            exchange.onConnected();
        }
    }

    // The request.

    @Override
    public void write(ByteBuf piece) {
        if (!begun) {
            begun = true;
            begin(piece);
        } else if (frames == null || requestEnded) {
            piece.release();
        } else if (chunks == null) {
            remaining -= piece.readableBytes();
            onBody(piece);
            if (remaining <= 0) {
                endRequest();
            }
        } else {
            chunk(chunks, piece);
        }
    }

    private void begin(ByteBuf head) {
        H2Request request = lane.h2Request();
        Http2Headers headers = request.read(head, connection.secure());
        head.release();
        remaining = request.contentLength();
        boolean ends = !request.chunked() && remaining == 0;
        if (request.chunked()) {
            chunks = new BodyScanner(lane.trailers());
            chunks.chunked(true);
        }
        if (request.listBytes() > connection.maxListBytes()) {
            failLater(Failure.HEAD_TOO_LARGE);
            return;
        }
        requestEnded = ends;
        frames = connection.begin(this, headers, ends);
        if (frames == null) {
            failLater(Failure.UNSENT);
        }
    }

    private void chunk(BodyScanner scanner, ByteBuf piece) {
        BodyScanner.Result result = scanner.scan(piece, this);
        piece.release();
        if (result == BodyScanner.Result.END) {
            endRequest();
        }
    }

    /** A piece of the request's body. */
    @Override
    public void onBody(ByteBuf piece) {
        send(false);
        last = piece;
    }

    @Override
    public void onTrailers(Fields trailers) {
        Http2Headers headers = H2Message.trailers(trailers);
        if (headers != null && frames != null) {
            send(false);
            requestEnded = true;
            ChannelHandlerContext ctx = connection.codecContext();
            encoder().writeHeaders(ctx, frames.id(), headers, 0, true, ctx.newPromise());
        }
    }

    private void endRequest() {
        if (!requestEnded) {
            requestEnded = true;
            send(true);
        }
    }

    /** Sends what is held back. */
    private void send(boolean end) {
        ByteBuf piece = last;
        last = null;
        if (frames == null || piece == null && !end) {
            return;
        }
        connection.dataMoved();
        ChannelHandlerContext ctx = connection.codecContext();
        encoder().writeData(ctx, frames.id(), piece == null ? Unpooled.EMPTY_BUFFER : piece, 0, end, ctx.newPromise());
    }

    private Http2ConnectionEncoder encoder() {
        return connection.codec().encoder();
    }

    /** Null: the target itself tells which requests it has not looked at, so they are kept until it answers. */
    @Override
    public @Nullable ChannelFuture writeObserved(ByteBuf piece) {
        write(piece);
        return null;
    }

    @Override
    public void flush() {
        send(false);
        connection.flush();
    }

    @Override
    public boolean isWritable() {
        return frames != null && encoder().flowController().isWritable(frames);
    }

    void onWritable() {
        if (exchange != null) {
            exchange.onUpstreamWritable();
        }
    }

    // The response.

    void onHeaders(Http2Headers headers, boolean ends) {
        Exchange owner = exchange;
        if (owner == null) {
            return;
        }
        answered = true;
        if (inBody) {
            trailers(owner, headers, ends);
            return;
        }
        // Where it is framed by HTTP/1.1, a body that is known to be empty should be so by its length.
        boolean empty = ends && !owner.bare() && owner.method() != Method.HEAD;
        int length = lane.h2Message().response(headers, empty);
        ResponseHead head = lane.responseHead();
        if (length < 0 || length > lane.limits().maxHeadBytes() || !head.parse(lane.scratch(), length)) {
            refuse();
        } else if (head.informational()) {
            // RFC 9113 section 8.6: there is no upgrade.
            if (ends || head.status() == 101 || !owner.onInformational(head)) {
                refuse();
            }
        } else {
            head(owner, head, ends);
        }
    }

    private void head(Exchange owner, ResponseHead head, boolean ends) {
        inBody = true;
        bodyless = head.bodyless(owner.method());
        declared = head.contentLength();
        if (ends && !complete()) {
            refuse();
            return;
        }
        owner.onResponseHead(head);
        if (ends) {
            finish();
        }
    }

    /** RFC 9113 section 8.1.1: a length that is told must be that of the body. */
    private boolean complete() {
        return bodyless || declared < 0 || received == declared;
    }

    /** Returns how much of the window may be opened again at once. */
    int onData(ByteBuf data, int padding, boolean ends) {
        int length = data.readableBytes();
        Exchange owner = exchange;
        if (owner == null) {
            return length + padding;
        }
        received += length;
        boolean excess = bodyless ? length > 0 : declared >= 0 && received > declared;
        if (!inBody || excess || ends && !complete()) {
            refuse();
            return length + padding;
        }
        if (length > 0) {
            owner.onResponseBody(data.retainedSlice());
        }
        if (ends) {
            finish();
        }
        if (reading || exchange == null) {
            return length + padding;
        }
        unconsumed += length;
        return padding;
    }

    private void trailers(Exchange owner, Http2Headers headers, boolean ends) {
        int length = ends ? lane.h2Message().trailers(headers) : H2Message.MALFORMED;
        Fields fields = lane.trailers();
        boolean valid = length >= 0 && fields.parse(lane.scratch(), 0, length) == Fields.Result.OK;
        if (!valid || !complete()) {
            refuse();
            return;
        }
        if (fields.count() > 0) {
            owner.onResponseTrailers(fields);
        }
        finish();
    }

    void onReadComplete() {
        if (exchange != null) {
            exchange.onResponseReadComplete();
        }
    }

    @Override
    public void read(boolean on) {
        reading = on;
        if (on) {
            consume();
        }
    }

    private void consume() {
        int bytes = unconsumed;
        unconsumed = 0;
        if (bytes == 0 || frames == null) {
            return;
        }
        try {
            if (connection.codec().decoder().flowController().consumeBytes(frames, bytes)) {
                connection.flush();
            }
        } catch (Http2Exception e) {
            connection.codec().onError(connection.codecContext(), true, e);
        }
    }

    // Ends.

    /** The response is whole. */
    private void finish() {
        Exchange owner = exchange;
        if (owner == null) {
            return;
        }
        exchange = null;
        drop();
        if (!requestEnded) {
            reset(Http2Error.CANCEL);
        }
        owner.onResponseEnd();
    }

    /** The response is none that may be forwarded. */
    private void refuse() {
        reset(Http2Error.PROTOCOL_ERROR);
        fail(Failure.INVALID);
    }

    void fail(Failure failure) {
        Exchange owner = exchange;
        exchange = null;
        drop();
        if (owner != null) {
            owner.onBackFailed(this, failure);
        }
    }

    /** As {@link #fail}, but not in the midst of what the exchange is doing. */
    private void failLater(Failure failure) {
        lane.loop().execute(() -> fail(failure));
    }

    void onReset(long errorCode) {
        boolean unseen = errorCode == Http2Error.REFUSED_STREAM.code() && !answered;
        fail(unseen ? Failure.REFUSED : Failure.CLOSED);
    }

    /** The stream has ended, whoever did it. */
    void onClosed() {
        boolean unseen = frames != null && connection.unseen(frames.id()) && !answered;
        fail(unseen ? Failure.REFUSED : connection.broken() ? Failure.INVALID : Failure.CLOSED);
        unconsumed = 0;
    }

    void onTargetRemoved(long nowNs) {
        if (exchange != null) {
            exchange.onTargetRemoved(nowNs);
        }
    }

    @Override
    public void abandon() {
        exchange = null;
        drop();
        if (frames == null) {
            connection.leave(this);
        } else {
            reset(Http2Error.CANCEL);
        }
    }

    /** Nobody is told any more. */
    void forget() {
        exchange = null;
        drop();
    }

    private void drop() {
        if (last != null) {
            last.release();
            last = null;
        }
    }

    private void reset(Http2Error error) {
        ChannelHandlerContext ctx = connection.codecContext();
        if (frames != null && ctx.channel().isActive() && frames.state() != Http2Stream.State.CLOSED) {
            encoder().writeRstStream(ctx, frames.id(), error.code(), ctx.newPromise());
            connection.flush();
        }
    }
}
