package dev.drover.lb.path;

import dev.drover.dataplane.Splice;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.epoll.EpollSocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * One end of a {@link Tunnel}: what it reads its peer writes. The end of one direction is passed on and leaves the
 * other direction open; a reset of either end resets the other, so that nothing cut short looks complete.
 *
 * <p>A direction that carries much is given to the kernel ({@link Splice}, docs/adr/0016) until it carries little; whatever
 * else happens to either end takes it back first.
 */
final class Relay extends Timed implements Splice.Owner {
    /** So much within a window is worth a pipe, and less than that little is not. */
    private static final int MUCH_BYTES = 512 << 10;

    private static final int LITTLE_BYTES = 128 << 10;
    private static final long WINDOW_NS = 1_000_000_000L;
    private static final long RESET_NS = 5_000_000_000L;

    private final LbLane lane;
    private final Tunnel tunnel;
    private final Channel channel;
    private @Nullable Relay peer;
    private boolean inputEnded;
    private boolean outputEnded;
    private boolean resetting;
    private @Nullable Splice splice;
    private long windowBytes;
    private long windowEndNs = System.nanoTime();

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
        channel.config().setAutoRead(splice == null && peer().channel.isWritable());
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        lane.add(this);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        endSplice();
        lane.remove(this);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        endSplice(); // the source has come to its end
        if (peer().outputEnded) {
            ((ByteBuf) message).release();
            return;
        }
        Relay to = peer();
        int bytes = ((ByteBuf) message).readableBytes();
        tunnel.passing(this, bytes);
        window();
        windowBytes += bytes;
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
        if (windowBytes >= MUCH_BYTES && splice == null && !inputEnded) {
            beginSplice();
        }
    }

    /** Starts a new window when the last one is over; true when that one carried little. */
    private boolean window() {
        long nowNs = System.nanoTime();
        if (nowNs - windowEndNs < 0) {
            return false;
        }
        boolean little = windowBytes < LITTLE_BYTES;
        windowEndNs = nowNs + WINDOW_NS;
        windowBytes = 0;
        return little;
    }

    /** Where nothing but the kernel need touch the bytes, none wait to be written, and there is a pipe. */
    private void beginSplice() {
        Relay to = peer();
        if (channel instanceof EpollSocketChannel from
                && to.channel instanceof EpollSocketChannel into
                && alone()
                && to.alone()
                && to.writtenAll()
                && lane.beginSplice()) {
            splice = Splice.start(from, into, this);
            if (splice == null) {
                lane.endSplice();
                windowBytes = 0; // not again for each read
                return;
            }
            lane.count(Event.SPLICED);
            channel.config().setAutoRead(false);
        }
    }

    @SuppressWarnings("ReferenceEquality") // this handler
    private boolean alone() {
        return channel.pipeline().first() == this && channel.pipeline().last() == this;
    }

    private boolean writtenAll() {
        ChannelOutboundBuffer pending = channel.unsafe().outboundBuffer();
        return !outputEnded && pending != null && pending.isEmpty();
    }

    @Override
    public void onCarried(long bytes) {
        tunnel.passing(this, (int) bytes);
        boolean little = window();
        windowBytes += bytes;
        if (little) {
            endSplice();
            regulate();
        }
    }

    /** The kernel tells of a reset once, and it has told the splice. */
    @Override
    public void onBroken() {
        closeNow();
    }

    /** Takes the direction back from the kernel, if it has it; what lies in the pipe is written before all that follows. */
    private void endSplice() {
        Splice ending = splice;
        if (ending == null) {
            return;
        }
        splice = null;
        lane.endSplice();
        windowBytes = 0;
        ByteBuf rest = ending.stop(channel.alloc());
        if (rest.isReadable() && peer().channel.isActive()) {
            peer().write(rest);
            peer().flush();
        } else {
            rest.release();
        }
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
        endSplice();
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
        endSplice();
        peer().endSplice();
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
        endSplice();
        if (peer != null) {
            peer.endSplice();
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
