package dev.drover.dns;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/** Sends bytes and messages from sockets of the JDK, so that nothing of the server is tested by itself. */
final class DnsClient {
    private static final int TIMEOUT_MS = 6_000;

    private final InetSocketAddress server;
    private final InetSocketAddress source;

    DnsClient(InetSocketAddress server) {
        this(server, "127.0.0.1");
    }

    /** @param source address to ask from */
    DnsClient(InetSocketAddress server, String source) {
        this.server = server;
        this.source = new InetSocketAddress(InetAddress.ofLiteral(source), 0);
    }

    InetSocketAddress server() {
        return server;
    }

    static Message query(String name, int type) {
        return Message.newQuery(Record.newRecord(Name.fromConstantString(name), type, DClass.IN));
    }

    static Message ednsQuery(String name, int type, int payload, int version, int flags) {
        Message query = query(name, type);
        query.addRecord(new OPTRecord(payload, 0, version, flags), Section.ADDITIONAL);
        return query;
    }

    Message ask(String name, int type) {
        return udp(query(name, type));
    }

    Message udp(Message query) {
        byte[] reply = udp(query.toWire(), TIMEOUT_MS);
        if (reply == null) {
            throw new AssertionError("no reply to " + query.getQuestion());
        }
        return parse(reply);
    }

    /** The reply to a datagram, null if there is none within the time or nobody listens. */
    byte @Nullable [] udp(byte[] query, int timeoutMs) {
        try (DatagramSocket socket =
                server.getAddress() instanceof Inet4Address ? new DatagramSocket(source) : new DatagramSocket()) {
            socket.setSoTimeout(timeoutMs);
            socket.connect(server);
            socket.send(new DatagramPacket(query, query.length));
            DatagramPacket reply = new DatagramPacket(new byte[65_535], 65_535);
            socket.receive(reply);
            return Arrays.copyOf(reply.getData(), reply.getLength());
        } catch (SocketTimeoutException | PortUnreachableException e) {
            return null;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    Message tcp(Message query) {
        try (Tcp connection = connect()) {
            connection.send(query.toWire());
            return parse(connection.receive());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    Tcp connect() throws IOException {
        Socket socket = new Socket();
        if (server.getAddress() instanceof Inet4Address) {
            socket.bind(source);
        }
        socket.connect(server, TIMEOUT_MS);
        socket.setSoTimeout(TIMEOUT_MS);
        socket.setTcpNoDelay(true);
        return new Tcp(socket);
    }

    static Message parse(byte[] wire) {
        try {
            return new Message(wire);
        } catch (IOException e) {
            throw new AssertionError("reply is malformed", e);
        }
    }

    static boolean flag(Message message, int flag) {
        return message.getHeader().getFlag(flag);
    }

    static boolean authoritative(Message message) {
        return flag(message, Flags.AA);
    }

    /** A connection whose frames are written and read by hand. */
    static final class Tcp implements AutoCloseable {
        final Socket socket;
        private final DataInputStream in;
        final DataOutputStream out;

        Tcp(Socket socket) throws IOException {
            this.socket = socket;
            this.in = new DataInputStream(socket.getInputStream());
            this.out = new DataOutputStream(socket.getOutputStream());
        }

        void send(byte[] message) throws IOException {
            byte[] frame = new byte[message.length + 2];
            frame[0] = (byte) (message.length >> 8);
            frame[1] = (byte) message.length;
            System.arraycopy(message, 0, frame, 2, message.length);
            out.write(frame);
        }

        byte[] receive() throws IOException {
            byte[] message = new byte[in.readUnsignedShort()];
            in.readFully(message);
            return message;
        }

        /** Whether the server ends the connection, within the time limit, without sending anything more. */
        boolean isClosedByServer() {
            try {
                return in.read() < 0;
            } catch (SocketTimeoutException e) {
                return false;
            } catch (IOException e) {
                return true; // reset
            }
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
