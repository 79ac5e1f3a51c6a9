package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import org.jspecify.annotations.Nullable;

/**
 * One end of a {@link Tunnel}: what it reads its peer writes. The end of one direction is passed on and leaves the
 * other direction open; a reset of either end resets the other, so that nothing cut short looks complete.
 */
final class Relay extends Timed {
    private static final long RESET_NS = 5_000_000_000L;

    private final LbLane lane;
    private final Tunnel tunnel;
    private final Channel channel;
    private @Nullable Relay peer;
    private boolean inputEnded;
    private boolean outputEnded;
    private boolean resetting;

    Relay(LbLane lane, Tunnel tunnel, Channel channel) {
        this.lane = lane;
        this.tunnel = tunnel;
        this.channel = channel;
    }

    void peer(Relay other) {
        peer = other;
    }

    private Relay peer() {
        if (peer == null) {
            throw new IllegalStateException("relay: no peer (expected: joined)");
        }
        return peer;
    }

    /** Takes over {@code bytes}; the caller flushes. */
    void write(ByteBuf bytes) {
        // A failed write is told by the reading side, behind what is still to be read; without a reading side, by an
        // exception.
        channel.write(
                bytes, inputEnded ? channel.voidPromise() : channel.unsafe().voidPromise());
    }

    void flush() {
        channel.flush();
    }

    /** Reads on or stops, as the peer keeps up. */
    void regulate() {
        channel.config().setAutoRead(peer().channel.isWritable());
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        lane.remove(this);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (peer().outputEnded) {
            ((ByteBuf) message).release();
            return;
        }
        Relay to = peer();
        tunnel.passing(this, ((ByteBuf) message).readableBytes());
        to.write((ByteBuf) message);
        if (!to.channel.isWritable()) {
            // Most often the kernel takes it all, and reading need not be turned off and on again.
            to.flush();
            if (!to.channel.isWritable()) {
                channel.config().setAutoRead(false);
            }
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        peer().flush();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (channel.isWritable()) {
            peer().regulate();
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (Closing.inputEnded(event)) {
            endInput();
        }
    }

    /** No more will be read here: ends the peer's output behind what is still to be written. */
    void endInput() {
        if (inputEnded) {
            return;
        }
        inputEnded = true;
        Relay to = peer();
        to.channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> to.endOutput());
    }

    private void endOutput() {
        outputEnded = true;
        if (peer().outputEnded) {
            tunnel.end();
            channel.close();
            peer().channel.close();
        } else {
            Closing.endOutput(channel);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        tunnel.end();
        peer().reset();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        lane.caught(cause);
        closeNow();
    }

    @Override
    void onDeadline(long nowNs) {
        closeNow();
    }

    @Override
    void onServerRetired(VirtualServer server, long endNs) {
        if (tunnel.server() == server) {
            deadlineNs = endNs;
        }
    }

    @Override
    void closeNow() {
        tunnel.end();
        if (peer != null) {
            peer.reset();
        }
        resetNow();
    }

    /** Resets the connection behind what is still to be written, but soon. */
    private void reset() {
        if (!resetting && channel.isOpen()) {
            resetting = true;
            deadlineNs = System.nanoTime() + RESET_NS;
            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> resetNow());
        }
    }

    private void resetNow() {
        if (channel.isOpen()) {
            resetting = true;
            Closing.reset(channel);
        }
    }
}
