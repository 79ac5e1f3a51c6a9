package dev.drover.dataplane;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.epoll.Native;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Carries what arrives at one TCP socket to another within the kernel: {@code splice(2)} moves pages from the socket to a
 * pipe and from there to the other socket. While it runs, Netty must not read the source (autoRead off) and has nothing
 * to write to the sink.
 *
 * <p>It watches copies of the descriptors, edge triggered, so that Netty's own registrations stay as they are. The
 * end of the source is left to Netty, which reads what is still there, whatever autoRead says, and so the owner hears of it;
 * he then calls {@link #stop}, whose bytes come before those that Netty has read. A copy keeps its connection open: a
 * channel that was closed is closed in truth once this has stopped.
 *
 * <p>Lane's thread only, which is that of both channels.
 */
public final class Splice {
    /** Most bytes carried before other channels of the lane have their turn. */
    private static final int TURN_BYTES = 1 << 20;
    /** What a pipe is asked to take; a kernel that refuses leaves it at 64 KB. */
    private static final int PIPE_BYTES = 256 << 10;

    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_SETPIPE_SZ = 1031;
    private static final long WHERE_IT_IS = -1;

    private static final EpollIoOps READABLE = EpollIoOps.valueOf(Native.EPOLLIN | Native.EPOLLET);
    private static final EpollIoOps WRITABLE = EpollIoOps.valueOf(Native.EPOLLOUT | Native.EPOLLET);

    /** Told on the lane's thread. */
    public interface Owner {
        /** So many bytes were read from the source in one turn. */
        void onCarried(long bytes);

        /** Source or sink is broken; Netty may not hear of it, for the kernel tells of a reset once. */
        void onBroken();
    }

    private final IoEventLoop loop;
    private final Owner owner;
    private final FileDescriptor pipeIn;
    private final FileDescriptor pipeOut;
    private final FileDescriptor source;
    private final FileDescriptor sink;
    private @Nullable IoRegistration sourceWatch;
    private @Nullable IoRegistration sinkWatch;
    /** Bytes in the pipe. */
    private long held;

    private boolean turnQueued;
    private boolean stopped;

    private Splice(IoEventLoop loop, Owner owner, FileDescriptor[] pipe, FileDescriptor source, FileDescriptor sink) {
        this.loop = loop;
        this.owner = owner;
        pipeOut = pipe[0];
        pipeIn = pipe[1];
        this.source = source;
        this.sink = sink;
    }

    /**
     * Begins, with what has arrived already.
     *
     * @return null when there are no descriptors left for it
     */
    public static @Nullable Splice start(EpollSocketChannel from, EpollSocketChannel to, Owner owner) {
        FileDescriptor[] pipe;
        try {
            pipe = FileDescriptor.pipe();
        } catch (IOException e) {
            return null;
        }
        int source = Sys.fcntl(from.fd().intValue(), F_DUPFD_CLOEXEC, 0);
        int sink = Sys.fcntl(to.fd().intValue(), F_DUPFD_CLOEXEC, 0);
        if (source < 0 || sink < 0) {
            close(pipe[0]);
            close(pipe[1]);
            close(source);
            close(sink);
            return null;
        }
        Sys.fcntl(pipe[1].intValue(), F_SETPIPE_SZ, PIPE_BYTES);
        IoEventLoop loop = (IoEventLoop) from.eventLoop();
        Splice splice = new Splice(loop, owner, pipe, new FileDescriptor(source), new FileDescriptor(sink));
        splice.sourceWatch = splice.watch(splice.source, READABLE);
        splice.sinkWatch = splice.watch(splice.sink, WRITABLE);
        splice.queueTurn();
        return splice;
    }

    private static void close(int fd) {
        if (fd >= 0) {
            Sys.close(fd);
        }
    }

    private static void close(FileDescriptor fd) {
        try {
            fd.close();
        } catch (IOException e) {
            // it is closed all the same, close(2)
        }
    }

    private IoRegistration watch(FileDescriptor fd, EpollIoOps ops) {
        IoRegistration registration =
                loop.register(new Watch(fd)).syncUninterruptibly().getNow();
        registration.submit(ops);
        return registration;
    }

    private void queueTurn() {
        if (!turnQueued) {
            turnQueued = true;
            loop.execute(() -> {
                turnQueued = false;
                turn();
            });
        }
    }

    /** Carries until source or sink must be waited for. */
    private void turn() {
        if (stopped) {
            return;
        }
        long carried = 0;
        try {
            boolean moved = true;
            while (moved && carried < TURN_BYTES) {
                int in = Native.splice(source.intValue(), WHERE_IT_IS, pipeIn.intValue(), WHERE_IT_IS, TURN_BYTES);
                held += in;
                carried += in;
                int out = held == 0
                        ? 0
                        : Native.splice(pipeOut.intValue(), WHERE_IT_IS, sink.intValue(), WHERE_IT_IS, held);
                held -= out;
                moved = in > 0 || out > 0;
            }
            if (moved) {
                queueTurn();
            }
        } catch (IOException e) {
            owner.onCarried(carried);
            owner.onBroken();
            return;
        }
        if (carried > 0) {
            owner.onCarried(carried);
        }
    }

    /**
     * Ends; the second call does nothing.
     *
     * @return what was read and is not yet written, to be released
     */
    public ByteBuf stop(ByteBufAllocator allocator) {
        if (stopped) {
            return Unpooled.EMPTY_BUFFER;
        }
        stopped = true;
        cancel(sourceWatch);
        cancel(sinkWatch);
        ByteBuf rest = rest(allocator);
        close(source);
        close(sink);
        close(pipeIn);
        close(pipeOut);
        return rest;
    }

    private static void cancel(@Nullable IoRegistration watch) {
        if (watch != null) {
            watch.cancel();
        }
    }

    private ByteBuf rest(ByteBufAllocator allocator) {
        if (held == 0) {
            return Unpooled.EMPTY_BUFFER;
        }
        ByteBuf rest = allocator.directBuffer((int) held, (int) held);
        while (rest.isWritable()) {
            long read = Sys.read(pipeOut.intValue(), rest.memoryAddress() + rest.writerIndex(), rest.writableBytes());
            if (read <= 0) {
                break;
            }
            rest.writerIndex(rest.writerIndex() + (int) read);
        }
        return rest;
    }

    private final class Watch implements EpollIoHandle {
        private final FileDescriptor fd;

        Watch(FileDescriptor fd) {
            this.fd = fd;
        }

        @Override
        public FileDescriptor fd() {
            return fd;
        }

        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            turn();
        }

        @Override
        public void close() {}
    }
}
