package dev.drover.dns.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;

/** Passes what arrives on the socket of a try to the try: datagrams or the frames of a stream. */
final class UpstreamHandler extends ChannelInboundHandlerAdapter {
    /** The try. */
    interface Listener {
        /** @param message valid during the call only */
        void onMessage(Channel from, ByteBuf message);

        /** The socket reported an error (ICMP port unreachable, reset) or was closed by the peer. */
        void onUnreachable(Channel from);

        /** A defect of ours met while handling a message. */
        void onFault(Channel from, Throwable fault);
    }

    private final Listener listener;

    UpstreamHandler(Listener listener) {
        this.listener = listener;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        try {
            ByteBuf message = msg instanceof ByteBufHolder datagram ? datagram.content() : (ByteBuf) msg;
            listener.onMessage(ctx.channel(), message);
        } finally {
            ReferenceCountUtil.release(msg);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        listener.onUnreachable(ctx.channel());
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException) {
            listener.onUnreachable(ctx.channel());
        } else {
            listener.onFault(ctx.channel(), cause);
        }
    }
}
