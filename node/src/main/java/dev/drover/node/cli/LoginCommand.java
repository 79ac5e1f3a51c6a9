package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.Console;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code drover login}: the server's key is remembered at the first login and must stay the same from then on. */
@Command(name = "login", description = "Log in to a control plane; other commands then use it.")
public final class LoginCommand implements Callable<Integer> {
    @Parameters(
            arity = "0..1",
            paramLabel = "URL",
            description = "Control plane, https://HOST:PORT; default: $$DROVER_SERVER, else https://127.0.0.1:8443.")
    @Nullable
    String server;

    @Option(names = "--user", defaultValue = "admin", description = "Account; default: ${DEFAULT-VALUE}.")
    String user = "admin";

    @Option(
            names = "--password",
            description = "Password; better: $$DROVER_PASSWORD, or asked for, or the first line of standard input.")
    @Nullable
    String password;

    @Option(names = "--forget-key", description = "Accept another server key than at the last login.")
    boolean forgetKey;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() {
        URI uri = ClientOptions.serverUri(Objects.requireNonNull(
                ClientOptions.firstOf(server, System.getenv("DROVER_SERVER"), "https://127.0.0.1:8443")));
        Path path = Credentials.path();
        Credentials credentials = Credentials.load(path);
        Credentials.Login before = credentials.servers().get(uri.toString());
        String known = before == null || forgetKey ? null : before.pin();
        AtomicReference<@Nullable String> seen = new AtomicReference<>();
        try (ApiClient client = new ApiClient(uri, null, presented -> {
            seen.set(presented);
            return known == null || known.equals(presented)
                    ? ""
                    : "server key: " + presented + " (expected: " + known + " as at the last login; if it was replaced"
                            + " on purpose, add --forget-key)";
        })) {
            JsonNode session = client.post(ApiClient.path("login"), Map.of("user", user, "password", readPassword()));
            String pin = seen.get();
            credentials
                    .with(
                            uri.toString(),
                            new Credentials.Login(session.path("token").asText(), pin))
                    .save(path);
            spec.commandLine().getOut().println("logged in at " + uri + " as " + user);
            if (known == null && pin != null) {
                spec.commandLine().getOut().println("server key (SHA-256): " + pin + ", remembered");
            }
            spec.commandLine().getOut().flush();
            return 0;
        }
    }

    @SuppressWarnings("SystemConsoleNull") // JDK 25 went back to null without a terminal (JDK-8351435)
    private String readPassword() {
        String given = ClientOptions.firstOf(password, System.getenv("DROVER_PASSWORD"));
        if (given != null) {
            return given;
        }
        Console console = System.console();
        if (console != null && console.isTerminal()) {
            char[] typed = console.readPassword("password of %s: ", user);
            if (typed != null) {
                return new String(typed);
            }
        } else {
            try {
                String line = new BufferedReader(new InputStreamReader(System.in, Charset.defaultCharset())).readLine();
                if (line != null) {
                    return line;
                }
            } catch (IOException e) {
                throw new CliException("password: standard input: " + e.getMessage(), e);
            }
        }
        throw new CliException(
                "password: not given (expected: DROVER_PASSWORD, a terminal, or a line on standard input)");
    }
}
