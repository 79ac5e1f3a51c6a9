package dev.drover.perf;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** The little of DNS (RFC 1035 section 4) that a prober needs: a question for A, and the addresses of a reply. */
final class DnsMessage {
    /** Enough for any reply without EDNS. */
    static final int BUFFER_BYTES = 1_500;

    private static final int HEADER_BYTES = 12;
    private static final int RECURSION_DESIRED = 0x0100;
    private static final int RCODE_MASK = 0xf;
    private static final int POINTER = 0xc0;
    private static final int TYPE_A = 1;
    private static final int IPV4_BYTES = 4;

    private DnsMessage() {}

    /** @param name without final dot */
    static byte[] question(int id, String name) {
        ByteBuffer query = ByteBuffer.allocate(BUFFER_BYTES);
        query.putShort((short) id).putShort((short) RECURSION_DESIRED).putShort((short) 1);
        query.putShort((short) 0).putShort((short) 0).putShort((short) 0);
        for (String label : name.split("\\.")) {
            byte[] bytes = label.getBytes(StandardCharsets.US_ASCII);
            query.put((byte) bytes.length).put(bytes);
        }
        query.put((byte) 0).putShort((short) TYPE_A).putShort((short) 1);
        return Arrays.copyOf(query.array(), query.position());
    }

    static int rcode(byte[] reply) {
        return reply[3] & RCODE_MASK;
    }

    static int answers(byte[] reply) {
        return ByteBuffer.wrap(reply).getShort(6);
    }

    static int id(byte[] message) {
        return Short.toUnsignedInt(ByteBuffer.wrap(message).getShort(0));
    }

    /** The last four bytes: the address of a reply that ends with an A record. */
    static int lastAddress(byte[] reply, int length) {
        return ByteBuffer.wrap(reply).getInt(length - IPV4_BYTES);
    }

    /** IPv4 addresses of the answer section; empty for an rcode other than NOERROR and for what is no reply. */
    static Set<InetAddress> addresses(byte[] reply, int length) {
        Set<InetAddress> addresses = new HashSet<>();
        if (length < HEADER_BYTES || rcode(reply) != 0) {
            return addresses;
        }
        ByteBuffer message = ByteBuffer.wrap(reply, 0, length);
        int answers = answers(reply);
        try {
            message.position(HEADER_BYTES);
            skipName(message);
            skip(message, 4); // type and class of the question
            for (int i = 0; i < answers; i++) {
                skipName(message);
                int type = message.getShort();
                skip(message, 6); // class and TTL
                byte[] data = new byte[message.getShort() & 0xffff];
                message.get(data);
                if (type == TYPE_A && data.length == IPV4_BYTES) {
                    addresses.add(InetAddress.getByAddress(data));
                }
            }
        } catch (BufferUnderflowException | IllegalArgumentException | UnknownHostException e) {
            throw new IllegalStateException("DNS reply: " + e + " (expected: a whole message)", e);
        }
        return addresses;
    }

    private static void skipName(ByteBuffer message) {
        int length = message.get() & 0xff;
        while (length != 0) {
            if (length >= POINTER) {
                skip(message, 1);
                return;
            }
            skip(message, length);
            length = message.get() & 0xff;
        }
    }

    private static void skip(ByteBuffer message, int bytes) {
        message.position(message.position() + bytes);
    }
}
