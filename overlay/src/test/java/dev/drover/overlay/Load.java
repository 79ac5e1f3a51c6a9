package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.dataplane.Memory;
import dev.drover.dataplane.Slab;
import dev.drover.dataplane.SocketName;
import dev.drover.dataplane.Sys;
import dev.drover.dataplane.UdpSocket;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Traffic between containers whose content is compared. */
final class Load {
    private static final int TIMEOUT_MS = 20_000;
    private static final byte[] END = "end of echo".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    private Load() {}

    /** Sends random bytes both ways at once over one connection and compares the hashes of both ends. */
    static void tcp(TwoHosts.Side client, TwoHosts.Side server, int bytes) throws Exception {
        String address = server.address();
        tcp(client.container, server.container, address, bytes);
    }

    static void tcp(TestNs client, TestNs server, String address, int bytes) throws Exception {
        try (ServerSocket listener = server.netNs.call(() -> new ServerSocket(0, 1, InetAddress.ofLiteral(address)));
                Socket near = client.netNs.call(() -> connect(address, listener.getLocalPort()));
                Socket far = listener.accept();
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            near.setSoTimeout(TIMEOUT_MS);
            far.setSoTimeout(TIMEOUT_MS);
            var sentUp = CompletableFuture.supplyAsync(() -> send(near, bytes, 1), threads);
            var sentDown = CompletableFuture.supplyAsync(() -> send(far, bytes, 2), threads);
            var gotUp = CompletableFuture.supplyAsync(() -> receive(far), threads);
            var gotDown = CompletableFuture.supplyAsync(() -> receive(near), threads);
            assertThat(gotUp.get(60, TimeUnit.SECONDS)).isEqualTo(sentUp.get(60, TimeUnit.SECONDS));
            assertThat(gotDown.get(60, TimeUnit.SECONDS)).isEqualTo(sentDown.get(60, TimeUnit.SECONDS));
        }
    }

