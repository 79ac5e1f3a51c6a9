package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameAdapter;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.netty.handler.codec.http2.Http2Stream;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A client connection of HTTP/2 (RFC 9113): stands behind its {@link H2Codec}, makes an {@link H2FrontStream} of each
 * request, and ends in two steps so that no request is lost on the way. Runs on the lane the connection was given to.
 */
final class H2Front extends Timed {
    /** Between the first GOAWAY, which refuses nothing, and the one that does (RFC 9113 section 6.8). */
    private static final long GOAWAY_GRACE_NS = 1_000_000_000;

    private final LbLane lane;
    private final VirtualServer server;
    private final long sourceKey;
    private final long source;
    /** Those that held when the newest request began. */
    private ListenerLimits limits;

    private final Caller caller;
    private final Channel channel;
    private final Forwarded forwarded;
    private final @Nullable HostCheck hostCheck;
    private final H2Codec codec;
    private final Http2Connection.PropertyKey streamKey;
    private final ArrayList<H2FrontStream> unflushed = new ArrayList<>();
    private @Nullable ChannelHandlerContext context;
    private boolean opened;
    private boolean flushing;
    private boolean goingAway;
    private boolean wentAway;
    private int active;
    private final H2Glitches glitches = new H2Glitches();
    private long idleAtNs = NEVER;
    private long goAwayAtNs = NEVER;
    private long endNs = NEVER;

    H2Front(LbLane lane, VirtualServer server, Channel channel, Caller caller) {
        this.lane = lane;
        this.server = server;
        this.channel = channel;
        forwarded = Forwarded.of(caller);
        sourceKey = SourceKey.of(caller.client());
        this.caller = caller;
        hostCheck = HostCheck.of(caller);
        source = SourceKey.exact(caller.client());
        limits = server.policy().limits();
        codec = H2Codec.server(new Frames(), limits.headBytes(), limits.streams(), new Faults());
        streamKey = codec.connection().newKey();
        codec.connection().addListener(new Ends());
        codec.encoder().flowController().listener(this::onWritability);
    }

    /** The handler that must stand before this one. */
    H2Codec codec() {
        return codec;
    }

    LbLane lane() {
        return lane;
    }

    /** Hash of the client's address. */
    long sourceKey() {
        return sourceKey;
    }

    Caller caller() {
        return caller;
    }

    VirtualServer server() {
        return server;
    }

    Channel channel() {
        return channel;
    }

    Forwarded forwarded() {
        return forwarded;
    }

    /** For writing frames. */
    ChannelHandlerContext codecContext() {
        if (context == null) {
            throw new IllegalStateException("client: not connected (expected: channelActive before frames)");
        }
        return context;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        lane.remove(this);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        context = ctx.pipeline().context(codec);
        opened = true;
        server.opened(lane);
        lane.count(Event.CLIENT_CONNECTED);
        lane.count(Event.CLIENT_HTTP2);
        idleFor(limits.headTimeoutNs());
        if (server.retired()) {
            onServerRetired(server, server.endNs());
        }
    }

    // Frames of the client.

    private final class Frames extends Http2FrameAdapter {
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
            Http2Stream frames = codec.connection().stream(id);
            H2FrontStream stream = frames.getProperty(streamKey);
            if (stream == null) {
                request(frames, headers, ends);
            } else {
                trailers(stream, headers);
            }
        }

        @Override
        public int onDataRead(ChannelHandlerContext ctx, int id, ByteBuf data, int padding, boolean ends) {
            glitches.dataMoved();
            H2FrontStream stream = codec.connection().stream(id).getProperty(streamKey);
            return stream == null ? data.readableBytes() + padding : stream.onData(data, padding, ends);
        }

        @Override
        public void onRstStreamRead(ChannelHandlerContext ctx, int id, long errorCode) {
            H2FrontStream stream = codec.connection().stream(id).getProperty(streamKey);
            if (stream != null) {
                stream.onReset();
            }
        }

        @Override
        public void onPingRead(ChannelHandlerContext ctx, long data) throws Http2Exception {
            calm(glitches.tooManyPings(channel.isWritable()));
        }

        @Override
        public void onSettingsRead(ChannelHandlerContext ctx, Http2Settings settings) throws Http2Exception {
            glitch();
        }

        @Override
        public void onPriorityRead(ChannelHandlerContext ctx, int id, int dependency, short weight, boolean exclusive)
                throws Http2Exception {
            glitch();
        }

        @Override
        public void onUnknownFrame(ChannelHandlerContext ctx, byte type, int id, Http2Flags flags, ByteBuf payload) {
            glitched(1);
        }

        private void glitch() throws Http2Exception {
            calm(glitches.tooMany(channel.isWritable() ? 1 : H2Glitches.DEAR));
        }

