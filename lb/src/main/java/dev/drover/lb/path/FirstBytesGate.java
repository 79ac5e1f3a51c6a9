package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;

/** A gate that the first bytes of a connection open. */
abstract class FirstBytesGate extends Gate {
    final Inbox inbox = new Inbox();

    FirstBytesGate(Arrival arrival) {
        super(arrival);
    }

    /** More has come into the inbox; called again with the next bytes until the gate is replaced. */
    abstract void onBytes() throws Exception;

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        super.handlerRemoved(ctx);
        inbox.clear();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
        inbox.add(ctx.alloc(), (ByteBuf) message);
        onBytes();
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (Closing.inputEnded(event)) {
            ctx.close();
        }
    }
}
