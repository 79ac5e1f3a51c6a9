package dev.drover.node.admin;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.overlay.Encryption;
import dev.drover.overlay.PeerKey;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * HTTP endpoint for operators, without authentication and therefore on loopback by default: {@code /metrics} in the
 * Prometheus text format, {@code /healthz}, and tables as JSON. Reads only.
 */
public final class AdminServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);

    private static final ObjectMapper MAPPER = new ObjectMapper()
            .registerModule(new SimpleModule()
                    .addSerializer(Cidr.class, ToStringSerializer.instance)
                    .addSerializer(Mac.class, ToStringSerializer.instance)
                    .addSerializer(Encryption.class, ToStringSerializer.instance)
                    .addSerializer(PeerKey.class, ToStringSerializer.instance)
                    .addSerializer(Instant.class, ToStringSerializer.instance)
                    .addSerializer(InetSocketAddress.class, new AddressSerializers.Socket())
                    .addSerializer(Inet4Address.class, new AddressSerializers.Host())
                    .addSerializer(InetAddress.class, new AddressSerializers.Host()));

    private static final DefaultPrettyPrinter PRETTY =
            new DefaultPrettyPrinter().withObjectIndenter(new DefaultIndenter("  ", "\n"));

    /** Answers what depends on parameters. */
    @FunctionalInterface
    public interface Question {
        /** @throws Query.BadQueryException for parameters that it cannot use */
        Object ask(Query query);
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    private AdminServer(HttpServer server) {
        this.server = server;
    }

    /**
     * Serves until closed.
     *
     * @param tables path, such as {@code /dns}, to what is dumped there
     * @param questions path to what answers there by the parameters of the request
     * @throws UncheckedIOException when the address cannot be bound, naming it
     */
    public static AdminServer start(
            InetSocketAddress bind,
            PrometheusRegistry metrics,
            Map<String, Supplier<Object>> tables,
            Map<String, Question> questions) {
        HttpServer http;
        try {
            http = HttpServer.create(bind, 0);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "admin: " + bind.getAddress().getHostAddress() + ":" + bind.getPort() + ": " + e.getMessage()
                            + " (expected: a free address of this host)",
                    e);
        }
        AdminServer admin = new AdminServer(http);
        http.setExecutor(admin.threads);
        admin.serve("/metrics", PrometheusTextFormatWriter.CONTENT_TYPE, () -> text(metrics));
        admin.serve("/healthz", "text/plain", () -> "ok\n".getBytes(StandardCharsets.UTF_8));
        tables.forEach((path, table) -> admin.serve(path, "application/json", () -> json(table.get())));
        questions.forEach(
                (path, question) -> admin.serve(path, "application/json", query -> json(question.ask(query))));
        http.start();
        LOG.info("admin serving address={}", admin.address());
        return admin;
    }

    public InetSocketAddress address() {
        return server.getAddress();
    }

    private void serve(String path, String contentType, Supplier<byte[]> body) {
        serve(path, contentType, _ -> body.get());
    }

    private void serve(String path, String contentType, Function<Query, byte[]> body) {
        server.createContext(path, exchange -> {
            try (exchange) {
                if (!exchange.getRequestURI().getPath().equals(path)) {
                    respond(exchange, 404, "text/plain", "no such path\n".getBytes(StandardCharsets.UTF_8));
                } else if (!exchange.getRequestMethod().equals("GET")) {
                    respond(exchange, 405, "text/plain", "only GET\n".getBytes(StandardCharsets.UTF_8));
                } else {
                    answer(exchange, path, contentType, body);
                }
            }
        });
    }

    private static void answer(HttpExchange exchange, String path, String contentType, Function<Query, byte[]> body)
            throws IOException {
        byte[] answer;
        try {
            answer = body.apply(Query.parse(exchange.getRequestURI().getRawQuery()));
        } catch (Query.BadQueryException e) {
            respond(exchange, 400, "application/json", json(Map.of("error", String.valueOf(e.getMessage()))));
            return;
        } catch (RuntimeException e) {
            LOG.warn("admin request failed path={}", path, e);
            respond(exchange, 500, "application/json", json(Map.of("error", String.valueOf(e.getMessage()))));
            return;
        }
        respond(exchange, 200, contentType, answer);
    }

    private static void respond(HttpExchange exchange, int status, String contentType, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", contentType);
        exchange.sendResponseHeaders(status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    private static byte[] text(PrometheusRegistry metrics) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(out, metrics.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static byte[] json(Object table) {
        try {
            return (MAPPER.writer(PRETTY).writeValueAsString(table) + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
