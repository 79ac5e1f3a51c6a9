package dev.drover.lb.path;

import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandler;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.ReferenceCountedOpenSslEngine;
import io.netty.handler.ssl.SniHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.AsyncMapping;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;

/**
 * A client connection during its TLS handshake: chooses the certificate by server name, and what takes over by ALPN.
 * Takes part in what closes connections of a lane; the time limit of the handshake is that of a request head.
 */
final class TlsGate extends Gate {
    private static final int MAX_CLIENT_HELLO_BYTES = 16 * 1024;
    /** Fatal unrecognized_name in a record of its own (RFC 8446 section 6, RFC 6066 section 3). */
    private static final byte[] UNRECOGNIZED_NAME = {21, 3, 3, 0, 2, 2, 112};

    private final Certificates certificates;
    private Certificates.@Nullable Entry shown;
    private boolean done;

    TlsGate(Arrival arrival, Certificates certificates) {
        super(arrival);
        this.certificates = certificates;
    }

    /** The handler that must stand before this one. */
    ChannelInboundHandler sni() {
        long timeoutMs = Math.max(1, arrival.limits().headTimeoutNs() / 1_000_000);
        AsyncMapping<String, SslContext> choice = (name, promise) -> {
            Certificates.Entry entry = certificates.of(name);
            shown = entry;
            if (entry == null) {
                return promise.setFailure(new SSLHandshakeException("server name: none of ours"));
            }
            return promise.setSuccess(entry.context());
        };
        return new SniHandler(choice, MAX_CLIENT_HELLO_BYTES, timeoutMs) {
            @Override
            protected SslHandler newSslHandler(SslContext context, ByteBufAllocator allocator) {
                SslHandler handler = super.newSslHandler(context, allocator);
                staple(handler);
                return handler;
            }
        };
    }

    /** Gives the handshake what is to be shown with the certificate, should the client ask for it. */
    private void staple(SslHandler handler) {
        Staple staple = shown == null ? null : shown.staple();
        if (staple == null || !(handler.engine() instanceof ReferenceCountedOpenSslEngine engine)) {
            return;
        }
        byte[] answer = staple.at(System.currentTimeMillis());
        if (answer == null) {
            arrival.lane().count(Event.TLS_WITHOUT_STAPLE);
        } else {
            engine.setOcspResponse(answer);
        }
    }

    /** What fails before there is a certificate to show is told in the clear. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (shown == null
                && !done
                && cause instanceof DecoderException
                && cause.getCause() instanceof SSLHandshakeException) {
            done = true;
            arrival.lane().count(Event.TLS_FAILED);
            ctx.writeAndFlush(Unpooled.wrappedBuffer(UNRECOGNIZED_NAME)).addListener(ChannelFutureListener.CLOSE);
        } else {
            super.exceptionCaught(ctx, cause);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) throws Exception {
        if (!(event instanceof SslHandshakeCompletionEvent handshake) || done) {
            return;
        }
        done = true;
        Certificates.Entry entry = shown;
        if (!handshake.isSuccess() || entry == null) {
            arrival.lane().count(Event.TLS_FAILED);
            ctx.close();
            return;
        }
        arrival.lane().count(Event.TLS_ESTABLISHED);
        ChannelPipeline pipeline = ctx.pipeline();
        String protocol = pipeline.get(SslHandler.class).applicationProtocol();
        arrival.afterTls(this, protocol, new Caller.Tls(certificates, entry));
    }
}
