package dev.drover.dns.resolve;

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
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One message to one upstream. Over UDP and TCP each has a socket of its own, connected to the upstream: a random ID, a
 * random source port (the kernel's choice), random case of the letters of the name, and the source address checked by the
 * kernel stand against forged replies (RFC 5452; draft-vixie-dnsext-dns0x20). Over TLS all share one connection.
 */
final class Try implements UpstreamHandler.Listener {
    enum Transport {
        UDP,
        TCP,
        TLS
    }

    private static final int MAX_DATAGRAM = 4096;

    final Upstream upstream;
    final Transport transport;
    final boolean edns;
    /** Whether it is to tell if a reply over UDP in another case of letters was true. */
    final boolean checksCase;

    private final Flight flight;
    private final boolean mixesCase;
    private boolean mayReconnect;
    private boolean caseChecked;
    private boolean closed;
    private boolean late;
    private int id;
    private byte[] sent = {};
    private long startNs;
    private @Nullable Channel channel;
    private @Nullable TlsLink link;
    private @Nullable Future<?> timeout;

    private Try(
            Flight flight,
            Upstream upstream,
            Transport transport,
            boolean edns,
            boolean mixesCase,
            boolean checksCase,
            boolean mayReconnect) {
        this.flight = flight;
        this.upstream = upstream;
        this.transport = transport;
        this.edns = edns;
        this.mixesCase = mixesCase;
        this.checksCase = checksCase;
        this.mayReconnect = mayReconnect;
    }

    /** A first message to {@code upstream}. */
    static Try to(Flight flight, Upstream upstream) {
        boolean tls = upstream.tls() != null;
        return new Try(flight, upstream, tls ? Transport.TLS : Transport.UDP, true, upstream.keepsCase(), false, tls);
    }

    Try over(Transport next) {
        return new Try(flight, upstream, next, edns, mixesCase, false, false);
    }

    Try withoutEdns() {
        return new Try(flight, upstream, transport, false, mixesCase, false, mayReconnect);
    }

    Try inLowerCase() {
        return new Try(flight, upstream, transport, edns, false, false, false);
    }

    Try caseCheck() {
        return new Try(flight, upstream, Transport.TCP, edns, mixesCase, true, false);
    }

    /** Over a connection, where nobody can forge, case tells nothing. */
    boolean caseMatters() {
        return mixesCase && transport == Transport.UDP;
    }

    /** True once. */
    boolean takeCaseCheck() {
        boolean first = !caseChecked;
        caseChecked = true;
        return first;
    }

    /** True once when its connection was an old one, which the upstream may have closed meanwhile. */
    boolean takeReconnect() {
        boolean may = mayReconnect && link != null && link.wasUsed();
        mayReconnect = false;
        return may;
    }

    int id() {
        return id;
    }

    /** Question as sent. */
    byte[] sent() {
        return sent;
    }

    long startNs() {
        return startNs;
    }

    boolean isLate() {
        return late;
    }

    boolean keptCase(ByteBuf message) {
        return Arrays.equals(ReplyCheck.question(message, sent.length), sent);
    }

    boolean isEcho(int arrivedId, byte[] arrived) {
        return id == arrivedId && Arrays.equals(sent, arrived);
    }

    void start(Resolver resolver, Question question, long timeoutNs) {
        startNs = System.nanoTime();
        upstream.asked(startNs);
        resolver.openTries++;
        id = resolver.random.nextInt(1 << Short.SIZE);
        sent = mixesCase ? mixCase(question, resolver) : question.bytes;
        timeout = resolver.loop.schedule(this::onTimeout, timeoutNs, TimeUnit.NANOSECONDS);
        if (transport == Transport.TLS) {
            link = resolver.link(upstream);
            id = link.send(this, id, message(question));
            return;
        }
        ChannelFuture connecting = bootstrap(resolver).connect(upstream.address());
        Channel opened = connecting.channel();
        channel = opened;
        resolver.channels.add(opened);
        connecting.addListener(f -> {
            if (f.isSuccess() && !closed) {
                opened.writeAndFlush(message(question));
            } else {
                onUnreachable();
            }
        });
    }

    private Bootstrap bootstrap(Resolver resolver) {
        Bootstrap bootstrap = new Bootstrap().group(resolver.loop);
        return transport == Transport.UDP
                ? bootstrap
                        .channel(resolver.datagramChannel)
                        .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(MAX_DATAGRAM))
                        .handler(new UpstreamHandler(this))
                : bootstrap
                        .channel(resolver.socketChannel)
                        .option(ChannelOption.TCP_NODELAY, true)
                        .handler(new ChannelInitializer<Channel>() {
                            @Override
                            protected void initChannel(Channel ch) {
                                ch.pipeline().addLast(frames()).addLast(new UpstreamHandler(Try.this));
                            }
                        });
    }

    /** Takes the length in front of messages over a stream away (RFC 1035 section 4.2.2). */
    static LengthFieldBasedFrameDecoder frames() {
        return new LengthFieldBasedFrameDecoder(Wire.MAX_MESSAGE + Short.BYTES, 0, Short.BYTES, 0, Short.BYTES);
    }

    /**
     * The question with our ID; AD says that we understand it in the reply (RFC 6840 section 5.7). OPT bears the payload
     * size and DO alone, as options are hop by hop.
     */
    private ByteBuf message(Question question) {
        int length = Wire.HEADER + sent.length + (edns ? Wire.OPT_LENGTH : 0);
        ByteBuf out = Unpooled.buffer(Short.BYTES + length);
        if (transport != Transport.UDP) {
            out.writeShort(length);
        }
        out.writeShort(id)
                .writeShort(Wire.RD | Wire.AD | (question.checkingDisabled ? Wire.CD : 0))
                .writeShort(1)
                .writeShort(0)
                .writeShort(0)
                .writeShort(edns ? 1 : 0)
                .writeBytes(sent);
        if (edns) {
            Wire.writeOpt(out, question.dnssecOk);
        }
        return out;
    }

    private static byte[] mixCase(Question question, Resolver resolver) {
        byte[] mixed = question.bytes.clone();
        byte[] coins = new byte[(mixed.length + Byte.SIZE - 1) / Byte.SIZE];
        resolver.random.nextBytes(coins);
        for (int i = 0; i < question.nameLength(); i++) {
            boolean letter = mixed[i] >= 'a' && mixed[i] <= 'z';
            if (letter && (coins[i / Byte.SIZE] >> i % Byte.SIZE & 1) != 0) {
                mixed[i] &= ~0x20;
            }
        }
        return mixed;
    }

    private void onTimeout() {
        if (!closed) {
            late = true;
            flight.onTimeout(this);
        }
    }

    @Override
    public void onMessage(ByteBuf message) {
        if (!closed) {
            flight.onMessage(this, message);
        }
    }

    @Override
    public void onUnreachable() {
        if (!closed) {
            flight.onUnreachable(this);
        }
    }

    @Override
    public void onFault(Throwable fault) {
        if (!closed) {
            flight.onFault(this, fault);
        }
    }

    void close(Resolver resolver) {
        if (closed) {
            return;
        }
        closed = true; // first, so that the end of the channel is nobody's concern
        resolver.openTries--;
        if (timeout != null) {
            timeout.cancel(false);
        }
        if (channel != null) {
            channel.close();
        }
        if (link != null) {
            link.forget(id, this);
        }
    }
}
