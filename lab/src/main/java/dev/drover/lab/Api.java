package dev.drover.lab;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;

/** The control plane's REST API as any client sees it. Thread-safe. */
final class Api {
    private static final Duration CALL = Duration.ofSeconds(10);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CALL)
            .build();
    private final String base;
    private volatile String token = "";

    /** @param base such as {@code http://127.0.0.1:8080} */
    Api(String base) {
        this.base = base;
    }

    /** Whether the server answers. */
    boolean isUp() {
        try {
            return send(request("/healthz").GET()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    void login(String user, String password) {
        token = post("/v1/login", Map.of("user", user, "password", password))
                .path("token")
                .asText();
    }

    JsonNode get(String path) {
        return call("GET", path, "");
    }

    JsonNode post(String path, Map<String, ?> body) {
        return call("POST", path, write(body));
    }

    JsonNode delete(String path) {
        return call("DELETE", path, "");
    }

    private JsonNode call(String method, String path, String body) {
        HttpRequest.BodyPublisher publisher =
                body.isEmpty() ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
        HttpRequest.Builder request =
                request(path).method(method, publisher).header("Content-Type", "application/json");
        try {
            HttpResponse<String> response = send(request);
            if (response.statusCode() / 100 != 2) {
                throw new LabException("%s %s: status %d %s"
                        .formatted(
                                method,
                                path,
                                response.statusCode(),
                                response.body().strip()));
            }
            return response.body().isBlank() ? MissingNode.getInstance() : JSON.readTree(response.body());
        } catch (JsonProcessingException e) {
            throw new LabException("%s %s: answer is no JSON: %s".formatted(method, path, e.getOriginalMessage()), e);
        } catch (IOException e) {
            throw new LabException("%s %s: %s".formatted(method, path, e), e);
        }
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).timeout(CALL);
        return token.isEmpty() ? request : request.header("Authorization", "Bearer " + token);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException {
        try {
            return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LabException("interrupted", e);
        }
    }

    static String write(Object body) {
        try {
            return JSON.writeValueAsString(body);
        } catch (JsonProcessingException e) {
            throw new LabException("JSON: " + e.getOriginalMessage(), e);
        }
    }
}
