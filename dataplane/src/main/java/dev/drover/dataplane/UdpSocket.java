package dev.drover.dataplane;

import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.InetAddress;

/**
 * A non-blocking UDP socket, IPv4 or IPv6, for batches: {@code sendmmsg}/{@code recvmmsg} by the owner on {@link #fd}, segmentation
 * (UDP_SEGMENT) and aggregation (UDP_GRO) where asked for. Lives in the network namespace of the thread that opens it.
 */
public final class UdpSocket implements AutoCloseable {
    /** {@code cmsg} level and types of segmentation and aggregation. */
    public static final int SOL_UDP = 17;

    public static final int UDP_SEGMENT = 103;
    public static final int UDP_GRO = 104;

    private static final int UDP_NO_CHECK6_RX = 102;

    private static final InetAddress EVERY_IPV4 = InetAddress.ofLiteral("0.0.0.0");
    private static final InetAddress EVERY_IPV6 = InetAddress.ofLiteral("::");

    private static final int AF_INET = 2;
    private static final int AF_INET6 = 10;
    private static final int IPPROTO_IPV6 = 41;
    private static final int IPV6_V6ONLY = 26;
    private static final int IPV6_MTU_DISCOVER = 23;
    private static final int IPV6_RECVPKTINFO = 49;
    private static final int IPPROTO_IP = 0;
    private static final int IP_PKTINFO = 8;
    private static final int IP_MTU_DISCOVER = 10;
    private static final int PMTUDISC_PROBE = 3;
    private static final int SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 04000 | 02000000;
    private static final int SOL_SOCKET = 1;
    private static final int SO_REUSEPORT = 15;
    private static final int SO_SNDBUF = 7;
    private static final int SO_RCVBUF = 8;
    private static final int SO_SNDBUFFORCE = 32;
    private static final int SO_RCVBUFFORCE = 33;

    /** Nine numbers of 32 bits, the last one is what was dropped ({@code linux/sock_diag.h}). */
    private static final int SO_MEMINFO = 55;

    private static final int MEMINFO_DROPS = 8 * Integer.BYTES;
    private static final int MEMINFO_BYTES = MEMINFO_DROPS + Integer.BYTES;

    private final int fd;
    private final boolean v4;
    private final int port;
    private boolean closed;

