package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2FrameReader;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Reads frames, and refuses HEADERS on streams that have ended (RFC 9113 section 5.1) or were passed over (section
 * 5.1.1); Netty keeps no account of these. Remembers the last {@value #REMEMBERED} streams of the client.
 */
final class H2StreamOrder implements Http2FrameReader {
    private static final int REMEMBERED = 1024;

    private final Http2FrameReader reader;
    private final Http2Connection connection;
    private final BitSet used = new BitSet(REMEMBERED);
    private final BitSet ended = new BitSet(REMEMBERED);
    /** Number of the client's newest stream: half its identifier. */
    private int newest = -1;

    private @Nullable Order order;

    H2StreamOrder(Http2FrameReader reader, Http2Connection connection) {
        this.reader = reader;
        this.connection = connection;
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // the listener changes once, behind the preface
    public void readFrame(ChannelHandlerContext ctx, ByteBuf input, Http2FrameListener listener) throws Http2Exception {
        Order checked = order;
        if (checked == null || checked.behind != listener) {
            checked = new Order(listener);
            order = checked;
        }
        reader.readFrame(ctx, input, checked);
    }

    @Override
    public Configuration configuration() {
        return reader.configuration();
    }

    @Override
    public void close() {
        reader.close();
    }

    private void headers(int id, boolean ends) throws Http2Exception {
        if ((id & 1) == 0) {
            return;
        }
        Http2Stream stream = connection.stream(id);
        int number = id >>> 1;
        if (stream != null) {
            if (stream.state() == Http2Stream.State.HALF_CLOSED_REMOTE) {
                throw Http2Exception.streamError(
                        id, Http2Error.STREAM_CLOSED, "HEADERS behind the end of stream %d", id);
            }
        } else if (number > newest) {
            use(number);
        } else if (newest - number < REMEMBERED && !used.get(number % REMEMBERED)) {
            throw Http2Exception.connectionError(Http2Error.PROTOCOL_ERROR, "stream %d was passed over", id);
        } else if (newest - number >= REMEMBERED || ended.get(number % REMEMBERED)) {
            throw Http2Exception.connectionError(Http2Error.STREAM_CLOSED, "HEADERS on stream %d, which has ended", id);
        }
        if (ends) {
            end(id);
        }
    }

    private void use(int number) {
        int passedOver = Math.min(number - newest - 1, REMEMBERED);
        for (int i = 0; i < passedOver; i++) {
            used.clear((number - 1 - i) % REMEMBERED);
            ended.clear((number - 1 - i) % REMEMBERED);
        }
        newest = number;
        used.set(number % REMEMBERED);
        ended.clear(number % REMEMBERED);
    }

    /** The client has ended the stream; one that only we have reset may still get frames that were under way. */
    private void end(int id) {
        int number = id >>> 1;
        if ((id & 1) == 1 && number <= newest && newest - number < REMEMBERED) {
            ended.set(number % REMEMBERED);
        }
    }

    private final class Order extends Http2FrameListenerDecorator {
        private final Http2FrameListener behind;

        Order(Http2FrameListener behind) {
            super(behind);
            this.behind = behind;
        }

        @Override
        public void onHeadersRead(ChannelHandlerContext ctx, int id, Http2Headers headers, int padding, boolean ends)
                throws Http2Exception {
            headers(id, ends);
            super.onHeadersRead(ctx, id, headers, padding, ends);
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
            headers(id, ends);
            super.onHeadersRead(ctx, id, headers, dependency, weight, exclusive, padding, ends);
        }

        @Override
        public int onDataRead(ChannelHandlerContext ctx, int id, ByteBuf data, int padding, boolean ends)
                throws Http2Exception {
            if (ends) {
                end(id);
            }
            return super.onDataRead(ctx, id, data, padding, ends);
        }

        @Override
        public void onRstStreamRead(ChannelHandlerContext ctx, int id, long errorCode) throws Http2Exception {
            end(id);
            super.onRstStreamRead(ctx, id, errorCode);
        }
    }
}
