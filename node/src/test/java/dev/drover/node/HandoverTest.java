package dev.drover.node;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.drover.node.cli.CliException;
import dev.drover.node.config.NodeFileParser;
import dev.drover.node.handover.Predecessor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A node gives its sockets to its successor while clients keep asking. */
final class HandoverTest {
    private static final byte[] REQUEST = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(UTF_8);
    private static final int QUERY_TIMEOUT_MS = 5_000;
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");

    @TempDir
    Path temporary;

    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private HttpServer origin;
    private int webPort;
    private int dnsPort;
    private int echoPort;
    private DatagramSocket echo;
    private final CountDownLatch slowMayEnd = new CountDownLatch(1);

    @BeforeEach
    void start() throws IOException {
        origin = HttpServer.create(new InetSocketAddress(LOOPBACK, 0), 0);
        origin.createContext("/", exchange -> {
            try (exchange) {
                byte[] body = "hello".getBytes(UTF_8);
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
            }
        });
        origin.createContext("/slow", exchange -> {
            try (exchange) {
                exchange.sendResponseHeaders(200, 10);
                exchange.getResponseBody().write("begin".getBytes(UTF_8));
                exchange.getResponseBody().flush();
                slowMayEnd.await();
                exchange.getResponseBody().write("ended".getBytes(UTF_8));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        origin.setExecutor(task -> Thread.ofVirtual().start(task));
        origin.start();
        webPort = freePort();
        dnsPort = freePort();
        echoPort = freePort();
        echo = new DatagramSocket(0, LOOPBACK);
        Thread.ofPlatform().daemon().name("echo").start(this::echo);
    }

    private void echo() {
        try {
            DatagramPacket packet = new DatagramPacket(new byte[64], 64);
            while (true) {
                echo.receive(packet);
                echo.send(packet);
            }
        } catch (IOException e) {
            // the test has ended
        }
    }

    @AfterEach
    void end() throws Exception {
        slowMayEnd.countDown();
        while (!open.isEmpty()) {
            open.pop().close();
        }
        origin.stop(0);
        echo.close();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, LOOPBACK)) {
            return socket.getLocalPort();
        }
    }

    private Path handover() {
        return temporary.resolve("handover.sock");
    }

    private NodeProcess node(boolean takeOver, String answer) throws InterruptedException, IOException {
        String text = """
                lb:
                  listeners:
                    - { name: web, bind: "127.0.0.1:%d", protocol: http, targets: ["127.0.0.1:%d"] }
                    - { name: echo, bind: "127.0.0.1:%d", protocol: udp, targets: ["127.0.0.1:%d"] }
                dns:
                  bind: 127.0.0.1:%d
                  records: { web.stack: [%s] }
                handover: %s
                """.formatted(
                webPort, origin.getAddress().getPort(), echoPort, echo.getLocalPort(), dnsPort, answer, handover());
        Path file = temporary.resolve("node.yaml");
        Files.writeString(file, text);
        NodeProcess process = NodeProcess.ofFile(file, text, NodeFileParser.parse("node.yaml", text), takeOver);
        open.push(process);
        return process;
    }

    /** Asks all the time, in five ways, until closed; what failed is told. */
    private final class Clients implements AutoCloseable {
        private final AtomicBoolean on = new AtomicBoolean(true);
        private final AtomicLong asked = new AtomicLong();
        private final List<String> failures = Collections.synchronizedList(new ArrayList<>());
        private final List<Thread> threads = new ArrayList<>();

        Clients() {
            run("keep-alive", this::keepAlive);
            run("new connection", this::newConnection);
            run("query", this::query);
            run("datagrams", this::datagrams);
            run("new sessions", () -> datagrams(500));
        }

        private interface Asking {
            void ask() throws IOException;
        }

        private void run(String name, Asking asking) {
            threads.add(Thread.ofPlatform().name(name).start(() -> {
                while (on.get()) {
                    try {
                        asking.ask();
                    } catch (IOException | AssertionError e) {
                        failures.add(name + ": " + e);
                    }
                }
            }));
        }

        /** Uses a connection until the server says that it closes it, as HTTP/1.1 clients do. */
        private void keepAlive() throws IOException {
            try (Socket socket = new Socket(LOOPBACK, webPort)) {
                boolean goOn = true;
                while (goOn && on.get()) {
                    goOn = !request(socket).contains("onnection: close");
                }
            }
        }

        private void newConnection() throws IOException {
            try (Socket socket = new Socket(LOOPBACK, webPort)) {
                request(socket);
            }
        }

        private String request(Socket socket) throws IOException {
            socket.setSoTimeout(QUERY_TIMEOUT_MS);
            socket.getOutputStream().write(REQUEST);
            InputStream in = socket.getInputStream();
            StringBuilder text = new StringBuilder();
            while (!text.toString().endsWith("hello")) {
                int next = in.read();
                if (next < 0) {
                    throw new IOException("closed after: " + text);
                }
                text.append((char) next);
            }
            assertThat(text.toString()).startsWith("HTTP/1.1 200");
            asked.incrementAndGet();
            return text.toString();
        }

        private void query() throws IOException {
            assertThat(resolve()).isIn("10.0.0.1", "10.0.0.2");
            asked.incrementAndGet();
        }

        /** From one port, none repeated. */
        private void datagrams() throws IOException {
            datagrams(Integer.MAX_VALUE);
        }

        private void datagrams(int most) throws IOException {
            try (DatagramSocket socket = new DatagramSocket(0, LOOPBACK)) {
                socket.setSoTimeout(QUERY_TIMEOUT_MS);
                socket.connect(LOOPBACK, echoPort);
                for (int i = 0; i < most && on.get(); i++) {
                    byte[] question = String.valueOf(i).getBytes(UTF_8);
                    socket.send(new DatagramPacket(question, question.length));
                    DatagramPacket answer = new DatagramPacket(new byte[64], 64);
                    socket.receive(answer);
                    assertThat(new String(answer.getData(), 0, answer.getLength(), UTF_8))
                            .isEqualTo(String.valueOf(i));
                    asked.incrementAndGet();
                }
            }
        }

        @Override
        public void close() {
            on.set(false);
            for (Thread thread : threads) {
                await().atMost(Duration.ofSeconds(10)).until(() -> !thread.isAlive());
            }
        }
    }

    /** One query from a port of its own, never repeated. */
    private String resolve() throws IOException {
        byte[] query = {
            0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'e', 'b', 5, 's', 't', 'a', 'c', 'k', 7, 'r', 'a', 'n', 'c',
            'h', 'e', 'r', 8, 'i', 'n', 't', 'e', 'r', 'n', 'a', 'l', 0, 0, 1, 0, 1
        };
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(QUERY_TIMEOUT_MS);
            socket.connect(LOOPBACK, dnsPort);
            socket.send(new DatagramPacket(query, query.length));
            DatagramPacket reply = new DatagramPacket(new byte[512], 512);
            try {
                socket.receive(reply);
            } catch (SocketTimeoutException e) {
                throw new IOException("no reply", e);
            }
            byte[] address = new byte[4];
            System.arraycopy(reply.getData(), query.length + 12, address, 0, 4);
            return InetAddress.getByAddress(address).getHostAddress();
        }
    }