    private UdpSocket(int fd, boolean v4, int port) {
        this.fd = fd;
        this.v4 = v4;
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
    public static UdpSocket open(InetAddress address, int port, boolean shared, int bufferBytes) {
        boolean v4 = address instanceof Inet4Address;
        return open(Sys.check("udp socket", socket(v4)), address, port, true, shared, bufferBytes);
    }

    /**
     * As {@link #open}, on every address of the host and of both families; of IPv4 alone when the kernel has no IPv6. IPv4
     * addresses of senders are mapped ones ({@link SocketName}).
     */
    public static UdpSocket openEverywhere(int port, boolean shared, int bufferBytes) {
        int fd = socket(false);
        return fd < 0
                ? open(EVERY_IPV4, port, shared, bufferBytes)
                : open(fd, EVERY_IPV6, port, false, shared, bufferBytes);
    }

    /** A bound, non-blocking socket that was opened elsewhere; takes over {@code fd}. */
    static UdpSocket adopt(int fd) {
        try (Slab slab = new Slab()) {
            long name = slab.allocate(SocketName.BYTES);
            long length = slab.allocate(Integer.BYTES);
            Memory.putInt(length, SocketName.BYTES);
            Sys.check("getsockname", Sys.getsockname(fd, name, length));
            return new UdpSocket(fd, SocketName.isFamilyIpv4(name), SocketName.port(name));
        }
    }

    /**
     * A non-blocking socket that talks to one peer alone, and is told when that refuses.
     *
     * @param scratch address of {@link SocketName#BYTES} that nobody else uses meanwhile
     * @return its descriptor, the caller's to close, or {@code -errno}
     */
    public static int connected(SocketName peer, long scratch) {
        peer.put(scratch);
        int fd = socket(SocketName.isFamilyIpv4(scratch));
        if (fd < 0) {
            return fd;
        }
        int result = Sys.connect(fd, scratch, peer.length());
        if (result < 0) {
            Sys.close(fd);
            return result;
        }
        return fd;
    }

    private static int socket(boolean v4) {
        return Sys.socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    }

    private static UdpSocket open(
            int fd, InetAddress address, int port, boolean v6Only, boolean shared, int bufferBytes) {
        boolean v4 = address instanceof Inet4Address;
        try (Slab slab = new Slab()) {
            if (!v4) {
                Sys.check("IPV6_V6ONLY", Sys.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6Only ? 1 : 0));
            }
            if (shared) {
                Sys.check("SO_REUSEPORT", Sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
            }
            buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, bufferBytes);
            buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, bufferBytes);
            SocketName wanted = SocketName.of(address, port);
            long name = slab.allocate(SocketName.BYTES);
            wanted.put(name);
            int bound = Sys.bind(fd, name, wanted.length());
            if (bound < 0) {
                String text = NetUtil.toAddressString(address);
                throw new IllegalStateException(
                        "bind " + (v4 ? text : "[" + text + "]") + ":" + port + ": " + reason(-bound, text, v4));
            }
            long length = slab.allocate(Integer.BYTES);
            Memory.putInt(length, SocketName.BYTES);
            Sys.check("getsockname", Sys.getsockname(fd, name, length));
            return new UdpSocket(fd, v4, SocketName.port(name));
        } catch (RuntimeException e) {
            Sys.close(fd);
            throw e;
        }
    }

    private static String reason(int errno, String address, boolean v4) {
        return errno == Sys.EADDRNOTAVAIL
                ? "no interface has the address " + address + (v4 ? "" : ", or it is still looked for duplicates of it")
                : Sys.message(errno);
    }

    private static void buffer(int fd, int force, int polite, int bytes) {
        if (Sys.setsockopt(fd, SOL_SOCKET, force, bytes) < 0) {
            Sys.check("socket buffer", Sys.setsockopt(fd, SOL_SOCKET, polite, bytes));
        }
    }

    /** Asks for aggregated datagrams with the segment size as control message; false when the kernel cannot. */
    public boolean enableGro() {
        return Sys.setsockopt(fd, SOL_UDP, UDP_GRO, 1) >= 0;
    }

    /**
     * Takes also IPv6 datagrams without checksum, as tunnel endpoints may send them (RFC 6935); IPv4 sockets take such
     * anyway.
     */
    public void acceptZeroChecksums() {
        Sys.check("UDP_NO_CHECK6_RX", Sys.setsockopt(fd, SOL_UDP, UDP_NO_CHECK6_RX, 1));
    }

    /**
     * Sends nothing in fragments, and whatever the interface takes: what routers have said about the way is not heeded, so
     * that a probe can find out.
     */
    public void forbidFragments() {
        int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
        int option = v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
        Sys.check("IP_MTU_DISCOVER", Sys.setsockopt(fd, level, option, PMTUDISC_PROBE));
    }

    /** Has each datagram tell which address of this host it was sent to ({@link RelayBatch}), for sockets bound to all of them. */
    public void tellLocalAddress() {
        int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
        int option = v4 ? IP_PKTINFO : IPV6_RECVPKTINFO;
        Sys.check("IP_PKTINFO", Sys.setsockopt(fd, level, option, 1));
    }

    /** Lets further sockets of this user be bound to the same address and port, flows spread over them (SO_REUSEPORT). */
    void share() {
        Sys.check("SO_REUSEPORT", Sys.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    }

    /** Whether it is of IPv4 alone; else its addresses of IPv4 are mapped ones. */
    public boolean v4() {
        return v4;
    }

    /** Whether the kernel knows UDP_SEGMENT. */
    public boolean knowsSegmentation() {
        return Sys.setsockopt(fd, SOL_UDP, UDP_SEGMENT, 0) >= 0;
    }

    /** Datagrams that the kernel threw away because the receive queue was full, of 32 bits; for cold code. */
    public long overflows() {
        try (Slab slab = new Slab()) {
            long info = slab.allocate(MEMINFO_BYTES);
            long length = slab.allocate(Integer.BYTES);
            Memory.putInt(length, MEMINFO_BYTES);
            Sys.check("SO_MEMINFO", Sys.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, length));
            return Memory.getInt(info + MEMINFO_DROPS) & 0xffff_ffffL;
        }
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
