package dev.drover.dns.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.InetSocketAddress;

/** Datagrams of one socket; replies of one read batch are flushed together. */
final class UdpHandler extends ChannelInboundHandlerAdapter {
    private final QueryLane lane;
    private boolean reading;

    UdpHandler(QueryLane lane) {
        this.lane = lane;
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object msg) {
        reading = true;
        DatagramPacket packet = (DatagramPacket) msg;
        try {
            InetSocketAddress client = packet.sender();
            if (client.getPort() == 0) {
                lane.drop(Drop.NO_PORT);
            } else {
                onQuery(ctx.channel(), packet.content(), client);
            }
        } finally {
            packet.release();
        }
    }

    private void onQuery(Channel channel, ByteBuf query, InetSocketAddress client) {
        ByteBuf usual = lane.onUsual(query, Via.UDP, client.getAddress());
        if (usual != null) {
            send(channel, usual, client);
        } else {
            lane.onQuery(query, Via.UDP, client.getAddress(), reply -> send(channel, reply.message(), client));
        }
    }

    private void send(Channel channel, ByteBuf message, InetSocketAddress client) {
        if (!channel.isWritable()) {
            message.release();
            lane.drop(Drop.SEND_QUEUE_FULL);
            return;
        }
        channel.write(new DatagramPacket(message, client), channel.voidPromise());
        if (!reading) {
            channel.flush();
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext ctx) {
        reading = false;
        ctx.flush();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof IOException) {
            lane.drop(Drop.IO_ERROR);
        } else {
            lane.onFault(cause);
        }
    }
}
