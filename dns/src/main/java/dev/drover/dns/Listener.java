package dev.drover.dns;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Sockets;
import dev.drover.dataplane.Transport;
import dev.drover.dns.path.QueryLane;
import dev.drover.dns.path.TcpInitializer;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.unix.UnixChannelOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;

/**
 * The sockets of one configured address: a UDP socket for each lane, which the kernel chooses by the hash of the
 * client's address and port (SO_REUSEPORT), and one TCP socket. Bound before they read; {@link #start} lets them.
 */
final class Listener implements AutoCloseable {
    private static final int RECEIVE_BUFFER_BYTES = 4 << 20;
    private static final int MAX_DATAGRAM_BYTES = 4096;
    private static final int BATCH = 16;
    private static final int BACKLOG = 512;
    /** Tries to find a port that is free for TCP and UDP when any will do. */
    private static final int ANY_PORT_TRIES = 16;

    private final InetSocketAddress address;
    private final List<Channel> channels;

    private Listener(InetSocketAddress address, List<Channel> channels) {
        this.address = address;
        this.channels = channels;
    }

    /**
     * Binds.
     *
     * @param exclusive whether to insist that nobody has the port; false when we have it already by another address
     * @throws UncheckedIOException when the address is in use, not of this host or not allowed, naming it
     */
    static Listener open(
            Lanes lanes,
            List<QueryLane> queryLanes,
            TcpInitializer tcp,
            ChannelGroup group,
            InetSocketAddress wanted,
            boolean exclusive) {
        boolean probed = exclusive && !lanes.sockets().inherits(Sockets.Kind.DATAGRAM, wanted);
        for (int tries = 1; ; tries++) {
            List<Channel> channels = new ArrayList<>();
            try {
                if (probed) {
                    // SO_REUSEPORT would let a second server of the same user take a part of our queries.
                    probeTcp(wanted);
                }
                Channel accepting = bindTcp(lanes, tcp, wanted);
                channels.add(accepting);
                InetSocketAddress bound = (InetSocketAddress) accepting.localAddress();
                if (probed) {
                    probeUdp(bound);
                }
                for (QueryLane lane : queryLanes) {
                    channels.add(bindUdp(lanes, lane, bound));
                }
                group.addAll(channels);
                return new Listener(bound, channels);
            } catch (IOException e) {
                closeAll(channels);
                if (wanted.getPort() != 0 || tries == ANY_PORT_TRIES) {
                    throw failed(wanted, e);
                }
            }
        }
    }

    InetSocketAddress address() {
        return address;
    }

    /** Begins to read queries and accept connections. */
    void start() {
        channels.forEach(channel -> channel.config().setAutoRead(true));
    }

    /** Reads and accepts nothing more; replies still go out. */
    void stop() {
        channels.forEach(channel -> channel.config().setAutoRead(false));
    }

    /** Closes the sockets; connections that were accepted live on. */
    @Override
    public void close() {
        closeAll(channels);
    }

    static String format(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + address.getPort();
    }

    private static void probeTcp(InetSocketAddress address) throws IOException {
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(address);
        }
    }

    private static void probeUdp(InetSocketAddress address) throws IOException {
        try (DatagramSocket probe = new DatagramSocket(null)) {
            probe.bind(address);
        }
    }

    private static Channel bindTcp(Lanes lanes, TcpInitializer initializer, InetSocketAddress address)
            throws IOException {
        ServerBootstrap bootstrap = new ServerBootstrap()
                .group(lanes.group())
                .option(ChannelOption.SO_REUSEADDR, true)
                .option(UnixChannelOption.SO_REUSEPORT, true)
                .option(ChannelOption.SO_BACKLOG, BACKLOG)
                .option(ChannelOption.AUTO_READ, false)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childHandler(initializer);
        return await(lanes.sockets().listen(bootstrap, address));
    }

    private static Channel bindUdp(Lanes lanes, QueryLane lane, InetSocketAddress address) throws IOException {
        Bootstrap bootstrap = new Bootstrap();
        int slots = 1;
        if (lanes.transport() == Transport.EPOLL) {
            // one system call for several queries, and by the handler's flush one for their replies
            slots = BATCH;
            bootstrap.option(EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, MAX_DATAGRAM_BYTES);
        }
        bootstrap
                .group(lane.loop())
                .option(UnixChannelOption.SO_REUSEPORT, true)
                .option(ChannelOption.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
                .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(slots * MAX_DATAGRAM_BYTES))
                .option(ChannelOption.AUTO_READ, false)
                .handler(lane.udpHandler());
        return await(lanes.sockets().bind(bootstrap, address));
    }

    private static Channel await(ChannelFuture binding) throws IOException {
        binding.awaitUninterruptibly();
        Throwable cause = binding.cause();
        if (cause != null) {
            throw cause instanceof IOException io ? io : new IOException(cause);
        }
        return binding.channel();
    }

    private static UncheckedIOException failed(InetSocketAddress address, IOException cause) {
        BindException named = new BindException("dns.binds: " + format(address)
                + " (expected: an address of this host whose UDP and TCP port are free): " + cause.getMessage());
        named.initCause(cause);
        return new UncheckedIOException(named.getMessage(), named);
    }

    private static void closeAll(List<Channel> channels) {
        channels.forEach(Channel::close);
        channels.forEach(channel -> channel.closeFuture().awaitUninterruptibly());
    }
}
