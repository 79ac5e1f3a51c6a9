package dev.drover.lb.path;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.AbstractHttp2ConnectionHandlerBuilder;
import io.netty.handler.codec.http2.DefaultHttp2Connection;
import io.netty.handler.codec.http2.DefaultHttp2ConnectionDecoder;
import io.netty.handler.codec.http2.DefaultHttp2ConnectionEncoder;
import io.netty.handler.codec.http2.DefaultHttp2FrameReader;
import io.netty.handler.codec.http2.DefaultHttp2FrameWriter;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.DefaultHttp2LocalFlowController;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionEncoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameReader;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersEncoder;
import io.netty.handler.codec.http2.Http2PromisedRequestVerifier;
import io.netty.handler.codec.http2.Http2Settings;
import org.jspecify.annotations.Nullable;

/**
 * Frames of one HTTP/2 connection: Netty's reader, writer, stream states and flow control, with our list of fields so
 * that {@link H2Message} sees them as they came, and with bounds on what costs us more than the other side.
 */
final class H2Codec extends Http2ConnectionHandler {
    /** What a stream may send before we have passed it on. */
    static final int STREAM_WINDOW = 256 * 1024;
    /** What all streams of a client may: four that are stuck do not stop the others. */
    static final int CONNECTION_WINDOW = 1024 * 1024;
    /** What a target may have on the way to us; given back as it comes, see {@link #client}. */
    static final int TARGET_WINDOW = 16 * 1024 * 1024;

    private static final int MAX_EMPTY_FRAMES = 8;
    private static final int MAX_RESETS = 200;
    private static final int RESET_WINDOW_S = 30;
    private static final int MAX_SMALL_CONTINUATIONS = 16;

    /** What never enters a table that requests of other clients are compressed by (RFC 7541 section 7.1.3). */
    private static final Http2HeadersEncoder.SensitivityDetector SECRETS =
            (name, value) -> H2Request.AUTHORIZATION.contentEquals(name) || H2Request.COOKIE.contentEquals(name);

    private final Faults faults;
    private final boolean server;

    /** What goes wrong on a connection; told before the codec does what RFC 9113 section 5.4 says. */
    interface Faults {
        /** @param ours we could not write; else the other side sent what it must not */
        void onStreamError(int id, boolean ours);

        /** As {@link #onStreamError}, of the connection as a whole. */
        void onConnectionError(boolean ours);

        /** What no frame of the other side explains. */
        void onDefect(Throwable cause);
    }

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
        private final Faults faults;
        private boolean server;

        Builder(Http2Settings settings, Http2FrameListener listener, Faults faults) {
            this.faults = faults;
            initialSettings(settings);
            frameListener(listener);
            // Closing is the owner's, who says what goes away.
            decoupleCloseAndGoAway(true);
            decoderEnforceMaxConsecutiveEmptyDataFrames(MAX_EMPTY_FRAMES);
        }

        H2Codec make(boolean forClients, int maxHeadBytes) {
            server = forClients;
            decoderEnforceMaxRstFramesPerWindow(server ? MAX_RESETS : 0, RESET_WINDOW_S);
            Http2Connection connection = new DefaultHttp2Connection(server);
            if (!server) {
                connection
                        .local()
                        .flowController(new DefaultHttp2LocalFlowController(
                                connection, DefaultHttp2LocalFlowController.DEFAULT_WINDOW_UPDATE_RATIO, true));
            }
            Http2ConnectionEncoder encoder = new DefaultHttp2ConnectionEncoder(
                    connection, new DefaultHttp2FrameWriter(server ? Http2HeadersEncoder.NEVER_SENSITIVE : SECRETS));
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
            return new H2Codec(decoder, encoder, settings, faults, server);
        }
    }

    private H2Codec(
            Http2ConnectionDecoder decoder,
            Http2ConnectionEncoder encoder,
            Http2Settings settings,
            Faults faults,
            boolean server) {
        super(decoder, encoder, settings, true);
        this.faults = faults;
        this.server = server;
    }

    /** @param maxStreams the client may have at once */
    static H2Codec server(Http2FrameListener listener, int maxHeadBytes, int maxStreams, Faults faults) {
        Http2Settings settings = new Http2Settings()
                .maxConcurrentStreams(maxStreams)
                .initialWindowSize(STREAM_WINDOW)
                .maxHeaderListSize(maxHeadBytes);
        return new Builder(settings, listener, faults).make(true, maxHeadBytes);
    }

    /**
     * For a connection to a target, which carries requests of many clients. Only the windows of streams hold a target back:
     * that of the connection opens again at once, so that clients who read slowly never stop the others.
     */
    static H2Codec client(Http2FrameListener listener, int maxHeadBytes, Faults faults) {
        Http2Settings settings = new Http2Settings()
                .pushEnabled(false)
                .initialWindowSize(STREAM_WINDOW)
                .maxHeaderListSize(maxHeadBytes);
        return new Builder(settings, listener, faults).make(false, maxHeadBytes);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) throws Exception {
        super.handlerAdded(ctx);
        if (server) {
            widen(CONNECTION_WINDOW);
        }
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) throws Exception {
        super.channelActive(ctx);
        if (!server) {
            // Behind the preface.
            widen(TARGET_WINDOW);
        }
    }

    private void widen(int window) throws Http2Exception {
        decoder()
                .flowController()
                .incrementWindowSize(connection().connectionStream(), window - Http2CodecUtil.DEFAULT_WINDOW_SIZE);
    }

    @Override
    protected void onStreamError(
            ChannelHandlerContext ctx, boolean outbound, Throwable cause, Http2Exception.StreamException error) {
        faults.onStreamError(error.streamId(), outbound);
        super.onStreamError(ctx, outbound, cause, error);
    }

    @Override
    protected void onConnectionError(
            ChannelHandlerContext ctx, boolean outbound, Throwable cause, @Nullable Http2Exception error) {
        if (error == null) {
            faults.onDefect(cause);
        }
        faults.onConnectionError(outbound || error == null);
        super.onConnectionError(ctx, outbound, cause, error);
    }
}
