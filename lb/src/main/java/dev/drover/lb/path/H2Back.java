package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.ssl.SslHandler;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A connection of HTTP/2 to a target (RFC 9113), with a stream ({@link H2BackStream}) for each request on it. A request is
 * sent only once the target's SETTINGS have come: it speaks HTTP/2, and has said how many streams it takes. What is on a
 * connection that takes no more streams goes on to its end.
 */
final class H2Back extends Timed implements LbLane.Connecting {
    /** Behind these there is no stream: far from the end of the identifiers, of which Netty keeps one for itself. */
    private static final int LAST_STREAM = Integer.MAX_VALUE - 16;

    private enum State {
        NEW,
        CONNECTING,
        READY,
        /** Was never ready, and will not be. */
        FAILED
    }

    private final LbLane lane;
    private final Target target;
    private final H2Backs siblings;
    private final H2Codec codec;
    private final Http2Connection.PropertyKey streamKey;
    private final H2Glitches glitches = new H2Glitches();
    /** Streams to be begun when the connection is ready. */
    private final ArrayList<H2BackStream> waiting = new ArrayList<>(2);
    /** Streams that something has been read for in this turn of the loop. */
    private final ArrayList<H2BackStream> read = new ArrayList<>(4);

    private @Nullable ChannelHandlerContext context;
    private State state = State.NEW;
    /** TCP, and TLS where it is asked for. */
    private boolean connected;
    /** The target's SETTINGS have come. */
    private boolean settled;
    /** Takes no new streams. */
    private boolean retired;

    private boolean secure;
    private boolean flushing;
    /** The target broke the rules of the protocol. */
    private boolean broken;

    private boolean carried;
    private int active;
    /** The last stream the target has looked at, as its GOAWAY says. */
    private int lastSeen = Integer.MAX_VALUE;

    H2Back(LbLane lane, Target target, H2Backs siblings) {
        this.lane = lane;
        this.target = target;
        this.siblings = siblings;
        codec = H2Codec.client(new Frames(), lane.limits().maxHeadBytes(), new Faults());
        streamKey = codec.connection().newKey();
        codec.connection().addListener(new Ends());
        codec.encoder().flowController().listener(this::onWritability);
    }

    Target target() {
        return target;
    }

    /** Whether requests can be sent at once. */
    boolean ready() {
        return state == State.READY;
    }

    /** Whether a request met a connection that had been at rest: the target may have closed it meanwhile. */
    boolean resting() {
        return carried && active == 0;
    }

    boolean secure() {
        return secure;
    }

    /** Streams on it, and those that will be. */
    int load() {
        return ready() ? codec.connection().local().numActiveStreams() : waiting.size();
    }

    boolean hasRoom() {
        if (retired || !ready()) {
            return !retired && load() < siblings.expectedStreams();
        }
        Http2Connection.Endpoint<?> streams = codec.connection().local();
        return streams.canOpenStream() && streams.lastStreamCreated() < LAST_STREAM;
    }

    /** Whether the target has said that it did not look at this stream. */
    boolean unseen(int id) {
        return id > lastSeen;
    }

    boolean broken() {
        return broken;
    }

    /** What the target takes as fields of one request, in bytes. */
    long maxListBytes() {
        return codec.encoder().configuration().headersConfiguration().maxHeaderListSize();
    }

    H2Codec codec() {
        return codec;
    }

    /** For writing frames. */
    ChannelHandlerContext codecContext() {
        if (context == null) {
            throw new IllegalStateException("target: not connected (expected: ready before frames)");
        }
        return context;
    }

    /** Has {@code stream} told when it can begin, or that it cannot. */
    void await(H2BackStream stream) {
        waiting.add(stream);
        if (state == State.NEW) {
            state = State.CONNECTING;
            lane.connect(target.address(), target.tls(), new Pipeline(), this);
        }
    }

    /** The stream has no more interest. */
    void leave(H2BackStream stream) {
        waiting.remove(stream);
    }

    /** Begins {@code stream}; returns its frames, or null when it could not be begun. */
    @Nullable
    Http2Stream begin(H2BackStream stream, Http2Headers headers, boolean ends) {
        if (!codec.connection().local().canOpenStream()) {
            return null;
        }
        ChannelHandlerContext ctx = codecContext();
        int id = codec.connection().local().incrementAndGetNextStreamId();
        ChannelFuture sent = codec.encoder().writeHeaders(ctx, id, headers, 0, ends, ctx.newPromise());
        Http2Stream frames = codec.connection().stream(id);
        if (frames == null || sent.isDone() && !sent.isSuccess()) {
            return null;
        }
        frames.setProperty(streamKey, stream);
        carried = true;
        active++;
        deadlineNs = NEVER;
        return frames;
    }

