package dev.drover.lb;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A target of UDP that answers each datagram by its name, a colon and the datagram; a silent one answers nothing. */
final class UdpOrigin implements AutoCloseable {
    private final String name;
    private final DatagramSocket socket;
    private final AtomicLong received = new AtomicLong();
    private final Set<Integer> ports = ConcurrentHashMap.newKeySet();
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile boolean silent;
    private volatile @Nullable DatagramPacket last;

    UdpOrigin(String name) {
        this(name, Harness.loopback(0));
    }

    UdpOrigin(String name, InetSocketAddress address) {
        this.name = name;
        try {
            socket = new DatagramSocket(address);
            socket.setReceiveBufferSize(1 << 20);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Thread.ofPlatform().daemon().name("udp-origin-" + name).start(this::run);
    }

    private void run() {
        byte[] prefix = (name + ":").getBytes(US_ASCII);
        byte[] buffer = new byte[65_536];
        try {
            while (true) {
                DatagramPacket packet = new DatagramPacket(buffer, prefix.length, buffer.length - prefix.length);
                socket.receive(packet);
                ports.add(packet.getPort());
                System.arraycopy(prefix, 0, buffer, 0, prefix.length);
                packet.setData(buffer, 0, prefix.length + packet.getLength());
                if (silent) {
                    last = new DatagramPacket(
                            Arrays.copyOf(buffer, packet.getLength()), packet.getLength(), packet.getSocketAddress());
                    received.incrementAndGet();
                } else {
                    received.incrementAndGet();
                    socket.send(packet);
                }
            }
        } catch (IOException e) {
            closed.countDown();
        }
    }

    InetSocketAddress address() {
        return (InetSocketAddress) socket.getLocalSocketAddress();
    }

    TargetConfig target() {
        return TargetConfig.active(address());
    }

    long received() {
        return received.get();
    }

    /** How many different ports datagrams came from: sessions there were. */
    int peers() {
        return ports.size();
    }

    /** Answers nothing from now on, or again. */
    void silent(boolean now) {
        silent = now;
    }

    /** Answers the last of those that were not answered. */
    void answerLast() throws IOException {
        socket.send(Objects.requireNonNull(last));
    }

    @Override
    public void close() {
        socket.close();
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
