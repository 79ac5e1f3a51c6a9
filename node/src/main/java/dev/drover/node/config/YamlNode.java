package dev.drover.node.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.composer.Composer;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.parser.ParserImpl;
import org.snakeyaml.engine.v2.scanner.StreamReader;

/** A place in a YAML file that knows its line and its path, so that every complaint about it can name them. */
final class YamlNode {
    /** Room for some hundred thousand names. */
    private static final int MAX_CHARACTERS = 32 << 20;

    private static final Pattern DURATION = Pattern.compile("(\\d{1,9})(ms|s|m|h)");

    private final String file;
    private final String path;
    private final Node node;
    /** What stands before the value: its key, or itself. */
    private final Node key;

    private YamlNode(String file, String path, Node node) {
        this(file, path, node, node);
    }

    private YamlNode(String file, String path, Node node, Node key) {
        this.file = file;
        this.path = path;
        this.node = node;
        this.key = key;
    }

    /** Null when the text holds no document. */
    static @Nullable YamlNode parse(String file, String text) {
        LoadSettings settings = LoadSettings.builder()
                .setLabel(file)
                .setMaxAliasesForCollections(50)
                .setCodePointLimit(MAX_CHARACTERS)
                .build();
        try {
            return new Composer(settings, new DepthLimit(new ParserImpl(settings, new StreamReader(settings, text))))
                    .getSingleNode()
                    .map(root -> new YamlNode(file, "", root))
                    .orElse(null);
        } catch (MarkedYamlEngineException e) {
            throw new ConfigException(
                    file + ":"
                            + e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(1) + ": not YAML: "
                            + e.getProblem(),
                    e);
        } catch (YamlEngineException e) {
            throw new ConfigException(file + ": not YAML: " + e.getMessage(), e);
        }
    }

    ConfigException error(String message) {
        return error(node.getStartMark(), message);
    }

    /** About the key, not its value, which may begin lines below. */
    private ConfigException keyError(String message) {
        return error(key.getStartMark(), message);
    }

    private ConfigException error(Optional<Mark> mark, String message) {
        return new ConfigException(file + ":" + mark.map(m -> m.getLine() + 1).orElse(1) + ": "
                + (path.isEmpty() ? "" : path + ": ") + message);
    }

    /** For values whose own parser complains in the form {@code key: value (expected: ...)}. */
    ConfigException error(IllegalArgumentException cause) {
        String message = String.valueOf(cause.getMessage());
        int colon = message.indexOf(": ");
        ConfigException error = error(colon < 0 ? message : message.substring(colon + 2));
        error.initCause(cause);
        return error;
    }

    boolean isNull() {
        return node.getTag().equals(Tag.NULL);
    }

    boolean isMapping() {
        return node instanceof MappingNode;
    }

    boolean isSequence() {
        return node instanceof SequenceNode;
    }

    String text() {
        if (node instanceof ScalarNode scalar && !isNull()) {
            return scalar.getValue();
        }
        throw error(kind() + " (expected: one value)");
    }

    int integer(int least, int most) {
        String text = text();
        try {
            int value = Integer.parseInt(text);
            if (value >= least && value <= most) {
                return value;
            }
        } catch (NumberFormatException e) {
            ConfigException error = error(text + " (expected: a number from " + least + " to " + most + ")");
            error.initCause(e);
            throw error;
        }
        throw error(text + " (expected: a number from " + least + " to " + most + ")");
    }

    boolean bool() {
        return switch (text()) {
            case "true" -> true;
            case "false" -> false;
            default -> throw error(text() + " (expected: true or false)");
        };
    }

    /** A time such as {@code 250ms}, {@code 2s}, {@code 5m} or {@code 1h}. */
    Duration duration(Duration least, Duration most) {
        Matcher parts = DURATION.matcher(text());
        if (parts.matches()) {
            long number = Long.parseLong(parts.group(1));
            Duration value = switch (parts.group(2)) {
                case "ms" -> Duration.ofMillis(number);
                case "s" -> Duration.ofSeconds(number);
                case "m" -> Duration.ofMinutes(number);
                default -> Duration.ofHours(number);
            };
            if (value.compareTo(least) >= 0 && value.compareTo(most) <= 0) {
                return value;
            }
        }
        throw error(text() + " (expected: a time from " + text(least) + " to " + text(most) + ")");
    }

    private static String text(Duration value) {
        return value.toMillis() % 1_000 == 0 ? value.toSeconds() + "s" : value.toMillis() + "ms";
    }

    List<YamlNode> list() {
        if (!(node instanceof SequenceNode sequence)) {
            throw error(kind() + " (expected: a list)");
        }
        List<YamlNode> items = new ArrayList<>();
        for (Node item : sequence.getValue()) {
            items.add(new YamlNode(file, path + "[" + items.size() + "]", item));
        }
        return items;
    }

    /** All entries, in order; a repeated key is refused. */
    Map<String, YamlNode> map() {
        if (!(node instanceof MappingNode mapping)) {
            throw error(kind() + " (expected: keys and values)");
        }
        Map<String, YamlNode> entries = new LinkedHashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            YamlNode keyNode = new YamlNode(file, path, tuple.getKeyNode());
            String key = keyNode.text();
            YamlNode value = new YamlNode(
                    file, path.isEmpty() ? key : path + "." + key, tuple.getValueNode(), tuple.getKeyNode());
            if (entries.putIfAbsent(key, value) != null) {
                throw keyNode.error(key + " is given twice (expected: once)");
            }
        }
        return entries;
    }

    /**
     * Entries whose keys are all known.
     *
     * @param later keys that a later version has: refused by name
     */
    Map<String, YamlNode> map(Collection<String> known, Collection<String> later) {
        Map<String, YamlNode> entries = map();
        entries.forEach((key, value) -> {
            if (later.contains(key)) {
                throw value.keyError("not available in this version");
            }
            if (!known.contains(key)) {
                String near = Suggestion.nearest(key, known);
                throw value.keyError("unknown key"
                        + (near == null
                                ? " (expected: one of " + String.join(", ", known) + ")"
                                : " (expected: " + near + "?)"));
            }
        });
        return entries;
    }

    YamlNode required(Map<String, YamlNode> entries, String key) {
        YamlNode value = entries.get(key);
        if (value == null || value.isNull()) {
            throw error(key + " is missing (expected: a value)");
        }
        return value;
    }

    private String kind() {
        return switch (node) {
            case MappingNode _ -> "keys and values";
            case SequenceNode _ -> "a list";
            case ScalarNode scalar -> isNull() ? "nothing" : scalar.getValue();
            default -> node.getNodeType().toString();
        };
    }
}