    /** DATA goes out. */
    void dataMoved() {
        glitches.dataMoved();
    }

    /** Sends what streams have written, once for all that move in this turn of the loop. */
    void flush() {
        if (!flushing) {
            flushing = true;
            lane.loop().execute(this::flushNow);
        }
    }

    private void flushNow() {
        flushing = false;
        codecContext().channel().flush();
    }

    private void onWritability(Http2Stream frames) {
        H2BackStream stream = frames.getProperty(streamKey);
        if (stream != null && codec.encoder().flowController().isWritable(frames)) {
            stream.onWritable();
        }
    }

    // The beginning.

    private final class Pipeline extends ChannelInitializer<Channel> {
        @Override
        protected void initChannel(Channel channel) {
            channel.pipeline().addLast(codec, H2Back.this);
        }
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx.pipeline().context(codec);
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        lane.remove(this);
    }

    @Override
    public void onConnect(@Nullable Throwable failure) {
        if (failure != null || state != State.CONNECTING) {
            notConnected();
            return;
        }
        SslHandler tls = codecContext().pipeline().get(SslHandler.class);
        secure = tls != null;
        if (tls != null && !Certificates.HTTP_2.equals(tls.applicationProtocol())) {
            lane.count(Event.UPSTREAM_TLS_FAILED);
            notConnected();
            return;
        }
        connected = true;
        deadlineNs = System.nanoTime() + lane.limits().connectTimeoutMs() * 1_000_000L;
        becomeReady();
    }

    private void becomeReady() {
        if (!connected || !settled || state != State.CONNECTING) {
            return;
        }
        state = State.READY;
        target.connected();
        lane.count(Event.UPSTREAM_CONNECTED);
        lane.count(Event.UPSTREAM_HTTP2);
        ArrayList<H2BackStream> beginning = new ArrayList<>(waiting);
        waiting.clear();
        beginning.forEach(H2BackStream::onReady);
        restIfIdle();
    }

    /** No connection, or not one of HTTP/2. */
    private void notConnected() {
        if (state != State.CONNECTING) {
            return;
        }
        state = State.FAILED;
        retire();
        target.connectFailed(lane);
        lane.count(Event.UPSTREAM_CONNECT_FAILED);
        closeNow();
        ArrayList<H2BackStream> failing = new ArrayList<>(waiting);
        waiting.clear();
        failing.forEach(stream -> stream.fail(Back.Failure.CONNECT));
    }

    // Frames of the target.

    private final class Frames extends Http2FrameAdapter {
        @Override
        public void onSettingsRead(ChannelHandlerContext ctx, Http2Settings settings) throws Http2Exception {
            calm(glitches.tooMany(writable() ? 1 : H2Glitches.DEAR));
            if (settings.maxConcurrentStreams() != null || !settled) {
                siblings.expect(codec.connection().local().maxActiveStreams());
            }
            settled = true;
            becomeReady();
        }

        @Override
        public void onHeadersRead(
                ChannelHandlerContext ctx,
                int id,
                Http2Headers headers,
                int dependency,
                short weight,
                boolean exclusive,
                int padding,
                boolean ends)
                throws Http2Exception {
            onHeadersRead(ctx, id, headers, padding, ends);
        }

        @Override
        public void onHeadersRead(ChannelHandlerContext ctx, int id, Http2Headers headers, int padding, boolean ends)
                throws Http2Exception {
            H2BackStream stream = codec.connection().stream(id).getProperty(streamKey);
            if (stream == null) {
                throw Http2Exception.connectionError(Http2Error.PROTOCOL_ERROR, "stream %d was not asked for", id);
            }
            stream.onHeaders(headers, ends);
            read.add(stream);
        }

        @Override
        public int onDataRead(ChannelHandlerContext ctx, int id, ByteBuf data, int padding, boolean ends) {
            glitches.dataMoved();
            H2BackStream stream = codec.connection().stream(id).getProperty(streamKey);
            if (stream == null) {
                return data.readableBytes() + padding;
            }
            int consumed = stream.onData(data, padding, ends);
            read.add(stream);
            return consumed;
        }

        @Override
        public void onRstStreamRead(ChannelHandlerContext ctx, int id, long errorCode) {
            H2BackStream stream = codec.connection().stream(id).getProperty(streamKey);
            if (stream != null) {
                stream.onReset(errorCode);
            }
        }

