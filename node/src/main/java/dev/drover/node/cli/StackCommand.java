package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code drover stack}. */
@Command(name = "stack", description = "Stacks: services from a docker-compose.yml.")
public final class StackCommand extends ClientGroup {

    @Command(name = "ls", description = "List stacks.")
    int list(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env) {
        return run(
                options,
                client -> client.get(ApiClient.path("environments", ClientOptions.environment(client, env), "stacks")),
                stacks -> Output.table(out(), stacks, "name", "state", "services"));
    }

    @Command(
            name = "up",
            description = "Create a stack, or change it to what the files say; changed services are upgraded.")
    int up(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env,
            @Parameters(paramLabel = "NAME", description = "Name of the stack.") String name,
            @Option(
                            names = {"-f", "--file"},
                            paramLabel = "FILE",
                            defaultValue = "docker-compose.yml",
                            description = "Compose file; default: ${DEFAULT-VALUE}.")
                    Path compose,
            @Option(
                            names = {"-r", "--rancher-file"},
                            paramLabel = "FILE",
                            description =
                                    "Scale and load balancer; default: rancher-compose.yml beside the compose file,"
                                            + " if there is one.")
                    @Nullable
                    Path rancherCompose) {
        Path beside = compose.resolveSibling("rancher-compose.yml");
        Path second = rancherCompose == null && Files.exists(beside) ? beside : rancherCompose;
        Map<String, String> body =
                Map.of("name", name, "compose", read(compose), "rancherCompose", second == null ? "" : read(second));
        return run(
                options,
                client -> put(client, ClientOptions.environment(client, env), name, body),
                _ -> say("stack " + name + " is being brought up"));
    }

    private static JsonNode put(ApiClient client, String env, String name, Map<String, String> body) {
        for (JsonNode stack : client.get(ApiClient.path("environments", env, "stacks"))) {
            boolean leaving = stack.path("state").asText().equals("removing");
            if (stack.path("name").asText().equalsIgnoreCase(name) && !leaving) {
                return client.put(ApiClient.path("environments", env, "stacks", name), body);
            }
        }
        return client.post(ApiClient.path("environments", env, "stacks"), body);
    }

    private static String read(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new CliException(
                    path + ": cannot be read: " + e.getClass().getSimpleName() + " (expected: a compose file)", e);
        }
    }

    @Command(name = "rm", description = "Remove a stack with its services and containers.")
    int remove(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env,
            @Parameters(paramLabel = "NAME") String name) {
        return run(
                options,
                client -> client.delete(
                        ApiClient.path("environments", ClientOptions.environment(client, env), "stacks", name)),
                _ -> say("stack " + name + " is being removed"));
    }
}
