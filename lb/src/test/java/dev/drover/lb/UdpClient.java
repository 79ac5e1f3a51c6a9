package dev.drover.lb;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import org.jspecify.annotations.Nullable;

/** A client of one address: what comes from any other, the kernel does not let through. */
final class UdpClient implements AutoCloseable {
    private static final int ANSWER_MS = 5_000;

    private final DatagramSocket socket;

    UdpClient(InetSocketAddress to) throws IOException {
        this(new InetSocketAddress(to.getAddress(), 0), to);
    }

    UdpClient(InetSocketAddress from, InetSocketAddress to) throws IOException {
        socket = new DatagramSocket(from);
        socket.setReceiveBufferSize(1 << 20);
        socket.setSoTimeout(ANSWER_MS);
        socket.connect(to);
    }

    static UdpClient from(String address, InetSocketAddress to) throws IOException {
        return new UdpClient(new InetSocketAddress(InetAddress.ofLiteral(address), 0), to);
    }

    int port() {
        return socket.getLocalPort();
    }

    void send(String text) throws IOException {
        byte[] data = text.getBytes(US_ASCII);
        socket.send(new DatagramPacket(data, data.length));
    }

    /** The next datagram, which must come. */
    String receive() throws IOException {
        String text = receive(ANSWER_MS);
        if (text == null) {
            throw new SocketTimeoutException("nothing came");
        }
        return text;
    }

    /** Null when nothing comes in time. */
    @Nullable
    String receive(int timeoutMs) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[65_536], 65_536);
        socket.setSoTimeout(timeoutMs);
        try {
            socket.receive(packet);
        } catch (SocketTimeoutException e) {
            return null;
        }
        return new String(packet.getData(), 0, packet.getLength(), US_ASCII);
    }

    String ask(String text) throws IOException {
        send(text);
        return receive();
    }

    @Override
    public void close() {
        socket.close();
    }
}
