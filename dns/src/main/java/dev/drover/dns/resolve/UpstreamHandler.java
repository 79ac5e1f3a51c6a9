package dev.drover.dns.resolve;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import javax.net.ssl.SSLException;

/** Passes what arrives on a socket to an upstream to whoever asked: datagrams, or the frames of a stream. */
final class UpstreamHandler extends ChannelInboundHandlerAdapter {
    /** Whoever asked. */
    interface Listener {
        /** @param message valid during the call only */
        void onMessage(ByteBuf message);

        /** The socket reported an error (ICMP port unreachable, reset, bad certificate) or was closed by the peer. */
        void onUnreachable();

        /** A defect of ours met while handling a message. */
        void onFault(Throwable fault);
    }

    private final Listener listener;

    UpstreamHandler(Listener listener) {
        this.listener = listener;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        try {
            ByteBuf message = msg instanceof ByteBufHolder datagram ? datagram.content() : (ByteBuf) msg;
            listener.onMessage(message);
        } finally {
            ReferenceCountUtil.release(msg);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        listener.onUnreachable();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        switch (cause) {
            case IOException e -> listener.onUnreachable();
            case DecoderException e when e.getCause() instanceof SSLException -> listener.onUnreachable();
            default -> listener.onFault(cause);
        }
    }
}
