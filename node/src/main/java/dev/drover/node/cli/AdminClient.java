package dev.drover.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** The admin endpoint of a node. Blocking; every failure is a {@link CliException} fit for the user. */
final class AdminClient implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(3);
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final String admin;
    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            .build();

    /** @param admin {@code HOST:PORT} */
    AdminClient(String admin) {
        this.admin = admin;
    }

    /** @param path with its query, encoded */
    JsonNode get(String path) {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + admin + path))
                .timeout(TIMEOUT)
                .build();
        HttpResponse<String> response;
        try {
            response = client.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw noNode(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CliException("interrupted", e);
        }
        return answer(response);
    }

    private JsonNode answer(HttpResponse<String> response) {
        JsonNode body;
        try {
            body = ApiClient.MAPPER.readTree(response.body());
        } catch (JsonProcessingException e) {
            throw noNode(e);
        }
        if (response.statusCode() == 200) {
            return body;
        }
        throw new CliException(
                body.path("error").asText("node at " + admin + ": HTTP status " + response.statusCode()));
    }

    private CliException noNode(Exception cause) {
        return new CliException("no node at " + admin + " (expected: a running drover node; --admin HOST:PORT)", cause);
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
