package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/** A network policy as people write and read it. The server checks what is in it. */
final class PolicyFile {
    private static final int MAX_CHARACTERS = 1 << 20;

    private PolicyFile() {}

    /** What the file says, YAML or JSON, as maps and lists. */
    static Object read(Path file) {
        LoadSettings settings = LoadSettings.builder()
                .setLabel(file.toString())
                .setCodePointLimit(MAX_CHARACTERS)
                .build();
        try {
            Object policy = new Load(settings).loadFromString(Files.readString(file));
            if (policy == null) {
                throw new CliException(file + ": empty (expected: defaultPolicyAction and policy)");
            }
            return policy;
        } catch (IOException e) {
            throw new CliException(
                    file + ": cannot be read: " + e.getClass().getSimpleName() + " (expected: a network policy)", e);
        } catch (YamlEngineException e) {
            throw new CliException(file + ": not YAML: " + e.getMessage(), e);
        }
    }

    /** One line a rule. */
    static void show(JsonNode policy, Consumer<String> out) {
        int number = 0;
        for (JsonNode rule : policy.path("policy")) {
            number++;
            out.accept("rule " + number + ": " + rule.path("action").asText() + " " + who(rule));
        }
        out.accept("default: " + policy.path("defaultPolicyAction").asText());
    }

    private static String who(JsonNode rule) {
        List<String> parts = new ArrayList<>();
        if (rule.has("within")) {
            parts.add("within " + rule.path("within").asText());
        }
        JsonNode between = rule.path("between");
        if (between.has("groupBy")) {
            parts.add(
                    "between containers of the same " + between.path("groupBy").asText());
        }
        if (between.has("selector")) {
            parts.add("between " + between.path("selector").asText());
        }
        if (rule.has("from")) {
            parts.add("from " + rule.path("from").path("selector").asText() + " to "
                    + rule.path("to").path("selector").asText());
        }
        return String.join(" ", parts);
    }
}
