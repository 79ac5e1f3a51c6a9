package dev.drover.overlay;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Sys;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Looks at every packet of all interfaces of a namespace, as tcpdump does, and for a text in them. */
final class Capture implements AutoCloseable {
    private static final int AF_PACKET = 17;
    private static final int SOCK_RAW_NONBLOCK = 3 | 04000;
    private static final int ETH_P_ALL_NETWORK_ORDER = 0x0300;
    private static final int MAX_BYTES = 70_000;
    private static final int UNDERLAY_UDP_PAYLOAD = 14 + 20 + 8;

    private final int fd;
    private final String text;
    private final Thread thread;
    private final Set<Integer> firstBytes = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;
    private volatile int packets;
    private volatile int found;

    private Capture(int fd, String text) {
        this.fd = fd;
        this.text = text;
        thread = Thread.ofPlatform().daemon().start(this::read);
    }

    /** On the interface of the underlay alone. */
    static Capture on(TwoHosts.Side side, String text) throws java.net.SocketException {
        int fd = side.host.netNs.call(() -> {
            int socket = Sys.check("capture", Sys.socket(AF_PACKET, SOCK_RAW_NONBLOCK, ETH_P_ALL_NETWORK_ORDER));
            int index = java.net.NetworkInterface.getByName("uplink").getIndex();
            try (Slab slab = new Slab()) {
                long name = slab.allocate(20);
                Memory.putShort(name, AF_PACKET);
                Memory.putShort(name + 2, ETH_P_ALL_NETWORK_ORDER);
                Memory.putInt(name + 4, index);
                Sys.check("capture", Sys.bind(socket, name, 20));
                Sys.check("capture", Sys.setsockopt(socket, 1, 33, 32 << 20));
            }
            return socket;
        });
        return new Capture(fd, text);
    }

    private void read() {
        try (Slab slab = new Slab()) {
            long buffer = slab.allocate(MAX_BYTES);
            long poll = slab.allocate(8);
            while (!closed) {
                Memory.putInt(poll, fd);
                Memory.putInt(poll + 4, 1);
                Sys.poll(poll, 1, 50);
                long length = Sys.read(fd, buffer, MAX_BYTES);
                while (length > 0) {
                    look(Memory.copyOut(buffer, (int) length));
                    length = Sys.read(fd, buffer, MAX_BYTES);
                }
            }
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // one writer
    private void look(byte[] packet) {
        boolean tunnel = packet.length > UNDERLAY_UDP_PAYLOAD
                && packet[12] == 8
                && packet[23] == 17
                && ((packet[36] & 0xff) << 8 | packet[37] & 0xff) == 4789;
        if (tunnel) {
            packets++;
            firstBytes.add((int) packet[UNDERLAY_UDP_PAYLOAD]);
        }
        if (new String(packet, StandardCharsets.ISO_8859_1).contains(text)) {
            found++;
        }
    }

    int packets() {
        return packets;
    }

    int found() {
        return found;
    }

    /** First bytes of the tunnel's datagrams: their types. */
    Set<Integer> firstBytes() {
        return firstBytes;
    }

    @Override
    public void close() {
        closed = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        Sys.close(fd);
    }
}
