package dev.drover.dns.resolve;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The connection of a lane to an upstream over TLS (RFC 7858): opened with the first question, shared by all that follow,
 * closed when nothing was asked for a while. The certificate must bear the upstream's name.
 */
final class TlsLink implements UpstreamHandler.Listener {
    private static final int IDLE_SECONDS = 10;
    private static final int HANDSHAKE_MS = 2_000;

    private final Resolver resolver;
    private final Upstream upstream;
    private final Map<Integer, Try> waiting = new HashMap<>();
    private final List<ByteBuf> unsent = new ArrayList<>();
    private @Nullable Channel channel;
    private boolean connected;
    private boolean closed;
    private boolean used;

    TlsLink(Resolver resolver, Upstream upstream) {
        this.resolver = resolver;
        this.upstream = upstream;
    }

    boolean isOpen() {
        return !closed;
    }

    /** Whether a message has come back over it. */
    boolean wasUsed() {
        return used;
    }

    void open() {
        ChannelFuture connecting = new Bootstrap()
                .group(resolver.loop)
                .channel(resolver.socketChannel)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, HANDSHAKE_MS)
                .handler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel ch) {
                        initPipeline(ch);
                    }
                })
                .connect(upstream.address());
        Channel opened = connecting.channel();
        channel = opened;
        resolver.channels.add(opened);
        connecting.addListener(f -> {
            if (f.isSuccess()) {
                connected = true;
                unsent.forEach(opened::write);
                unsent.clear();
                opened.flush();
            } else {
                onUnreachable();
            }
        });
    }

    private void initPipeline(Channel ch) {
        SslHandler tls = Objects.requireNonNull(upstream.tls())
                .newHandler(
                        ch.alloc(),
                        Objects.requireNonNull(upstream.endpoint().tlsName()),
                        upstream.address().getPort());
        tls.setHandshakeTimeoutMillis(HANDSHAKE_MS);
        ch.pipeline()
                .addLast(tls)
                .addLast(Try.frames())
                .addLast(new IdleStateHandler(0, 0, IDLE_SECONDS, TimeUnit.SECONDS))
                .addLast(new ChannelInboundHandlerAdapter() {
                    @Override
                    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                        if (event instanceof IdleStateEvent) {
                            ctx.close();
                        }
                    }
                })
                .addLast(new UpstreamHandler(this));
    }

    /**
     * Sends a message, or keeps it until connected.
     *
     * @param wantedId its ID, changed in the message if another try has it
     * @return the ID it got
     */
    int send(Try from, int wantedId, ByteBuf message) {
        if (closed) { // could not even begin to connect
            message.release();
            resolver.loop.execute(from::onUnreachable);
            return wantedId;
        }
        int id = wantedId;
        while (waiting.putIfAbsent(id, from) != null) {
            id = id + 1 & 0xffff;
        }
        message.setShort(Short.BYTES, id);
        if (connected) {
            Objects.requireNonNull(channel).writeAndFlush(message);
        } else {
            unsent.add(message);
        }
        return id;
    }

    void forget(int id, Try from) {
        waiting.remove(id, from);
    }

    @Override
    public void onMessage(ByteBuf message) {
        used = true;
        if (message.readableBytes() >= Short.BYTES) {
            Try asked = waiting.get(message.getUnsignedShort(message.readerIndex()));
            if (asked != null) {
                asked.onMessage(message);
            }
        }
    }

    @Override
    public void onUnreachable() {
        close();
        List.copyOf(waiting.values()).forEach(Try::onUnreachable);
    }

    @Override
    public void onFault(Throwable fault) {
        close();
        List.copyOf(waiting.values()).forEach(asked -> asked.onFault(fault));
    }

    private void close() {
        if (!closed) {
            closed = true;
            resolver.closed(this, upstream);
            unsent.forEach(ByteBuf::release);
            unsent.clear();
            if (channel != null) {
                channel.close();
            }
        }
    }
}
