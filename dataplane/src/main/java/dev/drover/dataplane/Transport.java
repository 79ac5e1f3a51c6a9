package dev.drover.dataplane;

/** How event loops wait for the kernel. */
public enum Transport {
    /** {@code epoll(7)}: the default for our own file descriptors (see docs/adr/0001). */
    EPOLL,
    /** {@code io_uring(7)} by Netty's own transport, the successor of the incubator's. */
    IO_URING
}
