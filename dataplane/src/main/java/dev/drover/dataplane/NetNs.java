package dev.drover.dataplane;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A network namespace held open by a descriptor; it lives as long as this object even when its last process ends.
 *
 * <p>setns(2) moves one thread of the operating system. Work inside a namespace therefore runs on a platform thread
 * that is made for it and ends with it: never on a virtual thread or an event loop. A socket or TAP that is opened
 * inside stays with the namespace and may be used from any thread afterwards.
 */
public final class NetNs implements AutoCloseable {
    private static final int O_RDONLY_CLOEXEC = 0x80000;
    private static final int CLONE_NEWNET = 0x40000000;
    private static final String OF_THIS_THREAD = "/proc/thread-self/ns/net";

    private final String path;
    private final int fd;
    private final long inode;
    private boolean closed;

    private NetNs(String path) {
        this.path = path;
        this.fd = Sys.check("open network namespace " + path, Sys.open(path, O_RDONLY_CLOEXEC));
        try {
            this.inode = (long) Files.getAttribute(Path.of("/proc/self/fd/" + fd), "unix:ino");
        } catch (IOException e) {
            Sys.close(fd);
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Opens a namespace by path: {@code /proc/PID/ns/net} or {@code /run/netns/NAME}.
     *
     * @throws SysException the path does not exist or may not be opened
     */
    public static NetNs open(String path) {
        return new NetNs(path);
    }

    /** The namespace of the calling thread. */
    public static NetNs current() {
        return new NetNs(OF_THIS_THREAD);
    }

    /** Open descriptor, valid until {@link #close}; for {@code IFLA_NET_NS_FD}. */
    public int fd() {
        return fd;
    }

    /** Number that tells namespaces apart while they live. */
    public long inode() {
        return inode;
    }

    public boolean same(NetNs other) {
        return inode == other.inode;
    }

    /**
     * Runs a task inside the namespace and waits for it; an interrupt is kept for afterwards.
     *
     * @throws X what the task threw, the same object
     * @throws SysException the namespace may not be entered
     */
    @SuppressWarnings("unchecked") // a task throws X or what is unchecked, nothing else
    public <T extends @Nullable Object, X extends Exception> T call(Task<T, X> task) throws X {
        Run<T, X> run = new Run<>(this, task);
        joinUninterruptibly(Thread.ofPlatform().name("netns " + path).daemon().start(run));
        if (run.failure instanceof Error error) {
            throw error;
        }
        if (run.failure != null) {
            throw (X) run.failure;
        }
        return run.result();
    }

    /** As {@link #call} for a task without a result. */
    public <X extends Exception> void run(Action<X> action) throws X {
        this.<@Nullable Void, X>call(() -> {
            action.run();
            return null;
        });
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Sys.check("close network namespace " + path, Sys.close(fd));
        }
    }

    @Override
    public String toString() {
        return path;
    }

    /** Work inside a namespace. */
    @FunctionalInterface
    public interface Task<T extends @Nullable Object, X extends Exception> {
        T call() throws X;
    }

    /** Work inside a namespace, without a result. */
    @FunctionalInterface
    public interface Action<X extends Exception> {
        void run() throws X;
    }

    private static void joinUninterruptibly(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** What the thread does and what came of it; its end publishes the fields to the caller. */
    private static final class Run<T extends @Nullable Object, X extends Exception> implements Runnable {
        private final NetNs namespace;
        private final Task<T, X> task;
        private @Nullable T result;
        private @Nullable Throwable failure;

        Run(NetNs namespace, Task<T, X> task) {
            this.namespace = namespace;
            this.task = task;
        }

        @Override
        public void run() {
            try {
                Sys.check("enter network namespace " + namespace.path, Sys.setns(namespace.fd, CLONE_NEWNET));
                result = task.call();
            } catch (Throwable t) { // handed over to the caller's thread
                failure = t;
            }
        }

        @SuppressWarnings("NullAway") // T itself says whether null is a result
        T result() {
            return result;
        }
    }
}
