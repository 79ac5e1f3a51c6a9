package dev.drover.node.metadata;

import dev.drover.dataplane.Sockets;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The HTTP server. One thread of its own does everything, so that no container can keep the packets of another waiting by
 * what it asks here. {@link #publish} may come from any thread, the other calls from one at a time.
 */
public final class MetadataServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetadataServer.class);
    private static final int BACKLOG = 512;
    private static final int MAX_LINE_BYTES = 16 << 10;
    private static final int MAX_HEADER_BYTES = 16 << 10;
    private static final int CHUNK_BYTES = 4 << 10;
    private static final int IDLE_S = 30;
    private static final long CLOSE_MS = 1_000;

    private final Sockets sockets;
    private final InetSocketAddress address;
    private final EventLoopGroup group =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("metadata", true), EpollIoHandler.newFactory());
    private final Answers answers = new Answers(System::nanoTime, System.currentTimeMillis());
    private final Waiting waiting;
    private final RequestCounter counter = new RequestCounter();
    private final Admission admission = new Admission();
    private @Nullable Channel listener;

    /**
     * @param sockets opens the listening socket; they must be of epoll
     * @param address where to listen
     */
    public MetadataServer(Sockets sockets, InetSocketAddress address) {
        this.sockets = sockets;
        this.address = address;
        EventLoop loop = group.next();
        waiting = new Waiting(loop, answers);
    }

    /** Answers from this source from now on, and whoever waits for what has changed in it. */
    public void publish(MetadataSource source) {
        answers.source(source);
        waiting.changed();
    }

    /**
     * Listens, if it does not yet.
     *
     * @return the address, with the port the kernel chose for port 0
     * @throws UncheckedIOException when the address cannot be had, naming it
     */
    public InetSocketAddress listen() {
        Channel open = listener;
        if (open == null) {
            ServerBootstrap bootstrap = new ServerBootstrap()
                    .group(group)
                    .option(ChannelOption.SO_BACKLOG, BACKLOG)
                    .option(ChannelOption.SO_REUSEADDR, true)
                    .childHandler(new Connections());
            ChannelFuture binding = sockets.listen(bootstrap, address).awaitUninterruptibly();
            if (!binding.isSuccess()) {
                throw failed(binding.cause());
            }
            open = binding.channel();
            listener = open;
            LOG.info("metadata serving address={}", open.localAddress());
        }
        return (InetSocketAddress) open.localAddress();
    }

    private UncheckedIOException failed(Throwable cause) {
        BindException named = new BindException(address.getAddress().getHostAddress() + ":" + address.getPort() + ": "
                + cause.getMessage() + " (expected: a port that no other process listens on at every address: let it"
                + " listen at the host's own addresses); until then containers cannot read their metadata");
        named.initCause(cause);
        return new UncheckedIOException(named.getMessage(), named);
    }

    private final class Connections extends ChannelInitializer<SocketChannel> {
        @Override
        protected void initChannel(SocketChannel channel) {
            if (!admission.admit(channel)) {
                channel.close();
                return;
            }
            channel.pipeline()
                    .addLast(new IdleStateHandler(0, 0, IDLE_S))
                    .addLast(new HttpServerCodec(MAX_LINE_BYTES, MAX_HEADER_BYTES, CHUNK_BYTES))
                    .addLast(new HttpServerKeepAliveHandler())
                    .addLast(new HttpObjectAggregator(0, true))
                    .addLast(new MetadataHandler(answers, waiting, counter));
        }
    }

    /** Exposes its metrics in {@code registry}. */
    public void registerMetrics(PrometheusRegistry registry) {
        CounterWithCallback.builder()
                .name("drover_metadata_requests")
                .help("requests of containers for metadata that were answered, by HTTP status")
                .labelNames("status")
                .callback(sink -> counter.byStatus()
                        .forEach((status, count) -> sink.call((double) count.sum(), String.valueOf(status))))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_metadata_refused_connections")
                .help("connections for metadata beyond the number allowed to one container or to all")
                .callback(sink -> sink.call((double) admission.refused()))
                .register(registry);
        GaugeWithCallback.builder()
                .name("drover_metadata_connections")
                .help("connections of containers for metadata")
                .callback(sink -> sink.call(admission.connections()))
                .register(registry);
    }

    /** Accepts nothing more and lets nobody wait any more; connections end after their next answer. */
    public void drain() {
        Channel open = listener;
        listener = null;
        if (open != null) {
            open.close().awaitUninterruptibly();
        }
        group.next().submit(waiting::onDrain).awaitUninterruptibly();
    }

    @Override
    public void close() {
        group.shutdownGracefully(0, CLOSE_MS, TimeUnit.MILLISECONDS).awaitUninterruptibly(CLOSE_MS);
    }
}
