package dev.drover.dns;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Section;

/** An upstream that replies what a script says: any number of datagrams or frames to each query, or none. */
final class FakeUpstream implements Closeable {
    /** What to send back. */
    @FunctionalInterface
    interface Script {
        List<byte[]> replies(byte[] query, boolean tcp);
    }

    /** Queries as received. */
    final List<byte[]> received = new CopyOnWriteArrayList<>();

    /** UDP source ports of the queries. */
    final List<Integer> ports = new CopyOnWriteArrayList<>();

    private final Script script;
    private volatile boolean records = true;
    private final ServerSocket tcp;
    private final DatagramSocket udp;

    FakeUpstream(Script script) throws IOException {
        this.script = script;
        InetAddress loopback = InetAddress.ofLiteral("127.0.0.1");
        ServerSocket accepting = null;
        DatagramSocket datagrams = null;
        while (datagrams == null) {
            accepting = new ServerSocket(0, 50, loopback);
            try {
                datagrams = new DatagramSocket(accepting.getLocalPort(), loopback);
            } catch (BindException e) {
                accepting.close(); // the port is free for TCP only: take another
            }
        }
        this.tcp = accepting;
        this.udp = datagrams;
        Thread.ofVirtual().start(this::serveUdp);
        Thread.ofVirtual().start(this::serveTcp);
    }

    /** Never replies. */
    static FakeUpstream silent() throws IOException {
        return new FakeUpstream((query, tcp) -> List.of());
    }

    /** Replies with an rcode and no records. */
    static FakeUpstream of(int rcode) throws IOException {
        return new FakeUpstream((query, tcp) -> List.of(reply(query, rcode).toWire()));
    }

    /** Replies with the addresses. */
    static FakeUpstream of(String... addresses) throws IOException {
        return new FakeUpstream(
                (query, tcp) -> List.of(reply(query, Rcode.NOERROR, addresses).toWire()));
    }

    /** A reply to {@code query}, with A records of TTL 77 at its name. */
    static Message reply(byte[] query, int rcode, String... addresses) {
        Message asked = DnsClient.parse(query);
        Message reply = new Message(asked.getHeader().getID());
        reply.getHeader().setFlag(Flags.QR);
        reply.getHeader().setFlag(Flags.RA);
        reply.getHeader().setRcode(rcode);
        reply.addRecord(asked.getQuestion(), Section.QUESTION);
        for (String address : addresses) {
            reply.addRecord(
                    new ARecord(asked.getQuestion().getName(), DClass.IN, 77, InetAddress.ofLiteral(address)),
                    Section.ANSWER);
        }
        return reply;
    }

    InetSocketAddress address() {
        return (InetSocketAddress) udp.getLocalSocketAddress();
    }

    private void serveUdp() {
        byte[] buffer = new byte[65_535];
        while (!udp.isClosed()) {
            try {
                DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                udp.receive(packet);
                byte[] query = Arrays.copyOf(buffer, packet.getLength());
                if (records && !isLoopProbe(query)) {
                    received.add(query);
                    ports.add(packet.getPort());
                }
                for (byte[] reply : script.replies(query, false)) {
                    udp.send(new DatagramPacket(reply, reply.length, packet.getSocketAddress()));
                }
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    /** The server asks each upstream, when it asks it first, whether it leads back to it. */
    private static boolean isLoopProbe(byte[] query) {
        return new String(query, StandardCharsets.ISO_8859_1)
                .toLowerCase(Locale.ROOT)
                .contains("drover-loop");
    }

    /** Keeps no record of queries from now on. */
    void forget() {
        records = false;
        received.clear();
        ports.clear();
    }

    /** Takes the TCP port away. */
    FakeUpstream udpOnly() throws IOException {
        tcp.close();
        return this;
    }

    private void serveTcp() {
        while (!tcp.isClosed()) {
            try {
                Socket connection = tcp.accept();
                Thread.ofVirtual().start(() -> serveTcp(connection));
            } catch (IOException e) {
                return; // closed
            }
        }
    }

    private void serveTcp(Socket connection) {
        try (connection) {
            DataInputStream in = new DataInputStream(connection.getInputStream());
            DataOutputStream out = new DataOutputStream(connection.getOutputStream());
            while (true) {
                byte[] query = new byte[in.readUnsignedShort()];
                in.readFully(query);
                received.add(query);
                for (byte[] reply : script.replies(query, true)) {
                    out.writeShort(reply.length);
                    out.write(reply);
                }
            }
        } catch (IOException e) {
            // the server under test is done with it
        }
    }

    @Override
    public void close() throws IOException {
        tcp.close();
        udp.close();
    }
}
