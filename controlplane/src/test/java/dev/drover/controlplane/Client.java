package dev.drover.controlplane;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;

/** A plain HTTP client of the API, as a script would be. */
public final class Client {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();

    private final String base;
    private final String token;

    /** An answer. */
    public record Answer(int status, JsonNode json, HttpResponse<String> raw) {
        public String message() {
            return json.path("error").path("message").asText();
        }

        public String field() {
            return json.path("error").path("field").asText();
        }
    }

    public Client(InetSocketAddress address, String token) {
        this.base = "http://127.0.0.1:" + address.getPort();
        this.token = token;
    }

    public static Client login(ControlPlane controlPlane, String password) {
        Client anonymous = new Client(controlPlane.uiAddress(), "");
        String token = anonymous
                .post("/v1/login", Map.of("user", "admin", "password", password))
                .json()
                .path("token")
                .asText();
        return new Client(controlPlane.uiAddress(), token);
    }

    public String token() {
        return token;
    }

    public Answer get(String path) {
        return send("GET", path, null, Map.of());
    }

    public Answer post(String path, Object body) {
        return send("POST", path, body, Map.of());
    }

    public Answer put(String path, Object body) {
        return send("PUT", path, body, Map.of());
    }

    public Answer delete(String path) {
        return send("DELETE", path, null, Map.of());
    }

    /** @param body a text is sent as it is, anything else as JSON, null as no body */
    public Answer send(String method, String path, Object body, Map<String, String> headers) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofSeconds(20));
        if (body == null) {
            request.method(method, HttpRequest.BodyPublishers.noBody());
        } else {
            request.header("content-type", "application/json");
            request.method(method, HttpRequest.BodyPublishers.ofString(text(body)));
        }
        if (!token.isEmpty()) {
            request.header("authorization", "Bearer " + token);
        }
        headers.forEach(request::header);
        try {
            HttpResponse<String> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
            String contentType = response.headers().firstValue("content-type").orElse("");
            JsonNode json = contentType.contains("json") && !response.body().isEmpty()
                    ? MAPPER.readTree(response.body())
                    : MAPPER.missingNode();
            return new Answer(response.statusCode(), json, response);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static String text(Object body) {
        try {
            return body instanceof String text ? text : MAPPER.writeValueAsString(body);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
