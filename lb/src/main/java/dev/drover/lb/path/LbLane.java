package dev.drover.lb.path;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Transport;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.IoEventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.uring.IoUringChannelOption;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** What the load balancer keeps per event loop; touched by that loop's thread alone, unless said otherwise. */
public final class LbLane {
    /** Time limits are late by at most this. */
    private static final long TICK_MS = 50;
    /** Each holds four descriptors. */
    private static final int MAX_SPLICES = 512;

    /** Between the head of a blackholed target's kernel dying and our noticing while no data is under way. */
    private static final int KEEP_IDLE_S = 10;

    /** Records of requests kept for the next ones. */
    private static final int MAX_UNUSED = 1_024;

    private static final int KEEP_INTERVAL_S = 3;
    private static final int KEEP_PROBES = 3;

    private final int index;
    private final IoEventLoop loop;
    private final Limits limits;
    private final CounterSet<Outcome> outcomes;
    private final CounterSet<Event> events;
    private final Consumer<Throwable> onDefect;
    private final Bootstrap upstream;
    private final Bootstrap transparent;
    private final byte[] scratch;
    private final RequestHead requestHead;
    private final ResponseHead responseHead;
    private final ClientHello clientHello = new ClientHello();
    private long random = ThreadLocalRandom.current().nextLong() | 1;
    private final H2Message h2Message;
    private final H2Request h2Request = new H2Request();
    private final Fields trailers = new Fields();
    private final Journal journal = new Journal();
    private final ArrayDeque<Transaction> unused = new ArrayDeque<>();
    private @Nullable DatagramBuffers datagrams;
    private int splices;
    private @Nullable Timed first;
    private @Nullable Future<?> ticker;
    private @Nullable Promise<Void> allClosed;

    /** @param onDefect told, on this lane, of exceptions that no connection's end explains */
    public LbLane(
            Lanes lanes,
            int index,
            Limits limits,
            CounterSet<Outcome> outcomes,
            CounterSet<Event> events,
            Consumer<Throwable> onDefect) {
        this.index = index;
        this.loop = lanes.lane(index);
        this.limits = limits;
        this.outcomes = outcomes;
        this.events = events;
        this.onDefect = onDefect;
        scratch = new byte[Math.max(limits.maxHeadBytes(), ListenerLimits.MAX_HEAD_BYTES)];
        requestHead = new RequestHead();
        responseHead = new ResponseHead();
        h2Message = new H2Message(scratch);
        upstream = upstream(lanes, loop, limits);
        transparent = transparent(upstream, lanes.transport());
    }

