package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** In this process's own namespace; entering it needs root all the same. */
@Tag("root")
@Timeout(30)
class LoadClientTest {
    private static final Path HERE = Path.of("/proc/self/ns/net");

    private final AtomicInteger requests = new AtomicInteger();
    private volatile int status = 200;
    private HttpServer server;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            requests.incrementAndGet();
            byte[] body = "hello".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void countsEveryAnsweredRequest() {
        LoadClient load = LoadClient.start(HERE, List.of(server.getAddress()), "/", 200);
        await().until(() -> requests.get() >= 200);
        LoadClient.Result result = load.stop();
        assertThat(result.failures()).isEmpty();
        assertThat(result.sent()).isEqualTo(requests.get());
        assertThat(result.p50Us()).isPositive().isLessThanOrEqualTo(result.p99Us());
    }

    @Test
    void anAnswerOtherThan200IsAFailure() {
        LoadClient load = LoadClient.start(HERE, List.of(server.getAddress()), "/", 100);
        await().until(() -> requests.get() >= 20);
        status = 503;
        await().until(() -> requests.get() >= 60);
        assertThat(load.stop().failures()).containsKey("status 503 Service Unavailable");
    }

    @Test
    void aRefusedConnectionIsAFailure() throws IOException {
        InetSocketAddress nobody;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            nobody = new InetSocketAddress(InetAddress.getLoopbackAddress(), free.getLocalPort());
        }
        LoadClient load = LoadClient.start(HERE, List.of(nobody), "/", 100);
        await().until(() -> load.sent() >= 20);
        LoadClient.Result result = load.stop();
        assertThat(result.failed()).isEqualTo(result.sent()).isPositive();
    }
}
