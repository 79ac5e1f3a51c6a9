package dev.drover.lb.path;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import org.jspecify.annotations.Nullable;

/** The way of a client connection from its acceptance to the handler that serves it: TLS, then what is spoken. */
final class Arrival {
    private final LbLane lane;
    private final Entrance.Room room;
    private final Channel channel;
    private Caller caller;

    Arrival(LbLane lane, Entrance.Room room, Channel channel) {
        this.lane = lane;
        this.room = room;
        this.channel = channel;
        caller = Caller.of(channel);
    }

    LbLane lane() {
        return lane;
    }

    Channel channel() {
        return channel;
    }

    /** Called while the channel is made ready. */
    void begin() {
        Certificates certificates = room.certificates();
        ChannelPipeline pipeline = channel.pipeline();
        if (certificates != null) {
            TlsGate gate = new TlsGate(this, certificates);
            pipeline.addLast(gate.sni(), gate);
        } else {
            pipeline.addLast(front());
        }
    }

    /** @param protocol chosen by ALPN; null when the client offered none of ours */
    void afterTls(ChannelHandler gate, @Nullable String protocol, Caller.Tls tls) throws Exception {
        caller = caller.over(tls);
        ChannelInboundHandlerAdapter front = front();
        channel.pipeline().replace(gate, null, front);
        front.channelActive(channel.pipeline().context(front));
    }

    private ChannelInboundHandlerAdapter front() {
        if (room.http()) {
            return new HttpFront(lane, room.server(), channel, caller);
        }
        channel.config().setAutoRead(false);
        return new TcpFront(lane, room.server(), channel);
    }
}
