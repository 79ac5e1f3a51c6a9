package dev.drover.node.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code drover service}. */
@Command(name = "service", description = "Services of stacks.")
public final class ServiceCommand extends ClientGroup {

    @Command(name = "ls", description = "List services.")
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
                client ->
                        client.get(ApiClient.path("environments", ClientOptions.environment(client, env), "services")),
                services -> {
                    services.forEach(service -> ((ObjectNode) service)
                            .put(
                                    "service",
                                    service.path("stack").asText() + "/"
                                            + service.path("name").asText()));
                    Output.table(out(), services, "service", "kind", "state", "scale", "instances", "image", "message");
                });
    }

    @Command(name = "scale", description = "Set how many containers a service has.")
    int scale(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env,
            @Parameters(paramLabel = "STACK/SERVICE=N") String wanted) {
        int equals = wanted.indexOf('=');
        int scale = equals < 0 ? -1 : number(wanted.substring(equals + 1));
        if (scale < 0) {
            throw new ParameterException(
                    spec.commandLine(), wanted + " (expected: STACK/SERVICE=N, such as hello/httpserver=3)");
        }
        String service = wanted.substring(0, equals);
        UnaryOperator<String> path = servicePath(service, "scale");
        return run(
                options,
                client -> client.post(path.apply(ClientOptions.environment(client, env)), Map.of("scale", scale)),
                _ -> say("service " + service + " is being scaled to " + scale));
    }

    @Command(name = "upgrade", description = "Replace a service's containers one by one with changed ones.")
    int upgrade(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env,
            @Parameters(paramLabel = "STACK/SERVICE") String service,
            @Option(names = "--image", description = "New image.") @Nullable String image,
            @Option(names = "--environment", paramLabel = "NAME=VALUE", description = "Environment variable.") @Nullable
                    Map<String, String> environment,
            @Option(
                            names = "--command",
                            paramLabel = "WORD",
                            arity = "1..*",
                            description = "New command, word by word.")
                    @Nullable
                    List<String> command) {
        UnaryOperator<String> path = servicePath(service, "upgrade");
        Map<String, Object> body = new LinkedHashMap<>();
        if (image != null) {
            body.put("image", image);
        }
        if (environment != null) {
            body.put("environment", environment);
        }
        if (command != null) {
            body.put("command", command);
        }
        return run(
                options,
                client -> client.post(path.apply(ClientOptions.environment(client, env)), body),
                _ -> say("service " + service + " is being upgraded"));
    }

    private UnaryOperator<String> servicePath(String stackAndService, String action) {
        String[] parts = stackAndService.split("/", -1);
        if (parts.length != 2 || parts[0].isEmpty() || parts[1].isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(), stackAndService + " (expected: STACK/SERVICE, such as hello/httpserver)");
        }
        return env -> ApiClient.path("environments", env, "stacks", parts[0], "services", parts[1], action);
    }

    private static int number(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
