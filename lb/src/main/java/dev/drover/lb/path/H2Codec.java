package dev.drover.lb.path;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.AbstractHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2ConnectionDecoder;
import io.netty.handler.codec.http2.DefaultHttp2ConnectionEncoder;
import io.netty.handler.codec.http2.DefaultHttp2FrameReader;
import io.netty.handler.codec.http2.DefaultHttp2FrameWriter;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameReader;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2PromisedRequestVerifier;
import io.netty.handler.codec.http2.Http2Settings;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Frames of one HTTP/2 connection: Netty's reader, writer, stream states and flow control, with our list of fields so
 * that {@link H2Message} sees them as they came, and with bounds on what costs us more than the other side.
 */
final class H2Codec extends Http2ConnectionHandler {
    /** What a stream may send before we have passed it on. */
    static final int STREAM_WINDOW = 256 * 1024;
    /** What all streams may: four that are stuck do not stop the others. */
    static final int CONNECTION_WINDOW = 1024 * 1024;

    private static final int MAX_EMPTY_FRAMES = 8;
    private static final int MAX_RESETS = 200;
    private static final int RESET_WINDOW_S = 30;
    private static final int MAX_SMALL_CONTINUATIONS = 16;

    private final Runnable onStreamError;
    private final Consumer<Throwable> onDefect;

    /** Fields as they come; what they say is checked by {@link H2Message}. */
    private static final class FieldDecoder extends DefaultHttp2HeadersDecoder {
        FieldDecoder(int maxHeadBytes) {
            super(false, maxHeadBytes);
        }

        @Override
        protected Http2Headers newHeaders() {
            return new H2Received();
        }
    }

    private static final class Builder extends AbstractHttp2ConnectionHandlerBuilder<H2Codec, Builder> {
        private final Runnable onStreamError;
        private final Consumer<Throwable> onDefect;

        Builder(
                Http2Settings settings,
                Http2FrameListener listener,
                Runnable onStreamError,
                Consumer<Throwable> onDefect) {
            this.onStreamError = onStreamError;
            this.onDefect = onDefect;
            initialSettings(settings);
            frameListener(listener);
            // Closing is the owner's, who says what goes away.
            decoupleCloseAndGoAway(true);
            decoderEnforceMaxConsecutiveEmptyDataFrames(MAX_EMPTY_FRAMES);
        }

        H2Codec make(boolean server, int maxHeadBytes) {
            decoderEnforceMaxRstFramesPerWindow(server ? MAX_RESETS : 0, RESET_WINDOW_S);
            Http2Connection connection = new DefaultHttp2Connection(server);
            Http2ConnectionEncoder encoder =
                    new DefaultHttp2ConnectionEncoder(connection, new DefaultHttp2FrameWriter());
            Http2FrameReader frames =
                    new DefaultHttp2FrameReader(new FieldDecoder(maxHeadBytes), MAX_SMALL_CONTINUATIONS);
            Http2FrameReader reader = server ? new H2StreamOrder(frames, connection) : frames;
            codec(
                    new DefaultHttp2ConnectionDecoder(
                            connection,
                            encoder,
                            reader,
                            Http2PromisedRequestVerifier.ALWAYS_VERIFY,
                            true,
                            true,
                            false,
                            false),
                    encoder);
            return build();
        }

        @Override
        protected H2Codec build(
                Http2ConnectionDecoder decoder, Http2ConnectionEncoder encoder, Http2Settings settings) {
            return new H2Codec(decoder, encoder, settings, onStreamError, onDefect);
        }
    }

    private H2Codec(
            Http2ConnectionDecoder decoder,
            Http2ConnectionEncoder encoder,
            Http2Settings settings,
            Runnable onStreamError,
            Consumer<Throwable> onDefect) {
        super(decoder, encoder, settings, true);
        this.onStreamError = onStreamError;
        this.onDefect = onDefect;
    }

    /**
     * @param maxStreams the client may have at once
     * @param onStreamError told of each stream that the other side made us reset
     * @param onDefect told of what no frame of the other side explains
     */
    static H2Codec server(
            Http2FrameListener listener,
            int maxHeadBytes,
            int maxStreams,
            Runnable onStreamError,
            Consumer<Throwable> onDefect) {
        Http2Settings settings = new Http2Settings()
                .maxConcurrentStreams(maxStreams)
                .initialWindowSize(STREAM_WINDOW)
                .maxHeaderListSize(maxHeadBytes);
        return new Builder(settings, listener, onStreamError, onDefect).make(true, maxHeadBytes);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
        super.handlerAdded(ctx);
        decoder()
                .flowController()
                .incrementWindowSize(
                        connection().connectionStream(), CONNECTION_WINDOW - Http2CodecUtil.DEFAULT_WINDOW_SIZE);
    }

    @Override
    protected void onStreamError(
            ChannelHandlerContext ctx, boolean outbound, Throwable cause, Http2Exception.StreamException error) {
        if (!outbound) {
            onStreamError.run();
        }
        super.onStreamError(ctx, outbound, cause, error);
    }

    @Override
    protected void onConnectionError(
            ChannelHandlerContext ctx, boolean outbound, Throwable cause, @Nullable Http2Exception error) {
        if (error == null) {
            onDefect.accept(cause);
        }
        super.onConnectionError(ctx, outbound, cause, error);
    }
}
