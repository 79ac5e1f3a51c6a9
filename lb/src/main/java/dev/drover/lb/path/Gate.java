package dev.drover.lb.path;

import io.netty.channel.ChannelHandlerContext;

/**
 * Holds the place of the front of a client connection until it is known what comes; then {@link Arrival} puts what follows in
 * its place. A client has as long for it as for a request head.
 */
abstract class Gate extends Timed {
    final Arrival arrival;

    Gate(Arrival arrival) {
        this.arrival = arrival;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        arrival.lane().add(this);
        deadlineNs = System.nanoTime() + arrival.limits().headTimeoutNs();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        arrival.lane().remove(this);
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
