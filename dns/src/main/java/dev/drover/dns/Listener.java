package dev.drover.dns;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Sockets;
import dev.drover.dataplane.UdpSocket;
import dev.drover.dns.path.QueryLane;
import dev.drover.dns.path.TcpInitializer;
import dev.drover.dns.path.UdpLoop;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelOption;
import io.netty.channel.unix.UnixChannelOption;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The sockets of one configured address: a UDP socket for each lane, which the kernel chooses by the hash of the
 * client's address and port (SO_REUSEPORT), and one TCP socket. Bound before they read; {@link #start} lets them.
 */
final class Listener implements AutoCloseable {
    /** Holds a burst of queries while a lane is busy or waits for a processor. */
    private static final int SOCKET_BUFFER_BYTES = 4 << 20;

    private static final int BACKLOG = 512;
    /** Tries to find a port that is free for TCP and UDP when any will do. */
    private static final int ANY_PORT_TRIES = 16;

    private final Sockets sockets;
    private final InetSocketAddress address;
    private final Channel accepting;
    private final Map<UdpLoop, UdpSocket> loops;

    private Listener(Sockets sockets, InetSocketAddress address, Channel accepting, Map<UdpLoop, UdpSocket> loops) {
        this.sockets = sockets;
        this.address = address;
        this.accepting = accepting;
        this.loops = loops;
    }

    /**
     * Binds.
     *
     * @param exclusive whether to insist that nobody has the port; false when we have it already by another address
     * @throws UncheckedIOException when the address is in use, not of this host or not allowed, naming it
     */
    static Listener open(
            Lanes lanes, List<QueryLane> queryLanes, TcpInitializer tcp, InetSocketAddress wanted, boolean exclusive) {
        boolean probed = exclusive && !lanes.sockets().inherits(Sockets.Kind.DATAGRAM, wanted);
        for (int tries = 1; ; tries++) {
            try {
                if (probed) {
                    // SO_REUSEPORT would let a second server of the same user take a part of our queries.
                    probeTcp(wanted);
                }
                Channel accepting = bindTcp(lanes, tcp, wanted);
                InetSocketAddress bound = (InetSocketAddress) accepting.localAddress();
                Listener listener = new Listener(lanes.sockets(), bound, accepting, new LinkedHashMap<>());
                try {
                    if (probed) {
                        probeUdp(bound);
                    }
                    listener.bindUdp(lanes, queryLanes);
                } catch (IOException e) {
                    listener.close();
                    throw e;
                }
                return listener;
            } catch (IOException e) {
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
        accepting.config().setAutoRead(true);
        loops.keySet().forEach(UdpLoop::start);
    }

    /** Reads and accepts nothing more; replies still go out. */
    void stop() {
        accepting.config().setAutoRead(false);
        loops.keySet().forEach(UdpLoop::stop);
    }

    /** Queries that the kernel threw away because the queue of a UDP socket was full. */
    long overflows() {
        return loops.values().stream().mapToLong(UdpSocket::overflows).sum();
    }

    /** Closes the sockets; connections that were accepted live on. */
    @Override
    public void close() {
        accepting.close().awaitUninterruptibly();
        loops.forEach((loop, socket) -> {
            loop.close();
            sockets.close(socket);
        });
        loops.clear();
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

    private void bindUdp(Lanes lanes, List<QueryLane> queryLanes) throws IOException {
        for (QueryLane lane : queryLanes) {
            UdpSocket socket = sockets.bind(address, SOCKET_BUFFER_BYTES);
            loops.put(new UdpLoop(lanes, lane, socket), socket);
        }
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
}