        @Override
        public void onPingRead(ChannelHandlerContext ctx, long data) throws Http2Exception {
            calm(glitches.tooManyPings(writable()));
        }

        @Override
        public void onPushPromiseRead(
                ChannelHandlerContext ctx, int id, int promised, Http2Headers headers, int padding)
                throws Http2Exception {
            throw Http2Exception.connectionError(Http2Error.PROTOCOL_ERROR, "push was not asked for");
        }

        @Override
        public void onUnknownFrame(ChannelHandlerContext ctx, byte type, int id, Http2Flags flags, ByteBuf payload) {
            if (glitches.tooMany(1)) {
                ctx.close();
            }
        }

        private boolean writable() {
            return codecContext().channel().isWritable();
        }

        private void calm(boolean flooded) throws Http2Exception {
            if (flooded) {
                throw Http2Exception.connectionError(
                        Http2Error.ENHANCE_YOUR_CALM, "too many frames without a response");
            }
        }
    }

    private final class Faults implements H2Codec.Faults {
        @Override
        public void onStreamError(int id, boolean ours) {
            Http2Stream frames = codec.connection().stream(id);
            H2BackStream stream = frames == null ? null : frames.getProperty(streamKey);
            if (stream != null) {
                stream.fail(ours ? Back.Failure.CLOSED : Back.Failure.INVALID);
            }
        }

        @Override
        public void onConnectionError(boolean ours) {
            broken = !ours;
            retire();
        }

        @Override
        public void onDefect(Throwable cause) {
            lane.caught(cause);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        for (int i = 0; i < read.size(); i++) {
            read.get(i).onReadComplete();
        }
        read.clear();
    }

    // The end.

    private final class Ends extends Http2ConnectionAdapter {
        @Override
        public void onGoAwayReceived(int last, long errorCode, ByteBuf debugData) {
            lastSeen = last;
            retire();
            restIfIdle();
        }

        @Override
        public void onStreamClosed(Http2Stream frames) {
            H2BackStream stream = frames.removeProperty(streamKey);
            if (stream != null) {
                active--;
                stream.onClosed();
                restIfIdle();
            }
        }
    }

    /** With nothing on it, it ends when it takes nothing more, and rests otherwise. */
    private void restIfIdle() {
        if (active > 0 || !ready()) {
            return;
        }
        if (retired) {
            sayGoodbye();
        } else {
            deadlineNs = System.nanoTime() + lane.limits().pooledIdleNs();
        }
    }

    /** Takes no new streams from now on. */
    private void retire() {
        if (!retired) {
            retired = true;
            siblings.remove(this);
        }
    }

    private void sayGoodbye() {
        retire();
        ChannelHandlerContext ctx = codecContext();
        if (ctx.channel().isActive()) {
            codec.goAway(ctx, 0, Http2Error.NO_ERROR.code(), Unpooled.EMPTY_BUFFER, ctx.newPromise());
            ctx.channel().flush();
            ctx.channel().close();
        }
    }

    @Override
    void onDeadline(long nowNs) {
        if (!ready()) {
            notConnected();
        } else if (active == 0) {
            sayGoodbye();
        }
    }

    @Override
    void onTargetGone(Target gone, boolean removed, long nowNs) {
        if (gone != target) {
            return;
        }
        retire();
        if (removed) {
            streams().forEach(stream -> stream.onTargetRemoved(nowNs));
        }
        restIfIdle();
    }

    /** Those begun, and those that wait. */
    private List<H2BackStream> streams() {
        List<H2BackStream> all = new ArrayList<>(waiting);
        try {
            codec.connection().forEachActiveStream(frames -> {
                H2BackStream stream = frames.getProperty(streamKey);
                if (stream != null) {
                    all.add(stream);
                }
                return true;
            });
        } catch (Http2Exception e) {
            throw new IllegalStateException("streams: " + e.getMessage() + " (expected: a visit)", e);
        }
        return all;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (Closing.inputEnded(event)) {
            // No response can come any more.
            ctx.channel().close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        // Streams are closed by the codec behind this; what they carried must not come back here.
        retire();
        if (connected) {
            notConnected();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        lane.caught(cause);
        ctx.channel().close();
    }

    @Override
    void closeNow() {
        if (context != null) {
            context.channel().close();
        }
    }

    @Override
    void shutDown() {
        retire();
        if (!ready()) {
            state = State.FAILED;
        }
        streams().forEach(H2BackStream::forget);
        waiting.clear();
        closeNow();
    }
}
