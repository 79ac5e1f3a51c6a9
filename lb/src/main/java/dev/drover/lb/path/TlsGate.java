package dev.drover.lb.path;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandler;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.ssl.SniHandler;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.AsyncMapping;
import org.jspecify.annotations.Nullable;

/**
 * A client connection during its TLS handshake: chooses the certificate by server name, and what takes over by ALPN.
 * Takes part in what closes connections of a lane; the time limit of the handshake is that of a request head.
 */
final class TlsGate extends Gate {
    private static final int MAX_CLIENT_HELLO_BYTES = 16 * 1024;

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
            return promise.setSuccess(entry.context());
        };
        return new SniHandler(choice, MAX_CLIENT_HELLO_BYTES, timeoutMs);
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
