package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What an operator does first at a new control plane, done for him where server and node are one process. */
public final class FirstSteps {
    private FirstSteps() {}

    /** Makes the environment when there is none of that name, and a token to join it. */
    public static String joinToken(URI server, String pin, String adminPassword, String environment) {
        UnaryOperator<String> verdict = presented -> presented.equals(pin) ? "" : "server key: " + presented;
        String session;
        try (ApiClient client = new ApiClient(server, null, verdict)) {
            session = client.post(ApiClient.path("login"), Map.of("user", "admin", "password", adminPassword))
                    .path("token")
                    .asText();
        }
        try (ApiClient client = new ApiClient(server, session, verdict)) {
            if (!exists(client, environment)) {
                client.post(ApiClient.path("environments"), Map.of("name", environment, "orchestrator", "cattle"));
            }
            return client.post(ApiClient.path("environments", environment, "join-tokens"), Map.of())
                    .path("token")
                    .asText();
        }
    }

    private static boolean exists(ApiClient client, String environment) {
        for (JsonNode each : client.get(ApiClient.path("environments"))) {
            if (each.path("name").asText().equals(environment)) {
                return true;
            }
        }
        return false;
    }
}
