package dev.drover.dns.path;

import dev.drover.dns.wire.Rcode;
import dev.drover.dns.wire.Wire;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.util.concurrent.Future;
import java.security.SecureRandom;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One forwarded query from the first try to the reply. Every try has a socket of its own, connected to the upstream: a
 * random ID, a random source port (the kernel's choice) and the source address checked by the kernel stand against
 * forged replies (RFC 5452). All methods run on the lane that read the query.
 */
final class Exchange {
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Forwarder forwarder;
    private final Query query;
    private final List<Upstream> upstreams;
    private final Via via;
    private final Asker asker;
    private final long deadlineNs;

    private int next;
    private boolean done;
    private @Nullable Channel channel;
    private @Nullable Future<?> timeout;

    Exchange(Forwarder forwarder, Query query, List<Upstream> upstreams, Via via, Asker asker) {
        this.forwarder = forwarder;
        this.query = query;
        this.upstreams = upstreams;
        this.via = via;
        this.asker = asker;
        this.deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(forwarder.limits.totalMs());
    }

    void start() {
        tryNext();
    }

    private void tryNext() {
        if (next == upstreams.size() || leftNs() <= 0) {
            forwarder.count(ForwardOutcome.FAILED);
            finish(Reply.empty(query, Rcode.SERVFAIL, true));
        } else {
            new Try(upstreams.get(next++), Via.UDP, true).start();
        }
    }

    private void finish(Reply reply) {
        abandonTry();
        done = true;
        asker.reply(reply);
    }

    private void abandonTry() {
        if (timeout != null) {
            timeout.cancel(false);
            timeout = null;
        }
        Channel old = channel;
        if (old != null) {
            channel = null; // first, so that its end is nobody's concern
            old.close();
        }
    }

    private long leftNs() {
        return deadlineNs - System.nanoTime();
    }

    /** A fair part of the time that is left, for the current upstream and the ones behind it. */
    private long tryNs() {
        int waiting = upstreams.size() - next + 1;
        return Math.min(TimeUnit.MILLISECONDS.toNanos(forwarder.limits.tryMs()), leftNs() / waiting);
    }

    /** One message to one upstream. */
    private final class Try implements UpstreamHandler.Listener {
        private final Upstream upstream;
        private final Via transport;
        private final boolean edns;
        private final int id = RANDOM.nextInt(1 << 16);

        Try(Upstream upstream, Via transport, boolean edns) {
            this.upstream = upstream;
            this.transport = transport;
            this.edns = edns;
        }

        void start() {
            abandonTry();
            timeout = forwarder.loop.schedule(this::onTimeout, Math.max(1, tryNs()), TimeUnit.NANOSECONDS);
            ChannelFuture connecting = bootstrap().connect(upstream.address());
            Channel opened = connecting.channel();
            channel = opened;
            forwarder.channels.add(opened);
            connecting.addListener(f -> {
                if (current(opened)) {
                    if (f.isSuccess()) {
                        opened.writeAndFlush(message());
                    } else {
                        onUnreachable(opened);
                    }
                }
            });
        }

        private Bootstrap bootstrap() {
            Bootstrap bootstrap = new Bootstrap().group(forwarder.loop);
            return transport == Via.UDP
                    ? bootstrap
                            .channel(forwarder.datagramChannel)
                            .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(Query.MAX_LENGTH))
                            .handler(new UpstreamHandler(this))
                    : bootstrap
                            .channel(forwarder.socketChannel)
                            .option(ChannelOption.TCP_NODELAY, true)
                            .handler(new ChannelInitializer<Channel>() {
                                @Override
                                protected void initChannel(Channel ch) {
                                    ch.pipeline()
                                            .addLast(new LengthFieldBasedFrameDecoder(
                                                    Wire.MAX_MESSAGE + Short.BYTES, 0, Short.BYTES, 0, Short.BYTES))
                                            .addLast(new UpstreamHandler(Try.this));
                                }
                            });
        }

        /** The client's question with our ID; OPT only with the payload size and DO, as options are hop by hop. */
        private ByteBuf message() {
            int length = Wire.HEADER + query.question.length + (edns ? Wire.OPT_LENGTH : 0);
            ByteBuf out = Unpooled.buffer(Short.BYTES + length);
            if (transport == Via.TCP) {
                out.writeShort(length);
            }
            out.writeShort(id)
                    .writeShort(query.flags & (Wire.RD | Wire.AD | Wire.CD))
                    .writeShort(1)
                    .writeShort(0)
                    .writeShort(0)
                    .writeShort(edns ? 1 : 0)
                    .writeBytes(query.question);
            if (edns) {
                Wire.writeOpt(out, query.dnssecOk);
            }
            return out;
        }

        private boolean current(Channel from) {
            return !done && from.equals(channel);
        }

        @Override
        public void onMessage(Channel from, ByteBuf message) {
            if (!current(from)) {
                return;
            }
            switch (UpstreamReply.judge(message, query, id)) {
                case USE -> {
                    upstream.answered();
                    forwarder.count(ForwardOutcome.ANSWERED);
                    finish(UpstreamReply.toClient(message, query, via));
                }
                case TRUNCATED -> {
                    if (transport == Via.UDP) {
                        forwarder.count(ForwardOutcome.TRY_TCP);
                        new Try(upstream, Via.TCP, edns).start();
                    } else {
                        onRefused();
                    }
                }
                case NOT_UNDERSTOOD -> {
                    if (edns) {
                        forwarder.count(ForwardOutcome.TRY_PLAIN);
                        new Try(upstream, transport, false).start();
                    } else {
                        onRefused();
                    }
                }
                case REFUSED -> onRefused();
                case MISMATCH -> forwarder.count(ForwardOutcome.TRY_MISMATCH);
            }
        }

        @Override
        public void onUnreachable(Channel from) {
            if (current(from)) {
                upstream.failed(System.nanoTime(), sickNs());
                forwarder.count(ForwardOutcome.TRY_UNREACHABLE);
                tryNext();
            }
        }

        @Override
        public void onFault(Channel from, Throwable fault) {
            forwarder.faults.onFault(fault);
            if (current(from)) {
                tryNext();
            }
        }

        private void onRefused() {
            upstream.answered();
            forwarder.count(ForwardOutcome.TRY_REFUSED);
            tryNext();
        }

        private void onTimeout() {
            if (!done) {
                upstream.failed(System.nanoTime(), sickNs());
                forwarder.count(ForwardOutcome.TRY_TIMEOUT);
                tryNext();
            }
        }

        private long sickNs() {
            return TimeUnit.MILLISECONDS.toNanos(forwarder.limits.sickMs());
        }
    }
}
