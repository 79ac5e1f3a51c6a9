package dev.drover.dataplane;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

/**
 * Linux system calls by the foreign function API: no native code of our own, no allocation per call.
 *
 * <p>Every call returns what the C function returns, or {@code -errno} where that is -1, so that hot code compares an
 * int and throws nothing. Pointers are plain addresses of off-heap memory that the caller owns and keeps alive. The
 * errno of a call is captured in a segment that belongs to the calling platform thread.
 */
public final class Sys {
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int EAGAIN = 11;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int ENODEV = 19;
    public static final int EINVAL = 22;
    public static final int EMSGSIZE = 90;
    public static final int EADDRINUSE = 98;
    public static final int EADDRNOTAVAIL = 99;
    public static final int ENOBUFS = 105;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBC = LINKER.defaultLookup();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final VarHandle ERRNO_FIELD =
            Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final ThreadLocal<MemorySegment> CAPTURE =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(Linker.Option.captureStateLayout()));

    private static final MethodHandle OPEN = variadic("open", 2, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle CLOSE = handle("close", JAVA_INT, JAVA_INT);
    private static final MethodHandle IOCTL = variadic("ioctl", 2, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle SOCKET = handle("socket", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle BIND = handle("bind", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle CONNECT = handle("connect", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle GETSOCKNAME = handle("getsockname", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle SETSOCKOPT =
            handle("setsockopt", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle READ = handle("read", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle WRITE = handle("write", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle READV = handle("readv", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle WRITEV = handle("writev", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle SENDMSG = handle("sendmsg", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle RECVMSG = handle("recvmsg", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle SENDMMSG = handle("sendmmsg", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);
    private static final MethodHandle RECVMMSG =
            handle("recvmmsg", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle POLL = handle("poll", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle SETNS = handle("setns", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle STRERROR = LINKER.downcallHandle(
            LIBC.findOrThrow("strerror"),
            FunctionDescriptor.of(
                    ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(256, ValueLayout.JAVA_BYTE)), JAVA_INT));

    private Sys() {}

    /** {@code open(2)}. */
    public static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment capture = CAPTURE.get();
            int result = (int) OPEN.invokeExact(capture, arena.allocateFrom(path), flags, 0);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code close(2)}. */
    public static int close(int fd) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) CLOSE.invokeExact(capture, fd);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code ioctl(2)} with a pointer or an integer as third argument. */
    public static int ioctl(int fd, long request, long argument) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) IOCTL.invokeExact(capture, fd, request, argument);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code socket(2)}. */
    public static int socket(int domain, int type, int protocol) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) SOCKET.invokeExact(capture, domain, type, protocol);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code bind(2)}. */
    public static int bind(int fd, long sockaddr, int length) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) BIND.invokeExact(capture, fd, sockaddr, length);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code connect(2)}. */
    public static int connect(int fd, long sockaddr, int length) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) CONNECT.invokeExact(capture, fd, sockaddr, length);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code getsockname(2)}; {@code lengthPointer} points to an int. */
    public static int getsockname(int fd, long sockaddr, long lengthPointer) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) GETSOCKNAME.invokeExact(capture, fd, sockaddr, lengthPointer);
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
            int result = (int) SETSOCKOPT.invokeExact(capture, fd, level, option, pointer, 4);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code read(2)}; bytes read. */
    public static long read(int fd, long buffer, long length) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) READ.invokeExact(capture, fd, buffer, length);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code write(2)}; bytes written. */
    public static long write(int fd, long buffer, long length) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) WRITE.invokeExact(capture, fd, buffer, length);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code readv(2)}; bytes read. */
    public static long readv(int fd, long iovec, int count) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) READV.invokeExact(capture, fd, iovec, count);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code writev(2)}; bytes written. */
    public static long writev(int fd, long iovec, int count) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) WRITEV.invokeExact(capture, fd, iovec, count);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code sendmsg(2)}; bytes sent. */
    public static long sendmsg(int fd, long msghdr, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) SENDMSG.invokeExact(capture, fd, msghdr, flags);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code recvmsg(2)}; bytes received. */
    public static long recvmsg(int fd, long msghdr, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            long result = (long) RECVMSG.invokeExact(capture, fd, msghdr, flags);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code sendmmsg(2)}; messages sent. */
    public static int sendmmsg(int fd, long mmsghdrs, int count, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) SENDMMSG.invokeExact(capture, fd, mmsghdrs, count, flags);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code recvmmsg(2)} without a timeout; messages received. */
    public static int recvmmsg(int fd, long mmsghdrs, int count, int flags) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) RECVMMSG.invokeExact(capture, fd, mmsghdrs, count, flags, 0L);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code poll(2)}; number of ready descriptors. */
    public static int poll(long pollfds, int count, int timeoutMs) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) POLL.invokeExact(capture, pollfds, (long) count, timeoutMs);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** {@code setns(2)}: moves the calling thread; only for short-lived platform threads. */
    public static int setns(int fd, int type) {
        try {
            MemorySegment capture = CAPTURE.get();
            int result = (int) SETNS.invokeExact(capture, fd, type);
            return result < 0 ? -errno(capture) : result;
        } catch (Throwable t) {
            throw unexpected(t);
        }
    }

    /** Text of an errno given as returned here, negative or positive: {@code Address already in use}. */
    public static String message(long errno) {
        try {
            MemorySegment text = (MemorySegment) STRERROR.invokeExact((int) Math.abs(errno));
            return text.getString(0);
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

    private static MethodHandle handle(String name, ValueLayout result, ValueLayout... arguments) {
        return LINKER.downcallHandle(LIBC.findOrThrow(name), FunctionDescriptor.of(result, arguments), ERRNO);
    }

    private static MethodHandle variadic(String name, int fixed, ValueLayout result, ValueLayout... arguments) {
        return LINKER.downcallHandle(
                LIBC.findOrThrow(name),
                FunctionDescriptor.of(result, arguments),
                ERRNO,
                Linker.Option.firstVariadicArg(fixed));
    }

    private static AssertionError unexpected(Throwable t) {
        return new AssertionError("downcall failed", t);
    }
}
