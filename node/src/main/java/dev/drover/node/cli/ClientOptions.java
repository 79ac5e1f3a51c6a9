package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that every client command has, and the client they describe. */
final class ClientOptions {
    @Option(
            names = "--server",
            paramLabel = "URL",
            description = "Control plane; default: $$DROVER_SERVER, else that of the last login.")
    @Nullable
    String server;

    @Option(names = "--json", description = "Print the server's answer as JSON.")
    boolean json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    ApiClient client() {
        Credentials credentials = Credentials.load(Credentials.path());
        String address = firstOf(server, System.getenv("DROVER_SERVER"), credentials.current());
        if (address == null) {
            throw new CliException("not logged in (expected: drover login URL, or DROVER_SERVER and DROVER_TOKEN)");
        }
        URI uri = serverUri(address);
        Credentials.Login login = credentials.servers().get(uri.toString());
        String token = firstOf(System.getenv("DROVER_TOKEN"), login == null ? null : login.token());
        if (token == null) {
            throw new CliException("not logged in at " + uri + " (expected: drover login " + uri + ")");
        }
        String pin = firstOf(System.getenv("DROVER_PIN"), login == null ? null : login.pin());
        return new ApiClient(uri, token, verdict(uri, pin));
    }

    private static UnaryOperator<String> verdict(URI uri, @Nullable String pin) {
        return presented -> {
            if (pin == null) {
                return "server key: " + presented + " is not known yet (expected: drover login " + uri
                        + ", or DROVER_PIN with the key)";
            }
            return presented.equals(pin)
                    ? ""
                    : "server key: " + presented + " (expected: " + pin + " as at login; if the server's key was"
                            + " replaced on purpose, run drover login --forget-key " + uri + ")";
        };
    }

    /** The address without path; {@code https://} when it names no scheme. */
    static URI serverUri(String text) {
        String withScheme = text.contains("://") ? text : "https://" + text;
        try {
            URI uri = URI.create(withScheme);
            if (uri.getHost() != null && (uri.getScheme().equals("https") || isLoopback(uri))) {
                return URI.create(uri.getScheme() + "://" + uri.getRawAuthority());
            }
        } catch (IllegalArgumentException e) {
            throw new CliException("server: " + text + " (expected: https://HOST:PORT)", e);
        }
        throw new CliException("server: " + text + " (expected: https://HOST:PORT, http:// only to 127.0.0.1)");
    }

    private static boolean isLoopback(URI uri) {
        return uri.getScheme().equals("http")
                && (uri.getHost().equals("localhost") || uri.getHost().startsWith("127."));
    }

    static @Nullable String firstOf(@Nullable String... candidates) {
        for (String candidate : candidates) {
            if (candidate != null && !candidate.isEmpty()) {
                return candidate;
            }
        }
        return null;
    }

    /** The environment a command means: the one given, else {@code $DROVER_ENV}, else the only one there is. */
    static String environment(ApiClient client, @Nullable String given) {
        String named = firstOf(given, System.getenv("DROVER_ENV"));
        if (named != null) {
            return named;
        }
        List<String> names = new ArrayList<>();
        for (JsonNode environment : client.get(ApiClient.path("environments"))) {
            names.add(environment.path("name").asText());
        }
        if (names.size() == 1) {
            return Objects.requireNonNull(names.getFirst());
        }
        throw new CliException(
                names.isEmpty()
                        ? "there is no environment yet (expected: drover env create NAME)"
                        : "environment: not given (expected: --env, one of " + String.join(", ", names) + ")");
    }
}
