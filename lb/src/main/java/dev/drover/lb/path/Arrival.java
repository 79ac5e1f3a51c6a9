package dev.drover.lb.path;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandler;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/** The way of a client connection from its acceptance to the handler that serves it: PROXY protocol, TLS, then
 * what is spoken. */
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

    ListenerLimits limits() {
        return room.server().policy().limits();
    }

    /** Called while the channel is made ready. */
    void begin() {
        if (!room.server().admit(channel)) {
            refuse(Event.CLIENT_REFUSED_LISTENER_FULL);
            return;
        }
        Networks proxies = room.proxies();
        if (proxies != null && proxies.contains(caller.client().getAddress())) {
            channel.pipeline().addLast(new ProxyGate(this));
        } else if (room.server().admit(channel, caller.client())) {
            addNext();
        } else {
            refuse(Event.CLIENT_REFUSED_SOURCE_FULL);
        }
    }

    private void refuse(Event why) {
        lane.count(why);
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
        channel.close();
    }

    /** Adds what comes first behind the PROXY protocol, and returns the first handler of it. */
    private ChannelInboundHandler addNext() {
        Certificates certificates = room.certificates();
        ChannelPipeline pipeline = channel.pipeline();
        if (certificates != null) {
            TlsGate gate = new TlsGate(this, certificates);
            ChannelInboundHandler sni = gate.sni();
            pipeline.addLast(sni, gate);
            return sni;
        }
        ChannelInboundHandler next = room.http() && room.h2c() ? new H2cGate(this) : front();
        pipeline.addLast(next);
        return next;
    }

    /** @param rest read behind the header; taken over */
    void afterProxy(ChannelHandler gate, ProxyHeader header, ByteBuf rest) throws Exception {
        InetSocketAddress client = header.client();
        InetSocketAddress local = header.local();
        if (client != null && local != null) {
            caller = new Caller(client, local, null, false);
        }
        if (!room.server().admit(channel, caller.client())) {
            rest.release();
            refuse(Event.CLIENT_REFUSED_SOURCE_FULL);
            return;
        }
        ChannelInboundHandler next = addNext();
        channel.pipeline().remove(gate);
        ChannelHandlerContext context = channel.pipeline().context(next);
        next.channelActive(context);
        if (rest.isReadable()) {
            next.channelRead(context, rest);
        } else {
            rest.release();
        }
    }

    /** @param protocol chosen by ALPN; null when the client offered none of ours */
    void afterTls(ChannelHandler gate, @Nullable String protocol, Caller.Tls tls) throws Exception {
        caller = caller.over(tls);
        if (Certificates.HTTP_2.equals(protocol)) {
            seatH2(gate);
        } else {
            seat(gate, front());
        }
    }

    /** @param first read before; taken over */
    void afterPreface(ChannelHandler gate, boolean http2, ByteBuf first) throws Exception {
        ChannelInboundHandler next;
        if (http2) {
            next = seatH2(gate);
        } else {
            next = seat(gate, front());
        }
        next.channelRead(channel.pipeline().context(next), first);
    }

    private ChannelInboundHandler seat(ChannelHandler gate, ChannelInboundHandler front) throws Exception {
        channel.pipeline().replace(gate, null, front);
        front.channelActive(channel.pipeline().context(front));
        return front;
    }

    private ChannelInboundHandler seatH2(ChannelHandler gate) throws Exception {
        H2Front front = new H2Front(lane, room.server(), channel, caller.amongst(room.forwarders()));
        channel.pipeline().replace(gate, null, front.codec());
        channel.pipeline().addLast(front);
        front.channelActive(channel.pipeline().context(front));
        return front.codec();
    }

    private ChannelInboundHandlerAdapter front() {
        if (room.http()) {
            return new HttpFront(lane, room.server(), channel, caller.amongst(room.forwarders()));
        }
        channel.config().setAutoRead(false);
        return new TcpFront(lane, room.server(), channel, caller, room.greeting());
    }
}
