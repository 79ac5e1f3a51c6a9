package dev.drover.dataplane;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * Linux system calls by the foreign function API: no native code of our own, no allocation per call.
 *
 * <p>Every call returns what the C function returns, or {@code -errno} where that is -1, so that hot code compares an
 * int and throws nothing. Pointers are plain addresses of off-heap memory that the caller owns and keeps alive. The
 * errno of a call is captured in a segment that belongs to the calling platform thread.
 *
 * <p>The linker takes a slice of that segment in each call. The JIT makes it vanish where all of the call is inlined into
 * one method, which is sure for these methods compiled alone and chance where they end in the middle of a large caller: 40
 * bytes a call, in one start of three. So the launcher and the tests tell it to compile them alone ({@code
 * -XX:CompileCommand=dontinline}); a call into the kernel does not feel one more of Java.
 */
public final class Sys {
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int EAGAIN = 11;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int EMSGSIZE = 90;
    public static final int EADDRINUSE = 98;
    public static final int EADDRNOTAVAIL = 99;
    public static final int ENETUNREACH = 101;
    public static final int ENOBUFS = 105;
    public static final int ECONNREFUSED = 111;
    public static final int EHOSTUNREACH = 113;

    /** No message of glibc is longer. */
    private static final long MESSAGE_BYTES = 256;

