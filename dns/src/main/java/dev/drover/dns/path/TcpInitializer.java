package dev.drover.dns.path;

import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.group.ChannelGroup;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.timeout.IdleStateHandler;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Sets up an accepted connection on the lane it was given to, or closes it when its client has too many. */
public final class TcpInitializer extends ChannelInitializer<Channel> {
    private final List<QueryLane> lanes;
    private final ChannelGroup channels;

    /** @param channels gets every accepted connection, so that the server can close them */
    public TcpInitializer(List<QueryLane> lanes, ChannelGroup channels) {
        this.lanes = List.copyOf(lanes);
        this.channels = channels;
    }

    @Override
    protected void initChannel(Channel channel) {
        QueryLane lane = laneOf(channel.eventLoop());
        if (!(channel.remoteAddress() instanceof InetSocketAddress remote)) {
            channel.close(); // reset before it was accepted
            return;
        }
        InetAddress client = remote.getAddress();
        Limits limits = lane.limits();
        if (!lane.connections.enter(client, limits.connections(), limits.connectionsPerClient())) {
            lane.drop(Drop.CONNECTION_LIMIT);
            channel.close();
            return;
        }
        channels.add(channel);
        channel.closeFuture().addListener(closed -> lane.connections.leave(client));
        channel.pipeline()
                .addLast(new LengthFieldBasedFrameDecoder(
                        Query.MAX_LENGTH + Short.BYTES, 0, Short.BYTES, 0, Short.BYTES))
                // Behind the decoder, so that a client that sends a byte now and then counts as idle.
                .addLast(new IdleStateHandler(true, 0, 0, limits.idleMs(), TimeUnit.MILLISECONDS))
                .addLast(new TcpHandler(lane, client));
    }

    private QueryLane laneOf(EventLoop loop) {
        for (QueryLane lane : lanes) {
            if (lane.loop().equals(loop)) {
                return lane;
            }
        }
        throw new IllegalStateException("connection on a foreign event loop");
    }
}
