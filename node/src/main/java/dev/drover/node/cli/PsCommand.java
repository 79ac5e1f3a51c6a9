package dev.drover.node.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code drover ps}. */
@Command(name = "ps", description = "Every container of an environment, whoever made it.")
public final class PsCommand implements Callable<Integer> {
    private static final int SHORT_ID = 12;

    @Mixin
    ClientOptions options = new ClientOptions();

    @Option(
            names = {"-e", "--env"},
            paramLabel = "ENV",
            description = "Environment.")
    @Nullable
    String env;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() {
        return ClientGroup.run(
                spec.commandLine(),
                options,
                client -> client.get(
                        ApiClient.path("environments", ClientOptions.environment(client, env), "containers")),
                containers -> {
                    containers.forEach(container -> {
                        String id = container.path("id").asText();
                        ((ObjectNode) container).put("id", id.substring(0, Math.min(id.length(), SHORT_ID)));
                    });
                    Output.table(
                            spec.commandLine().getOut(),
                            containers,
                            "id",
                            "name",
                            "host",
                            "image",
                            "state",
                            "address",
                            "problem");
                });
    }
}
