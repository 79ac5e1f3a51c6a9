package dev.drover.node.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code drover host}. */
@Command(name = "host", description = "Hosts of an environment.")
public final class HostCommand extends ClientGroup {

    @Command(name = "ls", description = "List hosts.")
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
                client -> client.get(ApiClient.path("environments", ClientOptions.environment(client, env), "hosts")),
                hosts -> Output.table(out(), hosts, "name", "state", "vtep", "block", "containers", "facts.engine"));
    }

    @Command(name = "rm", description = "Remove a host from its environment.")
    int remove(
            @Mixin ClientOptions options,
            @Option(
                            names = {"-e", "--env"},
                            paramLabel = "ENV",
                            description = "Environment.")
                    @Nullable
                    String env,
            @Parameters(paramLabel = "HOST") String host) {
        return run(
                options,
                client -> client.delete(
                        ApiClient.path("environments", ClientOptions.environment(client, env), "hosts", host)),
                _ -> say("host " + host + " removed"));
    }
}
