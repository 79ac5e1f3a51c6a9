package dev.drover.node.handover;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.FileDescriptor;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A Unix stream socket that carries bytes and descriptors, read and written by one thread that waits. Each read waits no
 * longer than the time it is given.
 */
final class Stream implements AutoCloseable {
    private static final String LEFT = "left (expected: an answer)";
    private static final Object END = new Object();

    private final EpollDomainSocketChannel channel;
    private final Inbound inbound;
    /** Taken from the queue and not read to its end. */
    private @Nullable Object reading;

    private Stream(EpollDomainSocketChannel channel, Inbound inbound) {
        this.channel = channel;
        this.inbound = inbound;
    }

    /** What arrived and was not read yet: {@link ByteBuf}, {@link FileDescriptor}, in the end {@link #END}. */
    static final class Inbound extends ChannelInboundHandlerAdapter {
        private final LinkedBlockingQueue<Object> arrived = new LinkedBlockingQueue<>();

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            arrived.add(message);
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            arrived.add(END);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            ctx.close();
        }
    }

    /** Null when nobody listens at {@code path}. */
    static @Nullable Stream connect(EventLoopGroup loop, Path path) {
        Inbound inbound = new Inbound();
        ChannelFuture connecting = new Bootstrap()
                .group(loop)
                .channel(EpollDomainSocketChannel.class)
                .handler(inbound)
                .connect(new DomainSocketAddress(path.toString()))
                .awaitUninterruptibly();
        return connecting.isSuccess() ? of(connecting.channel(), inbound) : null;
    }

    static Stream of(Channel channel, Inbound inbound) {
        return new Stream((EpollDomainSocketChannel) channel, inbound);
    }

    /**
     * Descriptors are given to and taken from processes of our own user alone.
     *
     * @throws HandoverException when the process at the other end is another's
     */
    void checkPeer() throws IOException {
        int peer;
        try {
            peer = channel.peerCredentials().uid();
        } catch (ClosedChannelException _) {
            throw new HandoverException(LEFT);
        }
        int own = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        if (peer != own) {
            throw new HandoverException("peer of user " + peer + " (expected: " + own + ", as this process)");
        }
    }

    void write(String text) throws IOException {
        write(text.getBytes(StandardCharsets.UTF_8));
    }

    void write(byte[] bytes) throws IOException {
        done(channel.writeAndFlush(Unpooled.wrappedBuffer(bytes)));
    }

    void write(int number) throws IOException {
        done(channel.writeAndFlush(Unpooled.copyInt(number)));
    }

    /** The descriptor stays open here. */
    void writeDescriptor(int fd) throws IOException {
        done(channel.writeAndFlush(new FileDescriptor(fd)));
    }

    private static void done(ChannelFuture writing) throws IOException {
        if (!writing.awaitUninterruptibly().isSuccess()) {
            throw new HandoverException("not sent: " + writing.cause().getMessage());
        }
    }

    /** From here on descriptors are read; no byte may be on its way. */
    void expectDescriptors() {
        channel.config().setReadMode(DomainSocketReadMode.FILE_DESCRIPTORS);
    }

    int readDescriptor(Duration limit) throws IOException, InterruptedException {
        if (next(limit) instanceof FileDescriptor descriptor) {
            reading = null;
            return descriptor.intValue();
        }
        throw new HandoverException("bytes (expected: a descriptor)");
    }

    byte[] read(int length, Duration limit) throws IOException, InterruptedException {
        byte[] bytes = new byte[length];
        int filled = 0;
        while (filled < length) {
            if (!(next(limit) instanceof ByteBuf buffer)) {
                throw new HandoverException("a descriptor (expected: bytes)");
            }
            int count = Math.min(buffer.readableBytes(), length - filled);
            buffer.readBytes(bytes, filled, count);
            filled += count;
            if (!buffer.isReadable()) {
                reading = null;
                buffer.release();
            }
        }
        return bytes;
    }

    int readInt(Duration limit) throws IOException, InterruptedException {
        return Unpooled.wrappedBuffer(read(Integer.BYTES, limit)).readInt();
    }

    private Object next(Duration limit) throws IOException, InterruptedException {
        Object next = reading;
        if (next == null) {
            next = inbound.arrived.poll(limit.toMillis(), TimeUnit.MILLISECONDS);
            if (next == null) {
                throw new HandoverException("silent for " + limit.toSeconds() + " s (expected: an answer)");
            }
            reading = next;
        }
        if (next == END) {
            throw new HandoverException(LEFT);
        }
        return next;
    }

    /** Waits until the other side has closed; false when it has not within {@code limit}. */
    boolean awaitEnd(Duration limit) throws InterruptedException {
        return channel.closeFuture().await(limit.toMillis());
    }

    boolean isOpen() {
        return channel.isOpen();
    }

    @Override
    public void close() {
        channel.close().awaitUninterruptibly();
        Object left = reading == null ? inbound.arrived.poll() : reading;
        reading = null;
        for (; left != null; left = inbound.arrived.poll()) {
            if (left instanceof FileDescriptor descriptor) {
                closeQuietly(descriptor);
            } else {
                ReferenceCountUtil.release(left);
            }
        }
    }

    private static void closeQuietly(FileDescriptor descriptor) {
        try {
            descriptor.close();
        } catch (IOException _) {
            // it was never used
        }
    }
}
