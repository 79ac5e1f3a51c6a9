package dev.drover.perf;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * An upstream on loopback that knows the address of every name {@code f<number>.…} and that no other has data. Names keep
 * the case in which they were asked; TTL 5 s. It has a thread of its own.
 */
final class SoakUpstream implements AutoCloseable {
    private static final int HEADER_BYTES = 12;
    private static final short RESPONSE = (short) 0x8180; // QR, RD, RA
    private static final int TTL_SECONDS = 5;
    /** 172.16.0.0. */
    private static final int FIRST_ADDRESS = 0xac10_0000;

    private final DatagramSocket socket;

    SoakUpstream() throws IOException {
        socket = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        socket.setReceiveBufferSize(4 << 20);
        Thread.ofPlatform().daemon().name("soak-upstream").start(this::serve);
    }

    InetSocketAddress address() {
        return (InetSocketAddress) socket.getLocalSocketAddress();
    }

    static String name(int number) {
        return "f" + number + ".example.com";
    }

    static int addressOf(int number) {
        return FIRST_ADDRESS | number;
    }

    private void serve() {
        byte[] buffer = new byte[DnsMessage.BUFFER_BYTES];
        DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
        while (!socket.isClosed()) {
            try {
                packet.setData(buffer);
                socket.receive(packet);
                packet.setLength(answer(buffer));
                socket.send(packet);
            } catch (IOException e) {
                if (socket.isClosed()) {
                    return;
                }
            }
        }
    }

    /** Turns a query into its reply, in place; whatever stood behind the question goes. */
    private static int answer(byte[] message) {
        int label = message[HEADER_BYTES] & 0xff;
        int end = HEADER_BYTES;
        while (message[end] != 0) {
            end += 1 + (message[end] & 0xff);
        }
        end += 1 + 4; // root, type, class
        boolean known = (message[HEADER_BYTES + 1] | 0x20) == 'f' && message[end - 3] == 1;
        ByteBuffer reply = ByteBuffer.wrap(message);
        reply.putShort(2, RESPONSE).putShort(6, (short) (known ? 1 : 0)).putInt(8, 0);
        reply.position(end);
        if (known) {
            int number = Integer.parseInt(new String(message, HEADER_BYTES + 2, label - 1, StandardCharsets.US_ASCII));
            reply.putShort((short) 0xc00c).putShort((short) 1).putShort((short) 1);
            reply.putInt(TTL_SECONDS).putShort((short) 4).putInt(addressOf(number));
        }
        return reply.position();
    }

    @Override
    public void close() {
        socket.close();
    }
}
