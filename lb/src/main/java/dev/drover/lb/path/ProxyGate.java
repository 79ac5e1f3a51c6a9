package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;

/** A connection from a proxy we trust, until its PROXY protocol header has come. Without one it is closed. */
final class ProxyGate extends Timed {
    private final Arrival arrival;
    private final Inbox inbox = new Inbox();
    private final ProxyHeader header = new ProxyHeader();

    ProxyGate(Arrival arrival) {
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
        switch (header.parse(inbox.present())) {
            case MORE -> {}
            case MALFORMED -> refuse();
            case DONE -> arrival.afterProxy(this, header, inbox.take());
        }
    }

    private void refuse() {
        arrival.lane().count(Event.PROXY_HEADER_REFUSED);
        inbox.clear();
        Closing.reset(arrival.channel());
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
        refuse();
    }

    @Override
    void closeNow() {
        arrival.channel().close();
    }
}