        private void calm(boolean flooded) throws Http2Exception {
            if (flooded) {
                throw Http2Exception.connectionError(Http2Error.ENHANCE_YOUR_CALM, "too many frames without a request");
            }
        }
    }

    private final class Faults implements H2Codec.Faults {
        @Override
        public void onStreamError(int id, boolean ours) {
            if (!ours) {
                glitched(H2Glitches.DEAR);
            }
        }

        @Override
        public void onConnectionError(boolean ours) {}

        @Override
        public void onDefect(Throwable cause) {
            lane.caught(cause);
        }
    }

    /** DATA of a response goes out. */
    void dataMoved() {
        glitches.dataMoved();
    }

    private void glitched(int cost) {
        if (glitches.tooMany(cost) && !wentAway) {
            lane.count(Event.CLIENT_FLOODED);
            goAway(codec.connection().remote().lastStreamCreated(), Http2Error.ENHANCE_YOUR_CALM);
        }
    }

    private void request(Http2Stream frames, Http2Headers headers, boolean ends) throws Http2Exception {
        long startNs = System.nanoTime();
        H2Message message = lane.h2Message();
        int length = message.request(headers, ends);
        if (length == H2Message.MALFORMED) {
            Account account = new Account(lane, server, caller, true);
            account.beginUnread(startNs);
            account.end(Outcome.BAD_REQUEST);
            throw Http2Exception.streamError(frames.id(), Http2Error.PROTOCOL_ERROR, "malformed request");
        }
        ListenerPolicy policy = server.policy();
        limits = policy.limits();
        H2FrontStream stream = new H2FrontStream(this, frames, limits, startNs);
        frames.setProperty(streamKey, stream);
        lane.add(stream);
        active++;
        idleAtNs = NEVER;
        applyLimits();
        boolean bodyless = message.head();
        if (length == H2Message.TOO_LARGE || length > limits.headBytes()) {
            stream.refuse(431, bodyless);
            return;
        }
        RequestHead head = lane.requestHead();
        int status = head.parse(lane.scratch(), length, limits.lineBytes(), limits.headFields());
        if (status != 0) {
            stream.refuse(status, bodyless);
            return;
        }
        if (policy.traceSample() >= 0) {
            head.ensureTrace(lane, policy.traceSample());
        }
        stream.account().begin(head, startNs);
        long maxBody = limits.bodyBytes();
        if (maxBody > 0 && head.contentLength() > maxBody) {
            stream.refuse(413, bodyless);
        } else if (hostCheck != null && hostCheck.misdirected(head)) {
            stream.refuse(421, bodyless);
        } else {
            long waitNs = server.takeTurn(source, limits);
            if (waitNs > 0) {
                stream.refuseForNow(waitNs, bodyless);
            } else {
                stream.begin(head, !ends);
            }
        }
    }

    private void trailers(H2FrontStream stream, Http2Headers headers) throws Http2Exception {
        int length = lane.h2Message().trailers(headers);
        if (length < 0 || !stream.onTrailers(length)) {
            throw Http2Exception.streamError(stream.id(), Http2Error.PROTOCOL_ERROR, "malformed trailers");
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        for (int i = 0; i < unflushed.size(); i++) {
            unflushed.get(i).flushRequest();
        }
        unflushed.clear();
        ctx.fireChannelReadComplete();
    }

    /** Has the stream's request sent once all that was read is taken. */
    void flushLater(H2FrontStream stream) {
        unflushed.add(stream);
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
        channel.flush();
    }

    private void onWritability(Http2Stream frames) {
        H2FrontStream stream = frames.getProperty(streamKey);
        if (stream != null && codec.encoder().flowController().isWritable(frames)) {
            stream.onWritable();
        }
    }

    // Ends.

    private final class Ends extends Http2ConnectionAdapter {
        @Override
        public void onStreamClosed(Http2Stream frames) {
            H2FrontStream stream = frames.removeProperty(streamKey);
            if (stream == null) {
                return;
            }
            stream.onClosed();
            lane.remove(stream);
            if (--active == 0) {
                if (wentAway) {
                    closeBehind();
                } else {
                    idleFor(limits.keepAliveNs());
                }
            }
        }
    }

    private void idleFor(long ns) {
        idleAtNs = System.nanoTime() + ns;
        applyLimits();
    }

    private void applyLimits() {
        deadlineNs = Math.min(Math.min(idleAtNs, goAwayAtNs), endNs);
    }

    @Override
    void onDeadline(long nowNs) {
        if (endNs != NEVER && endNs - nowNs <= 0) {
            channel.close();
            return;
        }
        if (goAwayAtNs != NEVER && goAwayAtNs - nowNs <= 0) {
            goAwayAtNs = NEVER;
            goAway(codec.connection().remote().lastStreamCreated(), Http2Error.NO_ERROR);
        } else if (idleAtNs != NEVER && idleAtNs - nowNs <= 0) {
            idleAtNs = NEVER;
            if (wentAway) {
                channel.close();
                return;
            }
            goAway(codec.connection().remote().lastStreamCreated(), Http2Error.NO_ERROR);
        }
        applyLimits();
    }

    /** Refuses streams behind {@code last}; closes when the others have ended. */
    private void goAway(int last, Http2Error why) {
        wentAway = true;
        codec.goAway(
                codecContext(),
                last,
                why.code(),
                Unpooled.EMPTY_BUFFER,
                codecContext().newPromise());
        channel.flush();
        if (active == 0) {
            closeBehind();
        }
    }

    /** Closes behind what was written, when the client has had the time to close first. */
    private void closeBehind() {
        channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> Closing.endOutputAndClose(channel));
        idleFor(lane.limits().lingerNs());
    }

    /** RFC 9113 section 6.8: first tells that the end comes, and refuses new streams only a while later. */
    @Override
    void onServerRetired(VirtualServer retired, long atNs) {
        if (retired != server || !opened) {
            return;
        }
        endNs = atNs;
        if (!goingAway) {
            goingAway = true;
            codec.goAway(
                    codecContext(),
                    Integer.MAX_VALUE,
                    Http2Error.NO_ERROR.code(),
                    Unpooled.EMPTY_BUFFER,
                    codecContext().newPromise());
            channel.flush();
            goAwayAtNs = System.nanoTime() + GOAWAY_GRACE_NS;
        }
        applyLimits();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (Closing.inputEnded(event)) {
            // A client that sends no more can neither open windows nor acknowledge: as good as gone.
            channel.close();
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (opened) {
            opened = false;
            server.closed(lane);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        lane.caught(cause);
        channel.close();
    }

    @Override
    void closeNow() {
        channel.close();
    }
}
