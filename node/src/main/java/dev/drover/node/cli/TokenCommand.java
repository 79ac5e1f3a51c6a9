package dev.drover.node.cli;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code drover token}. */
@Command(name = "token", description = "Tokens: for hosts that join, and for programs that use the API.")
public final class TokenCommand extends ClientGroup {

    @Command(name = "create", description = "Make a token that lets hosts join an environment; prints the token.")
    int create(
            @Mixin ClientOptions options,
            @Parameters(arity = "0..1", paramLabel = "ENV", description = "Environment.") @Nullable String env) {
        return run(
                options,
                client -> client.post(
                        ApiClient.path("environments", ClientOptions.environment(client, env), "join-tokens"),
                        Map.of()),
                token -> say(token.path("token").asText()));
    }

    @Command(name = "api", description = "Make an API token; prints the token, which is shown only now.")
    int api(@Mixin ClientOptions options, @Parameters(paramLabel = "NAME") String name) {
        return run(
                options,
                client -> client.post(ApiClient.path("tokens"), Map.of("name", name)),
                token -> say(token.path("token").asText()));
    }
}
