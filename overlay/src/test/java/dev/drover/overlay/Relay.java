package dev.drover.overlay;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Rtnetlink;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.Sys;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A cable of poor quality: two interfaces of a namespace of its own, and a thread a direction that carries packets from one
 * to the other, loses every so many and lets every so many wait until some later ones have passed. Deterministic.
 */
final class Relay implements AutoCloseable {
    private static final int AF_PACKET = 17;
    private static final int SOCK_RAW_NONBLOCK = 3 | 04000;
    private static final int ETH_P_ALL_NETWORK_ORDER = 0x0300;
    private static final int SOCKET_BUFFER_BYTES = 32 << 20;
    private static final int MAX_BYTES = 70_000;
    private static final int SMALLEST_DATA = 600;
    private static final int PASSED_BY = 4;

    private final TestNs ns = new TestNs();
    private final int loseEvery;
    private final int delayEvery;
    private final AtomicLong lost = new AtomicLong();
    private final AtomicLong delayed = new AtomicLong();
    private final List<Thread> threads;
    private final int near;
    private final int far;
    private volatile boolean closed;

    /**
     * Takes the place of the cable between two hosts, whose overlays have not started yet; their interfaces hand over single
     * packets with checksums.
     *
     * @param loseEvery every so manyth packet with payload is lost, 0 for none
     * @param delayEvery every so manyth is passed by {@value #PASSED_BY} others, 0 for none
     */
    Relay(TwoHosts hosts, int loseEvery, int delayEvery) {
        this.loseEvery = loseEvery;
        this.delayEvery = delayEvery;
        hosts.one.ip("link del uplink");
        for (TwoHosts.Side side : List.of(hosts.one, hosts.two)) {
            String end = "r" + side.number;
            side.ip("link add uplink type veth peer name " + end + " netns " + ns.name);
            side.ip("address add " + side.vtep() + "/24 dev uplink");
            side.ip("link set uplink up");
            side.host.exec("ethtool", "-K", "uplink", "tx", "off", "tso", "off", "gso", "off");
            ns.exec("ip", "link", "set", end, "up");
            ns.exec("ethtool", "-K", end, "gro", "off");
        }
        near = open("r1");
        far = open("r2");
        threads = List.of(carry(near, far), carry(far, near));
    }

    private int open(String name) {
        return ns.netNs.call(() -> {
            int socket = Sys.check("relay", Sys.socket(AF_PACKET, SOCK_RAW_NONBLOCK, ETH_P_ALL_NETWORK_ORDER));
            try (Slab slab = new Slab();
                    Rtnetlink netlink = Rtnetlink.open()) {
                long address = slab.allocate(20);
                Memory.putShort(address, AF_PACKET);
                Memory.putShort(address + 2, ETH_P_ALL_NETWORK_ORDER);
                Memory.putInt(address + 4, netlink.links().get(name).index());
                Sys.check("relay", Sys.bind(socket, address, 20));
                Sys.check("relay", Sys.setsockopt(socket, 1, 33, SOCKET_BUFFER_BYTES));
            }
            return socket;
        });
    }

    private Thread carry(int from, int to) {
        return Thread.ofPlatform().daemon().start(() -> {
            try (Slab slab = new Slab()) {
                long buffer = slab.allocate(MAX_BYTES);
                long held = slab.allocate(MAX_BYTES);
                long poll = slab.allocate(8);
                int heldLength = 0;
                int passed = 0;
                int data = 0;
                while (!closed) {
                    Memory.putInt(poll, from);
                    Memory.putInt(poll + 4, 1);
                    Sys.poll(poll, 1, 20);
                    int length = (int) Sys.read(from, buffer, MAX_BYTES);
                    if (length > 0) {
                        boolean counts = length >= SMALLEST_DATA;
                        data += counts ? 1 : 0;
                        if (counts && loseEvery > 0 && data % loseEvery == 0) {
                            lost.incrementAndGet();
                            continue;
                        }
                        if (counts && delayEvery > 0 && data % delayEvery == 0 && heldLength == 0) {
                            Memory.copy(buffer, held, length);
                            heldLength = length;
                            passed = 0;
                            delayed.incrementAndGet();
                            continue;
                        }
                        pass(to, buffer, length);
                        passed++;
                    }
                    if (heldLength > 0 && (passed >= PASSED_BY || length <= 0)) {
                        pass(to, held, heldLength);
                        heldLength = 0;
                    }
                }
            }
        });
    }

    /** What the cable does not take is lost too. */
    private void pass(int to, long packet, int length) {
        if (Sys.write(to, packet, length) < 0) {
            lost.incrementAndGet();
        }
    }

    long lost() {
        return lost.get();
    }

    long delayed() {
        return delayed.get();
    }

    @Override
    public void close() {
        closed = true;
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        Sys.close(near);
        Sys.close(far);
        ns.close();
    }
}
