package dev.drover.dataplane;

import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringDatagramChannel;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.netty.channel.uring.IoUringSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The event loops of the data plane, one thread each, numbered from 0. Whatever belongs to lane {@code i} (its TAP
 * queue, its socket, its upstream pool, its counters) is touched by that thread alone.
 */
public final class Lanes implements AutoCloseable {
    private static final long SHUTDOWN_TIMEOUT_MS = 2_000;

    private final Transport transport;
    private final MultiThreadIoEventLoopGroup group;
    private final List<IoEventLoop> loops;
    private final Sockets sockets = new Sockets(this);

    private Lanes(Transport transport, MultiThreadIoEventLoopGroup group, List<IoEventLoop> loops) {
        this.transport = transport;
        this.group = group;
        this.loops = loops;
    }

    /**
     * Starts {@code count} loops.
     *
     * @param count number of loops, at least 1; one per core is the sensible most
     * @throws IllegalStateException when the kernel or the native library refuses the transport, with the reason
     */
    public static Lanes open(Transport transport, int count) {
        if (count < 1) {
            throw new IllegalArgumentException("lanes: " + count + " (expected: at least 1)");
        }
        MultiThreadIoEventLoopGroup group =
                new MultiThreadIoEventLoopGroup(count, new DefaultThreadFactory("lane", true), factory(transport));
        List<IoEventLoop> loops = new ArrayList<>(count);
        group.forEach(executor -> loops.add((IoEventLoop) executor));
        return new Lanes(transport, group, List.copyOf(loops));
    }

    private static IoHandlerFactory factory(Transport transport) {
        return switch (transport) {
            case EPOLL -> {
                if (!Epoll.isAvailable()) {
                    throw new IllegalStateException("transport: epoll is not available", Epoll.unavailabilityCause());
                }
                yield EpollParking.over(EpollIoHandler.newFactory(0, LingeringSelect::new));
            }
            case IO_URING -> {
                if (!IoUring.isAvailable()) {
                    throw new IllegalStateException(
                            "transport: io_uring is not available", IoUring.unavailabilityCause());
                }
                yield IoUringIoHandler.newFactory();
            }
        };
    }

    public int count() {
        return loops.size();
    }

    public IoEventLoop lane(int index) {
        return loops.get(index);
    }

    /** All lanes as one group, for bootstraps that spread their channels. */
    public EventLoopGroup group() {
        return group;
    }

    /** Opens the sockets on which this data plane is asked. */
    public Sockets sockets() {
        return sockets;
    }

    public Transport transport() {
        return transport;
    }

    public Class<? extends ServerChannel> serverChannel() {
        return transport == Transport.EPOLL ? EpollServerSocketChannel.class : IoUringServerSocketChannel.class;
    }

    public Class<? extends Channel> socketChannel() {
        return transport == Transport.EPOLL ? EpollSocketChannel.class : IoUringSocketChannel.class;
    }

    public Class<? extends DatagramChannel> datagramChannel() {
        return transport == Transport.EPOLL ? EpollDatagramChannel.class : IoUringDatagramChannel.class;
    }

    /** Stops every loop; channels and handles registered with them are closed. Waits at most two seconds. */
    @Override
    public void close() {
        group.shutdownGracefully(0, SHUTDOWN_TIMEOUT_MS, TimeUnit.MILLISECONDS)
                .awaitUninterruptibly(SHUTDOWN_TIMEOUT_MS);
    }
}
