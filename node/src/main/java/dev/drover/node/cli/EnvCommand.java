package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code drover env}. */
@Command(name = "env", description = "Environments: resource groups of hosts with one overlay network.")
public final class EnvCommand extends ClientGroup {

    @Command(name = "ls", description = "List environments.")
    int list(@Mixin ClientOptions options) {
        return run(options, client -> client.get(ApiClient.path("environments")), environments -> {
            Output.table(out(), environments, "name", "orchestrator", "subnet", "vni", "encryption", "hosts", "stacks");
        });
    }

    @Command(name = "create", description = "Create an environment.")
    int create(
            @Mixin ClientOptions options,
            @Parameters(paramLabel = "NAME") String name,
            @Option(names = "--orchestrator", defaultValue = "cattle", description = "Default: ${DEFAULT-VALUE}.")
                    String orchestrator,
            @Option(names = "--subnet", paramLabel = "A.B.C.D/N", description = "Overlay subnet.") @Nullable
                    String subnet,
            @Option(names = "--vni", description = "VXLAN network identifier.") @Nullable Integer vni,
            @Option(names = "--encrypted", description = "Encrypt the overlay; cannot be changed later.")
                    boolean encrypted) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("name", name);
        body.put("orchestrator", orchestrator);
        if (subnet != null) {
            body.put("subnet", subnet);
        }
        if (vni != null) {
            body.put("vni", vni);
        }
        if (encrypted) {
            body.put("encryption", true);
        }
        return run(
                options,
                client -> client.post(ApiClient.path("environments"), body),
                environment -> say("environment " + text(environment, "name") + " created, subnet "
                        + text(environment, "subnet")));
    }

    @Command(name = "rm", description = "Delete an environment without hosts and stacks.")
    int remove(@Mixin ClientOptions options, @Parameters(paramLabel = "NAME") String name) {
        return run(
                options,
                client -> client.delete(ApiClient.path("environments", name)),
                _ -> say("environment " + name + " deleted"));
    }

    @Command(name = "policy", description = "Show the network policy of an environment, or replace it by a file's.")
    int policy(
            @Mixin ClientOptions options,
            @Parameters(paramLabel = "NAME") String name,
            @Option(
                            names = {"-f", "--file"},
                            paramLabel = "FILE",
                            description = "YAML or JSON: defaultPolicyAction, and a list policy of rules.")
                    @Nullable
                    Path file,
            @Option(names = "--show", description = "Show it; also without an option.") boolean show) {
        if (file != null && show) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--file and --show (expected: one of both)");
        }
        String path = ApiClient.path("environments", name, "policy");
        return run(
                options,
                client -> file == null ? client.get(path) : client.put(path, PolicyFile.read(file)),
                policy -> {
                    if (file != null) {
                        say("network policy of environment " + name + " replaced");
                    }
                    PolicyFile.show(policy, this::say);
                });
    }

    @Command(
            name = "flows",
            description = "Which containers speak with which of another host, estimated from samples, busiest first.")
    int flows(@Mixin ClientOptions options, @Parameters(paramLabel = "NAME") String name) {
        return run(options, client -> client.get(ApiClient.path("environments", name, "flows")), flows -> {
            List<JsonNode> rows = new ArrayList<>();
            for (JsonNode flow : flows) {
                ObjectNode row = JsonNodeFactory.instance.objectNode();
                row.put("source", end(flow.path("source")));
                row.put("destination", end(flow.path("destination")));
                row.put("packets/s", "~" + flow.path("packetsPerSecond").asText());
                row.put("bytes/s", "~" + Math.round(flow.path("bytesPerSecond").asDouble()));
                row.put("dropped/s", flow.path("droppedPerSecond").asText());
                row.put("drop", flow.path("drop").asText("-"));
                rows.add(row);
            }
            table(rows, "no flows", "source", "destination", "packets/s", "bytes/s", "dropped/s", "drop");
        });
    }

    private static String end(JsonNode end) {
        String address = text(end, "address");
        return end.path("container").isTextual()
                ? text(end, "container") + " (" + address + ", " + text(end, "host") + ")"
                : address;
    }

    static String text(JsonNode node, String field) {
        return node.path(field).asText();
    }
}
