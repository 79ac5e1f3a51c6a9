package dev.drover.dns.path;

import dev.drover.dataplane.SocketName;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.timeout.IdleStateEvent;
import java.io.IOException;
import java.net.InetAddress;

/**
 * One client connection (RFC 7766): queries may be pipelined, each is answered when its reply is there, in any order.
 * Reading stops while too many wait for a reply or the client does not take what was sent.
 */
final class TcpHandler extends ChannelInboundHandlerAdapter {
    private static final int MAX_WAITING = 64;

    private final QueryLane lane;
    private final InetAddress client;
    private final long clientHigh;
    private final long clientLow;
    private int waiting;
    private boolean reading;
    private boolean inputShut;

    TcpHandler(QueryLane lane, InetAddress client) {
        this.lane = lane;
        this.client = client;
        clientHigh = SocketName.high(client);
        clientLow = SocketName.low(client);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        reading = true;
        ByteBuf frame = (ByteBuf) msg;
        try {
            if (!frame.isReadable()) {
                lane.drop(Drop.BAD_FRAME);
                ctx.close();
                return;
            }
            waiting++;
            if (!onUsual(ctx.channel(), frame)
                    && !lane.onQuery(frame, Via.TCP, client, reply -> send(ctx.channel(), reply.message()))) {
                waiting--;
            }
        } finally {
            frame.release();
        }
        throttle(ctx.channel());
    }

    /** Whether the query was a usual one, and is answered. */
    private boolean onUsual(Channel channel, ByteBuf query) {
        ByteBuf framed = PooledByteBufAllocator.DEFAULT.directBuffer();
        framed.setIndex(Short.BYTES, Short.BYTES); // the length goes in front
        if (lane.onUsual(query, Via.TCP, clientHigh, clientLow, framed) != QueryLane.Usual.ANSWERED) {
            framed.release();
            return false;
        }
        framed.setShort(0, framed.readableBytes());
        write(channel, framed.readerIndex(0));
        return true;
    }

    private void send(Channel channel, ByteBuf message) {
        ByteBuf length = Unpooled.buffer(Short.BYTES).writeShort(message.readableBytes());
        write(channel, Unpooled.wrappedBuffer(length, message));
    }

    private void write(Channel channel, ByteBuf framed) {
        waiting--;
        channel.write(framed, channel.voidPromise());
        if (!reading) {
            channel.flush();
            throttle(channel);
            closeIfFinished(channel);
        }
    }

    private void throttle(Channel channel) {
        channel.config().setAutoRead(waiting < MAX_WAITING && channel.isWritable());
    }

    private void closeIfFinished(Channel channel) {
        if (inputShut && waiting == 0) {
            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        reading = false;
        ctx.flush();
        throttle(ctx.channel());
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        throttle(ctx.channel());
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            // The client has asked all it wants to ask and may still wait for replies.
            inputShut = true;
            closeIfFinished(ctx.channel());
        } else if (event instanceof IdleStateEvent) {
            lane.drop(Drop.IDLE);
            ctx.close();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        switch (cause) {
            case TooLongFrameException e -> lane.drop(Drop.BAD_FRAME);
            case IOException e -> lane.drop(Drop.IO_ERROR);
            default -> lane.onFault(cause);
        }
        ctx.close();
    }
}
