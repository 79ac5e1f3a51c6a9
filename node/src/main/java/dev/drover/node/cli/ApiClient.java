package dev.drover.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import dev.drover.node.link.PinMismatchException;
import dev.drover.node.link.PinnedTls;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The control plane's REST API. Blocking; every failure is a {@link CliException} fit for the user. */
final class ApiClient implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration TIMEOUT = Duration.ofSeconds(60);
    static final ObjectMapper MAPPER = new ObjectMapper();

    private final URI server;
    private final @Nullable String token;
    private final HttpClient client;

    /**
     * @param server {@code https://host:port}, or {@code http://} to loopback
     * @param token null before login
     * @param pinVerdict from the key the server presents to why it is refused, empty to accept
     */
    ApiClient(URI server, @Nullable String token, UnaryOperator<String> pinVerdict) {
        this.server = server;
        this.token = token;
        client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .sslContext(PinnedTls.context(pinVerdict))
                .build();
    }

    /** A path below {@code /v1}, its segments encoded. */
    static String path(String... segments) {
        StringBuilder path = new StringBuilder("/v1");
        for (String segment : segments) {
            path.append('/')
                    .append(URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20"));
        }
        return path.toString();
    }

    JsonNode get(String path) {
        return send("GET", path, null);
    }

    JsonNode post(String path, Object body) {
        return send("POST", path, body);
    }

    JsonNode put(String path, Object body) {
        return send("PUT", path, body);
    }

    JsonNode delete(String path) {
        return send("DELETE", path, null);
    }

    private JsonNode send(String method, String path, @Nullable Object body) {
        try {
            HttpRequest.Builder request = HttpRequest.newBuilder(server.resolve(path))
                    .timeout(TIMEOUT)
                    .method(
                            method,
                            body == null
                                    ? HttpRequest.BodyPublishers.noBody()
                                    : HttpRequest.BodyPublishers.ofString(MAPPER.writeValueAsString(body)));
            if (body != null) {
                request.header("Content-Type", "application/json");
            }
            if (token != null) {
                request.header("Authorization", "Bearer " + token);
            }
            return answer(client.send(request.build(), HttpResponse.BodyHandlers.ofString()));
        } catch (IOException e) {
            throw unreachable(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CliException("interrupted", e);
        }
    }

    private CliException unreachable(IOException cause) {
        Throwable root = cause;
        for (Throwable t = cause; t != null; t = t.getCause()) {
            root = t;
            if (t instanceof PinMismatchException) {
                return new CliException(server + ": " + t.getMessage(), cause);
            }
        }
        String reason = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        return new CliException(
                "server: " + server + " cannot be reached: " + reason + " (expected: a drover server listening there)",
                cause);
    }

    private JsonNode answer(HttpResponse<String> response) {
        JsonNode body = NullNode.getInstance();
        try {
            if (!response.body().isBlank()) {
                body = MAPPER.readTree(response.body());
            }
        } catch (JsonProcessingException e) {
            throw new CliException(
                    "server: " + server + " answered HTTP status " + response.statusCode()
                            + " without JSON (expected: a drover server listening there)",
                    e);
        }
        if (response.statusCode() / 100 == 2) {
            return body;
        }
        String message = body.path("error").path("message").asText("HTTP status " + response.statusCode());
        throw new CliException(
                response.statusCode() == 401 && token != null ? message + " (expected: drover login)" : message);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
