package dev.drover.perf;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.drover.dataplane.Sys;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** As many small datagrams as one sender thread can make by {@code sendmmsg(2)}, counted where they arrive. */
final class UdpFlood {
    private static final int PORT = 7008;
    private static final int BATCH = 64;
    private static final int MMSGHDR_BYTES = 64;
    private static final int AF_INET = 2;
    private static final int SOCK_DGRAM = 2;
    private static final int SOL_SOCKET = 1;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int SO_RCVTIMEO_MS = 200;
    private static final int MSG_WAITFORONE = 0x10000;
    private static final short POLLIN = 1;

    private UdpFlood() {}

    static double receivedPerSecond(OverlayPair pair, int payloadBytes, int seconds) throws Exception {
        int receiver = OverlayTopology.in(pair.second(), () -> Sys.check("socket", Sys.socket(AF_INET, SOCK_DGRAM, 0)));
        int sender = OverlayTopology.in(pair.first(), () -> Sys.check("socket", Sys.socket(AF_INET, SOCK_DGRAM, 0)));
        try (Arena arena = Arena.ofShared()) {
            MemorySegment address = sockaddr(arena, pair.secondAddress());
            Sys.check("setsockopt SO_RCVBUFFORCE", Sys.setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20));
            Sys.check("bind", Sys.bind(receiver, address.address(), 16));
            Sys.check("connect", Sys.connect(sender, address.address(), 16));
            AtomicBoolean stop = new AtomicBoolean();
            Thread sending = Thread.ofPlatform().name("flood").start(() -> send(arena, sender, payloadBytes, stop));
            try {
                receive(arena, receiver, payloadBytes, TimeUnit.MILLISECONDS.toNanos(300)); // let it get going
                long start = System.nanoTime();
                long packets = receive(arena, receiver, payloadBytes, TimeUnit.SECONDS.toNanos(seconds));
                return packets * 1e9 / (System.nanoTime() - start);
            } finally {
                stop.set(true);
                sending.join();
            }
        } finally {
            Sys.close(sender);
            Sys.close(receiver);
        }
    }

    private static void send(Arena arena, int fd, int payloadBytes, AtomicBoolean stop) {
        MemorySegment messages = messages(arena, payloadBytes);
        while (!stop.get()) {
            Sys.sendmmsg(fd, messages.address(), BATCH, 0); // a refused batch is simply not sent
        }
    }

    private static long receive(Arena arena, int fd, int payloadBytes, long durationNs) {
        MemorySegment messages = messages(arena, payloadBytes);
        MemorySegment poll = arena.allocate(8, 8);
        poll.set(JAVA_INT, 0, fd);
        poll.set(JAVA_SHORT, 4, POLLIN);
        long end = System.nanoTime() + durationNs;
        long received = 0;
        while (System.nanoTime() < end) {
            if (Sys.poll(poll.address(), 1, SO_RCVTIMEO_MS) > 0) {
                received += Math.max(0, Sys.recvmmsg(fd, messages.address(), BATCH, MSG_WAITFORONE));
            }
        }
        return received;
    }

    /** An array of {@code struct mmsghdr}, one iovec each, all on one payload. */
    private static MemorySegment messages(Arena arena, int payloadBytes) {
        MemorySegment payload = arena.allocate(payloadBytes);
        MemorySegment iovec = arena.allocate(16, 8);
        iovec.set(JAVA_LONG, 0, payload.address());
        iovec.set(JAVA_LONG, 8, payloadBytes);
        MemorySegment messages = arena.allocate((long) BATCH * MMSGHDR_BYTES, 8);
        for (int i = 0; i < BATCH; i++) {
            messages.set(JAVA_LONG, (long) i * MMSGHDR_BYTES + 16, iovec.address());
            messages.set(JAVA_LONG, (long) i * MMSGHDR_BYTES + 24, 1);
        }
        return messages;
    }

    private static MemorySegment sockaddr(Arena arena, InetAddress address) {
        MemorySegment sockaddr = arena.allocate(16, 8);
        sockaddr.set(JAVA_SHORT, 0, (short) AF_INET);
        sockaddr.set(JAVA_BYTE, 2, (byte) (PORT >> 8));
        sockaddr.set(JAVA_BYTE, 3, (byte) PORT);
        MemorySegment.copy(address.getAddress(), 0, sockaddr, JAVA_BYTE, 4, 4);
        return sockaddr;
    }
}