    private static Socket connect(String address, int port) throws java.io.IOException {
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(InetAddress.ofLiteral(address), port), TIMEOUT_MS);
        return socket;
    }

    private static byte[] send(Socket socket, int bytes, int seed) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            OutputStream out = new DigestOutputStream(socket.getOutputStream(), digest);
            Random random = new Random(seed);
            byte[] chunk = new byte[100_000];
            for (int left = bytes; left > 0; left -= chunk.length) {
                random.nextBytes(chunk);
                out.write(chunk, 0, Math.min(left, 1 + random.nextInt(chunk.length)));
            }
            socket.shutdownOutput();
            return digest.digest();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] receive(Socket socket) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            InputStream in = new DigestInputStream(socket.getInputStream(), digest);
            in.transferTo(OutputStream.nullOutputStream());
            return digest.digest();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Sends one datagram of each size and expects it back unchanged. */
    static void udp(TwoHosts.Side client, TwoHosts.Side server, int... sizes) throws Exception {
        udp(client.container, client.address(), server.container, server.address(), sizes);
    }

    static void udp(TestNs client, String clientAddress, TestNs server, String serverAddress, int... sizes)
            throws Exception {
        InetAddress there = InetAddress.ofLiteral(serverAddress);
        InetAddress here = InetAddress.ofLiteral(clientAddress);
        try (DatagramSocket near = client.netNs.call(() -> new DatagramSocket(0, here));
                DatagramSocket far = server.netNs.call(() -> new DatagramSocket(0, there))) {
            near.setSoTimeout(1_000);
            far.setSoTimeout(TIMEOUT_MS);
            Thread echo = Thread.ofPlatform().daemon().start(() -> echo(far));
            Random random = new Random(7);
            for (int size : sizes) {
                byte[] sent = new byte[size];
                random.nextBytes(sent);
                assertThat(exchange(near, there, far.getLocalPort(), sent))
                        .as("size %d", size)
                        .isEqualTo(sent);
            }
            near.send(new DatagramPacket(END, END.length, there, far.getLocalPort()));
            echo.join(TIMEOUT_MS);
        }
    }

    /** Sends one datagram of many segments, which the stack hands on as one super-frame, and compares what arrives. */
    static void udpSegmented(TwoHosts.Side client, TwoHosts.Side server, int segmentBytes, int segments)
            throws Exception {
        int length = segmentBytes * (segments - 1) + 1;
        byte[] sent = new byte[length];
        new Random(segmentBytes).nextBytes(sent);
        InetAddress there = InetAddress.ofLiteral(server.address());
        try (DatagramSocket far = server.container.netNs.call(() -> new DatagramSocket(0, there))) {
            far.setSoTimeout(TIMEOUT_MS);
            far.setReceiveBufferSize(1 << 20);
            client.container.netNs.run(() -> sendSegmented(client, server, far.getLocalPort(), sent, segmentBytes));
            byte[] got = new byte[length];
            DatagramPacket packet = new DatagramPacket(new byte[66_000], 66_000);
            for (int offset = 0; offset < length; offset += packet.getLength()) {
                far.receive(packet);
                assertThat(packet.getLength()).isEqualTo(Math.min(segmentBytes, length - offset));
                System.arraycopy(packet.getData(), 0, got, offset, packet.getLength());
            }
            assertThat(got).isEqualTo(sent);
        }
    }

    private static void sendSegmented(
            TwoHosts.Side client, TwoHosts.Side server, int port, byte[] bytes, int segmentBytes) {
        Inet4Address here = Inet4Address.ofLiteral(client.address());
        try (UdpSocket socket = UdpSocket.open(here, 0, false, 1 << 20);
                Slab slab = new Slab()) {
            long data = slab.allocate(bytes.length);
            Memory.copyIn(bytes, data);
            long message = slab.allocate(64);
            SocketName there = SocketName.of(Inet4Address.ofLiteral(server.address()), port);
            long name = slab.allocate(SocketName.BYTES);
            long iovec = slab.allocate(16);
            long control = slab.allocate(24);
            there.put(name);
            Memory.putLong(iovec, data);
            Memory.putLong(iovec + 8, bytes.length);
            Memory.putLong(control, 18);
            Memory.putInt(control + 8, UdpSocket.SOL_UDP);
            Memory.putInt(control + 12, UdpSocket.UDP_SEGMENT);
            Memory.putShort(control + 16, segmentBytes);
            Memory.putLong(message, name);
            Memory.putInt(message + 8, there.length());
            Memory.putLong(message + 16, iovec);
            Memory.putLong(message + 24, 1);
            Memory.putLong(message + 32, control);
            Memory.putLong(message + 40, 24);
            assertThat(Sys.sendmsg(socket.fd(), message, 0)).isEqualTo(bytes.length);
        }
    }

    /** A busy machine may lose a datagram; three in a row are a fault. */
    private static byte[] exchange(DatagramSocket near, InetAddress there, int port, byte[] sent) throws Exception {
        byte[] buffer = new byte[66_000];
        SocketTimeoutException last = new SocketTimeoutException();
        for (int attempt = 0; attempt < 3; attempt++) {
            near.send(new DatagramPacket(sent, sent.length, there, port));
            try {
                DatagramPacket reply = new DatagramPacket(buffer, buffer.length);
                do {
                    near.receive(reply);
                } while (reply.getLength() != sent.length);
                return Arrays.copyOf(buffer, reply.getLength());
            } catch (SocketTimeoutException e) {
                last = e;
            }
        }
        throw new AssertionError("size " + sent.length + " never came back", last);
    }

    private static void echo(DatagramSocket socket) {
        byte[] buffer = new byte[66_000];
        try {
            while (true) {
                DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                socket.receive(packet);
                if (Arrays.equals(END, Arrays.copyOf(buffer, packet.getLength()))) {
                    return;
                }
                socket.send(packet);
            }
        } catch (SocketTimeoutException e) {
            return;
        } catch (java.io.IOException e) {
            throw new AssertionError(e);
        }
    }
}
