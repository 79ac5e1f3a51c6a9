package dev.drover.perf;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Open-loop HTTP/1.1 load over kept connections: a request is due every {@code 1/rate} seconds whatever the answers do,
 * and its latency counts from the moment it was due. One that finds every connection busy waits, and its wait counts. So
 * a stall of the proxy shows in full, unlike in a closed loop. One event loop does all of it.
 */
final class OpenLoop {
    private static final long LONGEST_NS = TimeUnit.SECONDS.toNanos(60);
    private static final long CONNECT_MS = 5_000;
    private static final long DRAIN_MS = 5_000;

    /** @param failures requests without a whole answer of status 200 */
    record Result(Histogram latencyNs, long failures) {}

    private final ByteBuf request;
    private final long intervalNs;
    private final Histogram latencyNs = new Histogram(LONGEST_NS, 3);
    private final ArrayDeque<Connection> idle = new ArrayDeque<>();
    private final ArrayDeque<Long> waitingSinceNs = new ArrayDeque<>();
    private long failures;
    private long inFlight;
    private long nextDueNs;
    private long endNs;

    private OpenLoop(String path, InetSocketAddress to, double perSecond) {
        String text = "GET " + path + " HTTP/1.1\r\nHost: " + to.getHostString() + ":" + to.getPort() + "\r\n\r\n";
        request = Unpooled.unreleasableBuffer(
                Unpooled.directBuffer().writeBytes(text.getBytes(StandardCharsets.US_ASCII)));
        intervalNs = (long) (1e9 / perSecond);
    }

    /** Runs the load from inside {@code namespace} and waits for its end. */
    static Result run(
            String namespace, InetSocketAddress to, String path, double perSecond, int connections, int seconds)
            throws InterruptedException {
        OpenLoop load = new OpenLoop(path, to, perSecond);
        MultiThreadIoEventLoopGroup group = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
        try {
            // The caller's thread makes the sockets, so they belong to its namespace.
            List<ChannelFuture> connects = OverlayTopology.in(namespace, () -> load.connect(group, to, connections));
            for (ChannelFuture connect : connects) {
                if (!connect.await(CONNECT_MS) || !connect.isSuccess()) {
                    throw new IllegalStateException("open loop: connect to " + to + ": " + connect.cause());
                }
            }
            return load.measure(group.next(), seconds);
        } finally {
            group.shutdownGracefully(0, 1, TimeUnit.SECONDS).await(2, TimeUnit.SECONDS);
        }
    }

    private List<ChannelFuture> connect(MultiThreadIoEventLoopGroup group, InetSocketAddress to, int connections) {
        Bootstrap bootstrap =
                new Bootstrap().group(group).channel(EpollSocketChannel.class).option(ChannelOption.TCP_NODELAY, true);
        List<ChannelFuture> connects = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            connects.add(bootstrap.clone().handler(new Connection()).connect(to));
        }
        return connects;
    }

    private Result measure(IoEventLoop loop, int seconds) throws InterruptedException {
        loop.execute(() -> {
            nextDueNs = System.nanoTime();
            endNs = nextDueNs + TimeUnit.SECONDS.toNanos(seconds);
            tick(loop);
        });
        TimeUnit.SECONDS.sleep(seconds);
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(DRAIN_MS);
        while (System.nanoTime() < deadline
                && !loop.submit(this::allAnswered).awaitUninterruptibly().getNow()) {
            OverlayTopology.pause();
        }
        loop.submit(() -> {
                    failures += pending();
                })
                .await();
        return new Result(latencyNs, failures);
    }

    private boolean allAnswered() {
        return nextDueNs >= endNs && pending() == 0;
    }

    private long pending() {
        return inFlight + waitingSinceNs.size();
    }

    private void tick(IoEventLoop loop) {
        long nowNs = System.nanoTime();
        while (nextDueNs <= nowNs && nextDueNs < endNs) {
            waitingSinceNs.add(nextDueNs);
            nextDueNs += intervalNs;
        }
        sendWaiting();
        if (nextDueNs < endNs) {
            loop.schedule(() -> tick(loop), nextDueNs - System.nanoTime(), TimeUnit.NANOSECONDS);
        }
    }

    private void sendWaiting() {
        while (!waitingSinceNs.isEmpty() && !idle.isEmpty()) {
            inFlight++;
            idle.poll().send(waitingSinceNs.poll());
        }
    }

    /** One connection: one request at a time. */
    private final class Connection extends ChannelInboundHandlerAdapter {
        private final StringBuilder head = new StringBuilder(512);
        private ChannelHandlerContext context;
        private long dueNs;
        private long bodyLeft;
        private boolean busy;

        @SuppressWarnings("NullAway.Init") // handlerAdded is the first to be called
        Connection() {}

        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            context = ctx;
        }

        @Override
        public void channelActive(ChannelHandlerContext ctx) {
            idle.add(this);
        }

        void send(long since) {
            dueNs = since;
            busy = true;
            bodyLeft = -1;
            head.setLength(0);
            context.writeAndFlush(request.duplicate(), context.channel().voidPromise());
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ByteBuf in = (ByteBuf) message;
            try {
                while (bodyLeft < 0 && in.isReadable()) {
                    head.append((char) in.readByte());
                    int length = head.length();
                    if (length >= 4 && head.charAt(length - 1) == '\n' && head.charAt(length - 3) == '\n') {
                        bodyLeft = contentLength();
                    }
                }
                if (bodyLeft >= 0) {
                    bodyLeft -= in.readableBytes();
                }
            } finally {
                in.release();
            }
            if (bodyLeft == 0) {
                answered();
            }
        }

        private long contentLength() {
            String text = head.toString();
            int at = text.toLowerCase(Locale.ROOT).indexOf("\r\ncontent-length: ");
            if (!text.startsWith("HTTP/1.1 200") || at < 0) {
                context.close();
                return Long.MAX_VALUE;
            }
            int from = at + "\r\ncontent-length: ".length();
            return Long.parseLong(text.substring(from, text.indexOf('\r', from)));
        }

        private void answered() {
            latencyNs.recordValue(Math.min(LONGEST_NS, System.nanoTime() - dueNs));
            busy = false;
            inFlight--;
            idle.add(this);
            sendWaiting();
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            if (busy) {
                busy = false;
                inFlight--;
                failures++;
            }
            idle.remove(this);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            Channel channel = ctx.channel();
            channel.close();
        }
    }
}
