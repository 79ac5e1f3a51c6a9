package dev.drover.dataplane;

import java.net.Inet4Address;

/**
 * A non-blocking IPv4 UDP socket for batches: {@code sendmmsg}/{@code recvmmsg} by the owner on {@link #fd}, segmentation
 * (UDP_SEGMENT) and aggregation (UDP_GRO) where asked for. Lives in the network namespace of the thread that opens it.
 */
public final class UdpSocket implements AutoCloseable {
    /** {@code sockaddr_in}: family, port in network order, address in network order, 8 bytes of zero. */
    public static final int SOCKADDR_BYTES = 16;
    /** {@code cmsg} level and types of segmentation and aggregation. */
    public static final int SOL_UDP = 17;

    public static final int UDP_SEGMENT = 103;
    public static final int UDP_GRO = 104;

    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 04000 | 02000000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_REUSEPORT = 15;
    private static final int SO_SNDBUF = 7;
    private static final int SO_RCVBUF = 8;
    private static final int SO_SNDBUFFORCE = 32;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int ADDRESS_OFFSET = 4;
    private static final int PORT_OFFSET = 2;

    private final int fd;
    private final int port;
    private boolean closed;

    private UdpSocket(int fd, int port) {
        this.fd = fd;
        this.port = port;
    }

    /**
     * Opens and binds.
     *
     * @param port 0 for a free one
     * @param shared several sockets on the same address and port, flows spread over them (SO_REUSEPORT)
     * @param bufferBytes of the kernel's queues; beyond the system's limits when privileged
     * @throws IllegalStateException when the address is taken or not of this host, naming it: {@code bind a.b.c.d:port}
     */
    public static UdpSocket open(Inet4Address address, int port, boolean shared, int bufferBytes) {
        int fd = Sys.check("udp socket", Sys.socket(AF_INET, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0));
        try (Slab slab = new Slab()) {
            if (shared) {
                Sys.check("SO_REUSEPORT", Sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
            }
            buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, bufferBytes);
            buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, bufferBytes);
            long name = slab.allocate(SOCKADDR_BYTES);
            Memory.putLong(name, name(address, port));
            int bound = Sys.bind(fd, name, SOCKADDR_BYTES);
            if (bound < 0) {
                throw new IllegalStateException(
                        "bind " + address.getHostAddress() + ":" + port + ": " + reason(-bound, address));
            }
            long length = slab.allocate(Integer.BYTES);
            Memory.putInt(length, SOCKADDR_BYTES);
            Sys.check("getsockname", Sys.getsockname(fd, name, length));
            return new UdpSocket(fd, Memory.getShortBe(name + PORT_OFFSET));
        } catch (RuntimeException e) {
            Sys.close(fd);
            throw e;
        }
    }

    private static String reason(int errno, Inet4Address address) {
        return errno == Sys.EADDRNOTAVAIL
                ? "no interface has the address " + address.getHostAddress()
                : Sys.message(errno);
    }

    private static void buffer(int fd, int force, int polite, int bytes) {
        if (Sys.setsockopt(fd, SOL_SOCKET, force, bytes) < 0) {
            Sys.check("socket buffer", Sys.setsockopt(fd, SOL_SOCKET, polite, bytes));
        }
    }

    /** First eight bytes of a {@code sockaddr_in}, as a long to be stored with {@link Memory#putLong}. */
    public static long name(Inet4Address address, int port) {
        long addressWord = Integer.toUnsignedLong(Integer.reverseBytes(Cidr.toInt(address)));
        long portWord = Short.toUnsignedLong(Short.reverseBytes((short) port));
        return addressWord << 32 | portWord << 16 | AF_INET;
    }

    /** Address in host order of the {@code sockaddr_in} at {@code name}. */
    public static int address(long name) {
        return Memory.getIntBe(name + ADDRESS_OFFSET);
    }

    /** Asks for aggregated datagrams with the segment size as control message; false when the kernel cannot. */
    public boolean enableGro() {
        return Sys.setsockopt(fd, SOL_UDP, UDP_GRO, 1) >= 0;
    }

    /** Whether the kernel knows UDP_SEGMENT. */
    public boolean knowsSegmentation() {
        return Sys.setsockopt(fd, SOL_UDP, UDP_SEGMENT, 0) >= 0;
    }

    public int fd() {
        return fd;
    }

    /** The bound port. */
    public int port() {
        return port;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Sys.close(fd);
        }
    }
}