    private static Bootstrap upstream(Lanes lanes, IoEventLoop loop, Limits limits) {
        Bootstrap bootstrap = new Bootstrap()
                .group(loop)
                .channel(lanes.socketChannel())
                .disableResolver()
                // TCP_NODELAY is what Netty's native transports set by themselves.
                .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                // A target may answer and close before it has read the whole request: a failed write must not throw
                // away the answer that is already here.
                .option(ChannelOption.AUTO_CLOSE, false)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.WRITE_BUFFER_WATER_MARK, waterMark())
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, limits.connectTimeoutMs());
        if (lanes.transport() == Transport.EPOLL) {
            bootstrap
                    .option(EpollChannelOption.TCP_USER_TIMEOUT, limits.userTimeoutMs())
                    .option(EpollChannelOption.TCP_KEEPIDLE, KEEP_IDLE_S)
                    .option(EpollChannelOption.TCP_KEEPINTVL, KEEP_INTERVAL_S)
                    .option(EpollChannelOption.TCP_KEEPCNT, KEEP_PROBES);
        } else {
            bootstrap
                    .option(IoUringChannelOption.TCP_USER_TIMEOUT, limits.userTimeoutMs())
                    .option(IoUringChannelOption.TCP_KEEPIDLE, KEEP_IDLE_S)
                    .option(IoUringChannelOption.TCP_KEEPINTVL, KEEP_INTERVAL_S)
                    .option(IoUringChannelOption.TCP_KEEPCNT, KEEP_PROBES);
        }
        return bootstrap;
    }

    private static Bootstrap transparent(Bootstrap upstream, Transport transport) {
        return transport == Transport.EPOLL
                ? upstream.clone()
                        .option(EpollChannelOption.IP_TRANSPARENT, true)
                        // The port may be the same as that of a connection to another target: chosen when connecting.
                        .option(EpollChannelOption.IP_BIND_ADDRESS_NO_PORT, true)
                : upstream.clone().option(IoUringChannelOption.IP_TRANSPARENT, true);
    }

    /** Low enough that a slow reader holds little memory, high enough for one full read (64 KB) in flight. */
    public static WriteBufferWaterMark waterMark() {
        return new WriteBufferWaterMark(32 * 1024, 64 * 1024);
    }

    public int index() {
        return index;
    }

    public IoEventLoop loop() {
        return loop;
    }

    Limits limits() {
        return limits;
    }

    void count(Outcome outcome) {
        outcomes.increment(index, outcome);
    }

    /** False when the lane has given as many directions to the kernel as it may; else {@link #endSplice} gives one back. */
    boolean beginSplice() {
        if (splices == MAX_SPLICES) {
            return false;
        }
        splices++;
        return true;
    }

    void endSplice() {
        splices--;
    }

    void count(Event event) {
        events.increment(index, event);
    }

    /** Sorts out what a pipeline caught: the ends of connections are daily business, all else is a defect. */
    void caught(Throwable cause) {
        // Faults of TLS come wrapped.
        Throwable root = cause instanceof DecoderException && cause.getCause() != null ? cause.getCause() : cause;
        if (!(root instanceof IOException)) {
            count(Event.UNEXPECTED_EXCEPTION);
            onDefect.accept(cause);
        }
    }

    /** 64 random bits (xorshift64*), for choosing and not for secrets. */
    long random() {
        random ^= random >>> 12;
        random ^= random << 25;
        random ^= random >>> 27;
        return random * 0x2545f4914f6cdd1dL;
    }

    /** Room for one head, valid until the caller returns to the loop. */
    byte[] scratch() {
        return scratch;
    }

    /** The parsed form of {@link #scratch()}, valid as long as that. */
    RequestHead requestHead() {
        return requestHead;
    }

    ResponseHead responseHead() {
        return responseHead;
    }

    /** For the first message of one connection at a time, as {@link #requestHead()}. */
    ClientHello clientHello() {
        return clientHello;
    }

    /** Writes heads of HTTP/2 to {@link #scratch()}. */
    H2Message h2Message() {
        return h2Message;
    }

    /** Reads heads that go out as HTTP/2. */
    H2Request h2Request() {
        return h2Request;
    }

    /** For trailers, valid until the caller returns to the loop. */
    Fields trailers() {
        return trailers;
    }

    /** For the next request; goes back by {@link #close(Transaction, ListenerPolicy)}. */
    Transaction transaction() {
        Transaction next = unused.pollLast();
        return next == null ? new Transaction() : next;
    }

    /** Keeps what must be kept of an ended request. */
    void close(Transaction done, ListenerPolicy policy) {
        journal.keep(done, policy.slowNs());
        if (!policy.log().isEmpty()) {
            AccessQueue log = policy.log().get(index);
            for (Transaction next = log.reclaim(); next != null; next = log.reclaim()) {
                keepUnused(next);
            }
            if (log.offer(done)) {
                return;
            }
            count(Event.LOG_DROPPED);
        }
        keepUnused(done);
    }

    private void keepUnused(Transaction transaction) {
        if (unused.size() < MAX_UNUSED) {
            unused.addLast(transaction);
        }
    }

    /** Copies of the last requests of this lane, the oldest first. */
    public List<Transaction> journal(Journal.Kind kind) {
        return journal.copies(kind);
    }

    /**
     * Opens a connection on this lane; {@code done} is told on this lane, also when no socket could be made.
     *
     * @param tls whose handshake is part of connecting; null for none
     */
    void connect(InetSocketAddress address, @Nullable TargetTls tls, ChannelHandler handler, Connecting done) {
        if (tls != null) {
            connectTls(address, tls, handler, done);
            return;
        }
        upstream.clone().handler(handler).connect(address).addListener(future -> tell(done, future.cause()));
    }

    /**
     * As {@link #connect}, from an address that need not be this host's (IP_TRANSPARENT, ip(7)) and a port of the kernel's
     * choice. What comes back has to be routed to this host.
     */
    void connectFrom(InetAddress source, InetSocketAddress address, ChannelHandler handler, Connecting done) {
        transparent
                .clone()
                .handler(handler)
                .connect(address, new InetSocketAddress(source, 0))
                .addListener(future -> tell(done, future.cause()));
    }

    private void connectTls(InetSocketAddress address, TargetTls tls, ChannelHandler handler, Connecting done) {
        SslHandler encryption = tls.handler(PooledByteBufAllocator.DEFAULT, address, limits.connectTimeoutMs());
        if (encryption == null) {
            loop.execute(() -> done.onConnect(new SSLException("target-tls cannot be used")));
            return;
        }
        ChannelInitializer<Channel> both = new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline().addLast(encryption, handler);
            }
        };
        upstream.clone().handler(both).connect(address).addListener((ChannelFutureListener) connect -> {
            if (connect.isSuccess()) {
                encryption.handshakeFuture().addListener(shaken -> {
                    if (!shaken.isSuccess()) {
                        count(Event.UPSTREAM_TLS_FAILED);
                        connect.channel().close();
                    }
                    tell(done, shaken.cause());
                });
            } else {
                tell(done, connect.cause());
            }
        });
    }

    private void tell(Connecting done, @Nullable Throwable failure) {
        if (loop.inEventLoop()) {
            done.onConnect(failure);
        } else {
            loop.execute(() -> done.onConnect(failure));
        }
    }

    /** Told the end of a connect. */
    interface Connecting {
        /** @param failure null when connected */
        void onConnect(@Nullable Throwable failure);
    }

    /** For one UDP socket more; its batch is valid until the caller returns to the loop. */
    DatagramBuffers enterDatagrams() {
        if (datagrams == null) {
            datagrams = new DatagramBuffers();
        }
        datagrams.enter();
        return datagrams;
    }

    /** Once for each {@link #enterDatagrams}. */
    void leaveDatagrams() {
        if (datagrams != null && !datagrams.leave()) {
            datagrams = null;
        }
    }

    void add(Timed timed) {
        timed.next = first;
        timed.previous = null;
        if (first != null) {
            first.previous = timed;
        }
        first = timed;
        if (ticker == null) {
            ticker = loop.scheduleAtFixedRate(this::tick, TICK_MS, TICK_MS, TimeUnit.MILLISECONDS);
        }
    }

    @SuppressWarnings("ReferenceEquality") // the links of a list
    void remove(Timed timed) {
        if (timed.previous != null) {
            timed.previous.next = timed.next;
        } else if (first == timed) {
            first = timed.next;
        } else {
            return;
        }
        if (timed.next != null) {
            timed.next.previous = timed.previous;
        }
        timed.previous = null;
        timed.next = null;
        timed.deadlineNs = Timed.NEVER;
        if (first == null && allClosed != null) {
            allClosed.trySuccess(null);
        }
    }

    private void tick() {
        if (first == null && ticker != null) {
            ticker.cancel(false);
            ticker = null;
            return;
        }
        long nowNs = System.nanoTime();
        Timed next;
        for (Timed timed = first; timed != null; timed = next) {
            // When the step removes the next one too, the rest waits for the next tick.
            next = timed.next;
            if (timed.deadlineNs != Timed.NEVER && timed.deadlineNs - nowNs <= 0) {
                timed.deadlineNs = Timed.NEVER;
                timed.onDeadline(nowNs);
            }
        }
    }

    /** Closes the idle connections of targets that left or drain, and tells the requests that wait for them. */
    public void targetGone(Target target, boolean removed) {
        target.closeIdle(this);
        long nowNs = System.nanoTime();
        each(timed -> timed.onTargetGone(target, removed, nowNs));
    }

    public void serverRetired(VirtualServer server, long endNs) {
        each(timed -> timed.onServerRetired(server, endNs));
    }

    /** Ends every connection of this lane at once; the future tells when all are closed. */
    public Future<Void> closeAll() {
        Promise<Void> done = loop.newPromise();
        allClosed = done;
        each(Timed::shutDown);
        if (first == null) {
            done.trySuccess(null);
        }
        return done;
    }

    /** For the rare visits of all; a step may remove any element, which is then visited as a closed one. */
    private void each(Consumer<Timed> step) {
        ArrayList<Timed> all = new ArrayList<>();
        for (Timed timed = first; timed != null; timed = timed.next) {
            all.add(timed);
        }
        all.forEach(step);
    }
}
