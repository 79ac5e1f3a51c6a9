package dev.drover.lb;

import dev.drover.dataplane.Lanes;
import dev.drover.lb.path.Entrance;
import dev.drover.lb.path.LbLane;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoEventLoop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A port that listens for connections.
 *
 * <p>One accept socket on one lane, whose connections go to all lanes in turn. An accept socket per lane
 * (SO_REUSEPORT) would save the hand-over, one wake-up per connection, but lets the kernel's hash give one lane most of
 * a handful of long-lived connections, resets what waits in the queue of a socket that is closed, and makes a port that
 * another process of the same user holds look free.
 */
final class StreamDoor extends Door {
    private static final int BACKLOG = 4096;

    private final Lanes lanes;
    private final IoEventLoop acceptor;
    private final Entrance entrance;
    private @Nullable Channel channel;
    private boolean started;

    StreamDoor(Key key, Lanes lanes, IoEventLoop acceptor, List<LbLane> state) {
        super(key);
        this.lanes = lanes;
        this.acceptor = acceptor;
        entrance = new Entrance(state);
    }

    @Override
    void lead(Entrance.@Nullable Room room) {
        entrance.lead(room);
    }

    @Override
    @Nullable
    InetSocketAddress bound() {
        return channel == null ? null : (InetSocketAddress) channel.localAddress();
    }

    @Override
    void open() throws IOException {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(acceptor, lanes.group())
                .option(ChannelOption.AUTO_READ, started)
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.SO_REUSEADDR, true)
                // TCP_NODELAY is what Netty's native transports set by themselves.
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, LbLane.waterMark())
                .childHandler(entrance);
        ChannelFuture bind = lanes.sockets().listen(bootstrap, key().bind()).awaitUninterruptibly();
        if (!bind.isSuccess()) {
            throw new IOException(reason(bind.cause()), bind.cause());
        }
        channel = bind.channel();
    }

    @Override
    void start() {
        started = true;
        if (channel != null) {
            channel.config().setAutoRead(true);
        }
    }

    @Override
    void close(long drainNs) {
        if (channel != null) {
            channel.close().awaitUninterruptibly();
            channel = null;
        }
    }

    /** The words of the kernel without Netty's {@code bind(..) failed with error(-98): }. */
    private static String reason(@Nullable Throwable cause) {
        String message = cause == null || cause.getMessage() == null ? String.valueOf(cause) : cause.getMessage();
        int prefix = message.lastIndexOf("): ");
        return prefix < 0 ? message : message.substring(prefix + 3);
    }
}
