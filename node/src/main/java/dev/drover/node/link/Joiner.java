package dev.drover.node.link;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.drover.controlplane.link.Join;
import dev.drover.controlplane.link.LinkCodec;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Joins a host to an environment: the one call before there is a link. */
public final class Joiner {
    private static final Logger LOG = LoggerFactory.getLogger(Joiner.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int TRIES = 8;
    private static final long PAUSE_MS = 1_500;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Joiner() {}

    /**
     * Blocks until the server has answered; a server that cannot be reached is tried for some seconds.
     *
     * @param server {@code https://host:port}
     * @throws LinkException when the server refuses, is not the one of the token or stays out of reach
     */
    public static Join.Response join(URI server, JoinToken token, Join.Request request) throws InterruptedException {
        HttpRequest post = HttpRequest.newBuilder(server.resolve("/v1/join"))
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(LinkCodec.encode(request)))
                .build();
        try (HttpClient client = client(token.pin())) {
            for (int attempt = 1; ; attempt++) {
                try {
                    return answer(client.send(post, HttpResponse.BodyHandlers.ofString()));
                } catch (IOException e) {
                    LinkException failure = failure(server, e);
                    if (failure.isFinal() || attempt == TRIES) {
                        throw failure;
                    }
                    LOG.info("{} attempt={} of={}", failure.getMessage(), attempt, TRIES);
                    Thread.sleep(PAUSE_MS);
                }
            }
        }
    }

    static HttpClient client(String pin) {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(TIMEOUT)
                .sslContext(PinnedTls.context(pin))
                .build();
    }

    /** Why a connection failed, told apart: another key for good, anything else perhaps only for now. */
    static LinkException failure(URI server, Throwable cause) {
        for (Throwable t = cause; t != null; t = t.getCause()) {
            if (t instanceof PinMismatchException) {
                return new LinkException(server + ": " + t.getMessage(), true, cause);
            }
        }
        Throwable root = cause;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String reason = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        return new LinkException(
                "server: " + server + " cannot be reached: " + reason + " (expected: a drover server listening there)",
                false,
                cause);
    }

    private static Join.Response answer(HttpResponse<String> response) {
        if (response.statusCode() / 100 == 2) {
            try {
                return LinkCodec.decode(response.body(), Join.Response.class);
            } catch (IllegalArgumentException e) {
                throw new LinkException("join: the server's answer is not understood: " + e.getMessage(), true, e);
            }
        }
        throw new LinkException("join refused: " + message(response), true, null);
    }

    private static String message(HttpResponse<String> response) {
        try {
            JsonNode error = MAPPER.readTree(response.body()).path("error");
            if (error.path("message").isTextual()) {
                return error.path("message").asText();
            }
        } catch (JsonProcessingException e) {
            LOG.debug("join answer is not JSON", e);
        }
        return "HTTP status " + response.statusCode();
    }
}
