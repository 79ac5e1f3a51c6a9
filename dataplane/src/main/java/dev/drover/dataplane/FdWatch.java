package dev.drover.dataplane;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandle;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoOps;
import io.netty.channel.unix.FileDescriptor;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoOps;

/**
 * Calls a task on a lane's thread whenever a file descriptor of ours is readable, level triggered: a task that leaves
 * something unread is called again after everything else that is ready on the lane. With io_uring a one-shot poll is
 * armed again after each call. Does not own the descriptor.
 */
public final class FdWatch {
    private static final byte POLL_ADD = 6;
    private static final byte ASYNC_CANCEL = 14;
    private static final int POLLIN = 1;

    private final IoEventLoop loop;
    private final Runnable stop;

    private FdWatch(IoEventLoop loop, Runnable stop) {
        this.loop = loop;
        this.stop = stop;
    }

    /**
     * Starts watching; returns when the lane has accepted the descriptor. On any thread, the lane's own or none of a lane.
     *
     * @param fd non-blocking; open until {@link #stop} has returned
     * @param onReadable runs on the thread of {@code lane}; must not throw
     */
    public static FdWatch start(Lanes lanes, int lane, int fd, Runnable onReadable) {
        IoEventLoop loop = lanes.lane(lane);
        return switch (lanes.transport()) {
            case EPOLL -> {
                IoRegistration registration = register(loop, new Epoll(new FileDescriptor(fd), onReadable));
                registration.submit(EpollIoOps.EPOLLIN);
                yield new FdWatch(loop, registration::cancel);
            }
            case IO_URING -> {
                Uring handle = new Uring(fd, onReadable);
                IoRegistration registration = register(loop, handle);
                if (loop.inEventLoop()) {
                    handle.onArm(registration);
                } else {
                    loop.submit(() -> handle.onArm(registration)).syncUninterruptibly();
                }
                yield new FdWatch(loop, () -> handle.onDisarm(registration));
            }
        };
    }

    private static IoRegistration register(IoEventLoop loop, IoHandle handle) {
        return loop.register(handle).syncUninterruptibly().getNow();
    }

    /** Ends watching; when it returns the task does not run any more. Not to be called on the thread of another lane. */
    public void stop() {
        if (loop.inEventLoop()) {
            stop.run();
        } else if (!loop.isShuttingDown()) {
            loop.submit(stop).awaitUninterruptibly();
        }
    }

    private record Epoll(FileDescriptor fd, Runnable onReadable) implements EpollIoHandle {
        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            onReadable.run();
        }

        @Override
        public void close() {}
    }

    private static final class Uring implements IoUringIoHandle {
        private final int fd;
        private final Runnable onReadable;
        private long armed;
        private boolean stopped;

        Uring(int fd, Runnable onReadable) {
            this.fd = fd;
            this.onReadable = onReadable;
        }

        void onArm(IoRegistration registration) {
            armed = registration.submit(ops(POLL_ADD, fd, 0, POLLIN));
        }

        void onDisarm(IoRegistration registration) {
            stopped = true;
            registration.submit(ops(ASYNC_CANCEL, -1, armed, 0));
            registration.cancel();
        }

        private static IoUringIoOps ops(byte opcode, int fd, long address, int flags) {
            return new IoUringIoOps(
                    opcode, (byte) 0, (short) 0, fd, 0L, address, 0, flags, 0L, (short) 0, (short) 0, 0, 0L);
        }

        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            if (stopped || ((IoUringIoEvent) event).opcode() != POLL_ADD) {
                return;
            }
            onReadable.run();
            onArm(registration);
        }

        @Override
        public void close() {}
    }
}