    /** Whose priority {@link #nice} sets. */
    private static final long PRIO_PROCESS = 0;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final VarHandle ERRNO_FIELD =
            Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final ThreadLocal<MemorySegment> CAPTURE =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));

    /**
     * One shape for every function: five words in, one word out. The calling conventions of Linux on x86-64 and AArch64
     * pass them in registers, where a surplus word is ignored and an int is the low half of its word; making the code of
     * a shape costs 20 ms of the process's start, and this makes one.
     */
    private static final FunctionDescriptor FIVE_WORDS =
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

    private static final MethodHandle OPEN = handle("open");
    private static final MethodHandle CLOSE = handle("close");
    private static final MethodHandle IOCTL = handle("ioctl");
    private static final MethodHandle FCNTL = handle("fcntl");
    private static final MethodHandle SOCKET = handle("socket");
    private static final MethodHandle SOCKETPAIR = handle("socketpair");
    private static final MethodHandle SETPRIORITY = handle("setpriority");
    private static final MethodHandle BIND = handle("bind");
    private static final MethodHandle CONNECT = handle("connect");
    private static final MethodHandle GETSOCKNAME = handle("getsockname");
    private static final MethodHandle SETSOCKOPT = handle("setsockopt");
    private static final MethodHandle GETSOCKOPT = handle("getsockopt");
    private static final MethodHandle READ = handle("read");
    private static final MethodHandle WRITE = handle("write");
    private static final MethodHandle READV = handle("readv");
    private static final MethodHandle WRITEV = handle("writev");
    private static final MethodHandle SENDMSG = handle("sendmsg");
    private static final MethodHandle RECVMSG = handle("recvmsg");
    private static final MethodHandle SENDMMSG = handle("sendmmsg");
    private static final MethodHandle RECVMMSG = handle("recvmmsg");
    private static final MethodHandle POLL = handle("poll");
    private static final MethodHandle SETNS = handle("setns");
    private static final MethodHandle STRERROR = handle("strerror");
    private static final MethodHandle SYSCALL = handle("syscall");

    /** Number of {@code bpf(2)}, which glibc has no function for. */
    private static final long BPF = System.getProperty("os.arch").equals("aarch64") ? 280 : 321;

    private Sys() {}

    /** {@code open(2)}. */
    public static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment capture = CAPTURE.get();
            int result = (int)
                    (long) OPEN.invokeExact(capture, arena.allocateFrom(path).address(), (long) flags, 0L, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code close(2)}. */
    public static int close(int fd) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) CLOSE.invokeExact(capture, (long) fd, 0L, 0L, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code ioctl(2)} with a pointer or an integer as third argument. */
    public static int ioctl(int fd, long request, long argument) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) IOCTL.invokeExact(capture, (long) fd, request, argument, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code fcntl(2)} with an integer as third argument. */
    public static int fcntl(int fd, int command, long argument) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) FCNTL.invokeExact(capture, (long) fd, (long) command, argument, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code socket(2)}. */
    public static int socket(int domain, int type, int protocol) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) SOCKET.invokeExact(capture, (long) domain, (long) type, (long) protocol, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code socketpair(2)}; {@code pair} points to room for two ints. */
    public static int socketpair(int domain, int type, int protocol, long pair) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result =
                    (int) (long) SOCKETPAIR.invokeExact(capture, (long) domain, (long) type, (long) protocol, pair, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code setpriority(2)} of the calling thread: 19 takes only what others leave. */
    public static int nice(int value) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) SETPRIORITY.invokeExact(capture, PRIO_PROCESS, 0L, (long) value, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code bind(2)}. */
    public static int bind(int fd, long sockaddr, int length) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) BIND.invokeExact(capture, (long) fd, sockaddr, (long) length, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code connect(2)}. */
    public static int connect(int fd, long sockaddr, int length) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) CONNECT.invokeExact(capture, (long) fd, sockaddr, (long) length, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code getsockname(2)}; {@code lengthPointer} points to an int. */
    public static int getsockname(int fd, long sockaddr, long lengthPointer) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) GETSOCKNAME.invokeExact(capture, (long) fd, sockaddr, lengthPointer, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code setsockopt(2)} with an int value. */
    public static int setsockopt(int fd, int level, int option, int value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment capture = CAPTURE.get();
            long pointer = arena.allocateFrom(JAVA_INT, value).address();
            int result =
                    (int) (long) SETSOCKOPT.invokeExact(capture, (long) fd, (long) level, (long) option, pointer, 4L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code getsockopt(2)}; {@code lengthPointer} points to an int. */
    public static int getsockopt(int fd, int level, int option, long value, long lengthPointer) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long)
                    GETSOCKOPT.invokeExact(capture, (long) fd, (long) level, (long) option, value, lengthPointer);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code read(2)}; bytes read. */
    public static long read(int fd, long buffer, long length) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) READ.invokeExact(capture, (long) fd, buffer, length, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code write(2)}; bytes written. */
    public static long write(int fd, long buffer, long length) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) WRITE.invokeExact(capture, (long) fd, buffer, length, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code readv(2)}; bytes read. */
    public static long readv(int fd, long iovec, int count) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) READV.invokeExact(capture, (long) fd, iovec, (long) count, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code writev(2)}; bytes written. */
    public static long writev(int fd, long iovec, int count) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) WRITEV.invokeExact(capture, (long) fd, iovec, (long) count, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code sendmsg(2)}; bytes sent. */
    public static long sendmsg(int fd, long msghdr, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) SENDMSG.invokeExact(capture, (long) fd, msghdr, (long) flags, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code recvmsg(2)}; bytes received. */
    public static long recvmsg(int fd, long msghdr, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) RECVMSG.invokeExact(capture, (long) fd, msghdr, (long) flags, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code sendmmsg(2)}; messages sent. */
    public static int sendmmsg(int fd, long mmsghdrs, int count, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result =
                    (int) (long) SENDMMSG.invokeExact(capture, (long) fd, mmsghdrs, (long) count, (long) flags, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code recvmmsg(2)} without a timeout; messages received. */
    public static int recvmmsg(int fd, long mmsghdrs, int count, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result =
                    (int) (long) RECVMMSG.invokeExact(capture, (long) fd, mmsghdrs, (long) count, (long) flags, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code poll(2)}; number of ready descriptors. */
    public static int poll(long pollfds, int count, int timeoutMs) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) POLL.invokeExact(capture, pollfds, (long) count, (long) timeoutMs, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code setns(2)}: moves the calling thread; only for short-lived platform threads. */
    public static int setns(int fd, int type) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) SETNS.invokeExact(capture, (long) fd, (long) type, 0L, 0L, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code bpf(2)}; {@code attributes} points to a {@code union bpf_attr} of {@code size} bytes. */
    public static int bpf(int command, long attributes, int size) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) (long) SYSCALL.invokeExact(capture, BPF, (long) command, attributes, (long) size, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Text of an errno given as returned here, negative or positive: {@code Address already in use}. */
    public static String message(long errno) {
        try {
            long text = (long) STRERROR.invokeExact(CAPTURE.get(), Math.abs(errno), 0L, 0L, 0L, 0L);
            return MemorySegment.ofAddress(text).reinterpret(MESSAGE_BYTES).getString(0);
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Passes a result through, or throws for a negative one: {@code what: message}. For cold code. */
    public static int check(String what, int result) {
        if (result < 0) {
            throw new SysException(what, -result);
        }
        return result;
    }

    private static int errno(MemorySegment capture) {
        return (int) ERRNO_FIELD.get(capture, 0L);
    }

    private static MethodHandle handle(String name) {
        return LINKER.downcallHandle(LIBC.findOrThrow(name), FIVE_WORDS, ERRNO);
    }

    private static AssertionError unexpected(Throwable t) {
        return new AssertionError("downcall failed", t);
    }
}