    @Test
    void noRequestAndNoQueryIsLostWhenNodesSucceedOneAnother() throws Exception {
        NodeProcess running = node(false, "10.0.0.1");
        try (Clients clients = new Clients()) {
            for (int i = 0; i < 5; i++) {
                long before = clients.asked.get();
                await().atMost(Duration.ofSeconds(20)).until(() -> clients.asked.get() > before + 50);
                CountDownLatch left = new CountDownLatch(1);
                running.onLeft(left::countDown);
                NodeProcess next = node(true, "10.0.0.2");
                assertThat(left.await(40, TimeUnit.SECONDS))
                        .as("the predecessor ends")
                        .isTrue();
                running.close();
                running = next;
            }
            assertThat(resolve()).isEqualTo("10.0.0.2");
            long before = clients.asked.get();
            await().atMost(Duration.ofSeconds(20)).until(() -> clients.asked.get() > before + 50);
            assertThat(clients.failures).isEmpty();
        }
    }

    @Test
    void aResponseUnderWayIsSentToItsEndByThePredecessor() throws Exception {
        NodeProcess first = node(false, "10.0.0.1");
        CountDownLatch left = new CountDownLatch(1);
        first.onLeft(left::countDown);
        try (Socket socket = new Socket(LOOPBACK, webPort)) {
            socket.getOutputStream().write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(UTF_8));
            StringBuilder text = new StringBuilder();
            while (!text.toString().endsWith("begin")) {
                text.append((char) socket.getInputStream().read());
            }
            node(true, "10.0.0.2");
            await().atMost(Duration.ofSeconds(10)).until(() -> resolve().equals("10.0.0.2"));
            assertThat(left.getCount()).as("waits for the response").isOne();
            slowMayEnd.countDown();
            assertThat(new String(socket.getInputStream().readNBytes(5), UTF_8)).isEqualTo("ended");
        }
        assertThat(left.await(20, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aSuccessorThatFailsLeavesTheNodeServing() throws Exception {
        node(false, "10.0.0.1");
        for (int i = 0; i < 3; i++) {
            try (Predecessor predecessor = Predecessor.find(handover())) {
                assertThat(predecessor).isNotNull();
                assertThat(predecessor.takeSockets()).hasSizeGreaterThanOrEqualTo(3);
            }
        }
        try (Clients clients = new Clients()) {
            await().atMost(Duration.ofSeconds(20)).until(() -> clients.asked.get() > 50);
            assertThat(clients.failures).isEmpty();
        }
        // It still watches its file, and can still be taken over from.
        Files.writeString(
                temporary.resolve("node.yaml"),
                Files.readString(temporary.resolve("node.yaml")).replace("10.0.0.1", "10.0.0.2"));
        await().atMost(Duration.ofSeconds(10)).until(() -> resolve().equals("10.0.0.2"));
        node(true, "10.0.0.1");
        await().atMost(Duration.ofSeconds(10)).until(() -> resolve().equals("10.0.0.1"));
    }

    @Test
    void withoutANodeToTakeOverFromItJustStarts() throws Exception {
        node(true, "10.0.0.1");
        assertThat(resolve()).isEqualTo("10.0.0.1");
    }

    @Test
    void anotherKindOfServerAtThePathIsRefusedByName() throws Exception {
        try (ServerSocketChannel stranger = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            stranger.bind(UnixDomainSocketAddress.of(handover()));
            Thread.ofVirtual().start(() -> {
                try (var accepted = stranger.accept()) {
                    accepted.write(ByteBuffer.wrap(new byte[] {127, 0, 0, 0, 1}));
                    accepted.read(ByteBuffer.allocate(1 << 10)); // the greeting
                    accepted.read(ByteBuffer.allocate(1)); // the end
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            assertThatThrownBy(() -> node(true, "10.0.0.1"))
                    .isInstanceOf(CliException.class)
                    .hasMessageContaining("handover: list of 2130706432 bytes");
        }
    }

    @Test
    void noiseAtTheSocketIsNoReasonToPark() throws Exception {
        node(false, "10.0.0.1");
        try (var noise = SocketChannel.open(UnixDomainSocketAddress.of(handover()))) {
            noise.write(ByteBuffer.wrap("GET / HTTP/1.1\r\n\r\nxxxxxxxx".getBytes(UTF_8)));
            assertThat(noise.read(ByteBuffer.allocate(1))).as("closed").isEqualTo(-1);
        }
        assertThat(resolve()).isEqualTo("10.0.0.1");
    }
}
