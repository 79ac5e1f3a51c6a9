package dev.drover.dataplane;

import java.util.Arrays;

/**
 * A TAP device with one queue a lane: Ethernet frames, each behind a {@code virtio_net_hdr} of
 * {@value #VNET_HEADER_BYTES} bytes (Linux {@code Documentation/networking/tuntap.rst}, {@code linux/virtio_net.h}). The
 * kernel hands out unfinished checksums and TCP (and, where it can, UDP) super-frames of up to 64 KB, and takes them.
 *
 * <p>A tunnel TAP has a header of {@value #TUNNEL_HEADER_BYTES} bytes, which also says where the inner packet of a UDP
 * tunnel begins ({@code virtio_net_hdr_v1_hash_tunnel}): super-frames inside a tunnel, cut by the kernel or the NIC.
 *
 * <p>The device lives in the network namespace of the thread that opens it and vanishes with its last queue. Queues are
 * non-blocking.
 */
public final class Tap implements AutoCloseable {
    public static final int VNET_HEADER_BYTES = 12;

    public static final int TUNNEL_HEADER_BYTES = 24;

    private static final String DEVICE = "/dev/net/tun";
    private static final int O_RDWR_NONBLOCK_CLOEXEC = 02 | 04000 | 02000000;
    private static final long TUNSETIFF = 0x400454caL;
    private static final long TUNSETOFFLOAD = 0x400454d0L;
    private static final long TUNSETVNETHDRSZ = 0x400454d8L;
    private static final int IFF_TAP = 0x0002;
    private static final int IFF_NO_PI = 0x1000;
    private static final int IFF_VNET_HDR = 0x4000;
    private static final int IFF_MULTI_QUEUE = 0x0100;
    private static final int OFFLOAD_CSUM_TSO = 0x01 | 0x02 | 0x04;
    private static final int OFFLOAD_USO = 0x20 | 0x40;
    private static final int OFFLOAD_TUNNEL = 0x80 | 0x100;
    private static final int IFNAMSIZ = 16;
    private static final int IFREQ_BYTES = 40;
    private static final int ENOENT = 2;
    private static final int ENXIO = 6;
    private static final int EPERM = 1;
    private static final int EACCES = 13;

    private final String name;
    private final int[] fds;
    private final boolean udpSegmentation;

    private Tap(String name, int[] fds, boolean udpSegmentation) {
        this.name = name;
        this.fds = fds;
        this.udpSegmentation = udpSegmentation;
    }

    /**
     * Creates the device.
     *
     * @param name at most 15 bytes
     * @param queues at least 1
     * @throws SysException with the step that failed
     * @throws IllegalStateException when the kernel has no TUN or the caller may not use it
     */
    public static Tap open(String name, int queues) {
        return open(name, queues, VNET_HEADER_BYTES, OFFLOAD_CSUM_TSO | OFFLOAD_USO, OFFLOAD_CSUM_TSO);
    }

    /**
     * Creates a tunnel TAP.
     *
     * @throws SysException as {@link #open}; EINVAL before Linux 6.17, which has no tunnel offloads
     */
    public static Tap openTunnel(String name, int queues) {
        int offloads = OFFLOAD_CSUM_TSO | OFFLOAD_USO | OFFLOAD_TUNNEL;
        return open(name, queues, TUNNEL_HEADER_BYTES, offloads, offloads);
    }

    private static Tap open(String name, int queues, int headerBytes, int offloads, int fewerOffloads) {
        if (name.isEmpty() || name.length() >= IFNAMSIZ) {
            throw new IllegalArgumentException("tap: " + name + " (expected: 1 to 15 bytes)");
        }
        int[] fds = new int[queues];
        Arrays.fill(fds, -1);
        try (Slab slab = new Slab()) {
            long request = slab.allocate(IFREQ_BYTES);
            Memory.copyIn(name.getBytes(java.nio.charset.StandardCharsets.US_ASCII), request);
            int multi = queues > 1 ? IFF_MULTI_QUEUE : 0;
            Memory.putShort(request + IFNAMSIZ, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | multi);
            long size = slab.allocate(Integer.BYTES);
            Memory.putInt(size, headerBytes);
            int granted = offloads;
            for (int i = 0; i < queues; i++) {
                fds[i] = openDevice();
                Sys.check("create tap " + name, Sys.ioctl(fds[i], TUNSETIFF, request));
                Sys.check("vnet header size of " + name, Sys.ioctl(fds[i], TUNSETVNETHDRSZ, size));
                if (Sys.ioctl(fds[i], TUNSETOFFLOAD, granted) < 0) {
                    granted = fewerOffloads;
                    Sys.check("offloads of " + name, Sys.ioctl(fds[i], TUNSETOFFLOAD, granted));
                }
            }
            return new Tap(name, fds, (granted & OFFLOAD_USO) != 0);
        } catch (RuntimeException e) {
            closeAll(fds);
            throw e;
        }
    }

    /** Makes the kernel finish checksums and cut super-frames before it hands frames out, or no longer. */
    public void acceptSuperFrames(boolean accept) {
        int offloads = accept ? OFFLOAD_CSUM_TSO | OFFLOAD_USO | OFFLOAD_TUNNEL : 0;
        for (int fd : fds) {
            Sys.check("offloads of " + name, Sys.ioctl(fd, TUNSETOFFLOAD, offloads));
        }
    }

    private static int openDevice() {
        int fd = Sys.open(DEVICE, O_RDWR_NONBLOCK_CLOEXEC);
        return switch (-fd) {
            case ENOENT, ENXIO, Sys.ENODEV ->
                throw new IllegalStateException("tap: kernel without TUN, " + DEVICE + " is missing (expected:"
                        + " CONFIG_TUN; try: modprobe tun)");
            case EPERM, EACCES ->
                throw new IllegalStateException("tap: " + DEVICE + ": " + Sys.message(fd) + " (expected: root)");
            default -> Sys.check("open " + DEVICE, fd);
        };
    }

    public String name() {
        return name;
    }

    /** File descriptor of one queue; stays owned by this object. */
    public int queue(int index) {
        return fds[index];
    }

    public int queues() {
        return fds.length;
    }

    /** Whether the kernel hands out and takes UDP super-frames (Linux 6.2 and later). */
    public boolean udpSegmentation() {
        return udpSegmentation;
    }

    /** Removes the device. */
    @Override
    public void close() {
        closeAll(fds);
    }

    private static void closeAll(int[] fds) {
        for (int i = 0; i < fds.length; i++) {
            if (fds[i] >= 0) {
                Sys.close(fds[i]);
                fds[i] = -1;
            }
        }
    }
}
