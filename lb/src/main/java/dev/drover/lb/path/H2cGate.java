package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;

/** The first bytes of a client connection that may begin with the preface of HTTP/2 (RFC 9113 section 3.4). */
final class H2cGate extends Timed {
    private static final byte[] PREFACE = Ascii.bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    private final Arrival arrival;
    private final Inbox inbox = new Inbox();

    H2cGate(Arrival arrival) {
        this.arrival = arrival;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        arrival.lane().add(this);
        deadlineNs = System.nanoTime() + arrival.lane().limits().headTimeoutNs();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        arrival.lane().remove(this);
        inbox.clear();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
        inbox.add(ctx.alloc(), (ByteBuf) message);
        int length = Math.min(inbox.length(), PREFACE.length);
        ByteBuf bytes = inbox.present();
        int same = 0;
        while (same < length && bytes.getByte(bytes.readerIndex() + same) == PREFACE[same]) {
            same++;
        }
        if (same == length && same < PREFACE.length) {
            return;
        }
        arrival.afterPreface(this, same == PREFACE.length, inbox.take());
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (Closing.inputEnded(event)) {
            ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        arrival.lane().caught(cause);
        ctx.close();
    }

    @Override
    void onDeadline(long nowNs) {
        closeNow();
    }

    @Override
    void closeNow() {
        arrival.channel().close();
    }
}
