package dev.drover.controlplane.compose;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * Reads one YAML 1.2 text. Merge keys ({@code <<}) are a YAML 1.1 habit of compose files that the parser does not know,
 * so they are resolved here. Size, nesting and aliases are bounded; an alias is converted once however often it is used.
 */
final class YamlReader {
    static final int MAX_CODE_POINTS = 512 * 1024;
    private static final int MAX_ALIASES = 200;
    private static final int MAX_DEPTH = 32;
    private static final String MERGE_KEY = "<<";

    private final String file;
    private final Interpolation interpolation;
    private final Faults faults;
    private final IdentityHashMap<Node, Yaml> converted = new IdentityHashMap<>();

    YamlReader(String file, Map<String, String> variables, Faults faults) {
        this.file = file;
        this.interpolation = new Interpolation(variables);
        this.faults = faults;
    }

    /** @return null for an empty text, or when it is no YAML: then the fault is reported */
    @Nullable
    Yaml read(String text) {
        LoadSettings settings = LoadSettings.builder()
                .setLabel(file)
                .setSchema(new CoreSchema())
                .setCodePointLimit(MAX_CODE_POINTS)
                .setMaxAliasesForCollections(MAX_ALIASES)
                .build();
        if (text.codePointCount(0, text.length()) > MAX_CODE_POINTS) {
            faults.add(file, 0, "", "too long (expected: at most " + MAX_CODE_POINTS + " characters)");
            return null;
        }
        try {
            if (!shallowEnough(text, settings)) {
                return null;
            }
            Node root = new Compose(settings).composeString(text).orElse(null);
            return root == null ? null : convert(root, "");
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(mark -> mark.getLine() + 1).orElse(0);
            faults.add(file, line, "", "not YAML: " + e.getProblem());
        } catch (YamlEngineException e) {
            faults.add(file, 0, "", "not YAML: " + firstLine(e.getMessage()));
        }
        return null;
    }

    /** The event stream is read without recursion; composing is recursive and must not meet a deep text. */
    private boolean shallowEnough(String text, LoadSettings settings) {
        int depth = 0;
        for (Event event : new Parse(settings).parseString(text)) {
            if (event instanceof CollectionStartEvent && ++depth > MAX_DEPTH) {
                int line = event.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
                faults.add(file, line, "", "nested too deeply (expected: at most " + MAX_DEPTH + " levels)");
                return false;
            }
            if (event instanceof CollectionEndEvent) {
                depth--;
            }
        }
        return true;
    }

    private Yaml convert(Node node, String path) {
        Yaml known = converted.get(node);
        if (known != null) {
            return known;
        }
        if (node.isRecursive()) {
            faults.add(file, line(node), path, "an alias contains itself");
            return new Yaml.Scalar(line(node), "", Yaml.Scalar.Type.NULL);
        }
        Yaml yaml = switch (node) {
            case MappingNode mapping -> mapping(mapping, path);
            case SequenceNode sequence -> sequence(sequence, path);
            case ScalarNode scalar -> scalar(scalar, path);
            default -> throw new IllegalStateException("node: " + node.getNodeType());
        };
        converted.put(node, yaml);
        return yaml;
    }

    private Yaml.Mapping mapping(MappingNode node, String path) {
        Map<String, Yaml.Entry> entries = new LinkedHashMap<>();
        Map<String, Yaml.Entry> merged = new LinkedHashMap<>();
        for (NodeTuple tuple : node.getValue()) {
            if (!(tuple.getKeyNode() instanceof ScalarNode keyNode)) {
                faults.add(file, line(tuple.getKeyNode()), path, "key is not a string");
                continue;
            }
            String key = keyNode.getValue();
            if (key.equals(MERGE_KEY) && keyNode.isPlain()) {
                merge(tuple.getValueNode(), path, merged);
                continue;
            }
            Yaml value = convert(tuple.getValueNode(), path.isEmpty() ? key : path + "." + key);
            if (entries.putIfAbsent(key, new Yaml.Entry(line(keyNode), value)) != null) {
                faults.add(file, line(keyNode), path.isEmpty() ? key : path + "." + key, "key is given twice");
            }
        }
        merged.forEach(entries::putIfAbsent);
        return new Yaml.Mapping(line(node), entries);
    }

    /** Keys of the mapping itself win over merged ones, earlier merged mappings over later ones. */
    private void merge(Node source, String path, Map<String, Yaml.Entry> merged) {
        Yaml value = convert(source, path);
        List<Yaml> sources = value instanceof Yaml.Sequence sequence ? sequence.items() : List.of(value);
        for (Yaml each : sources) {
            if (each instanceof Yaml.Mapping mapping) {
                mapping.entries().forEach(merged::putIfAbsent);
            } else {
                faults.add(file, line(source), path, "<<: " + each.kind() + " (expected: an alias of a map)");
            }
        }
    }

    private Yaml.Sequence sequence(SequenceNode node, String path) {
        List<Yaml> items = new ArrayList<>(node.getValue().size());
        for (int i = 0; i < node.getValue().size(); i++) {
            items.add(convert(node.getValue().get(i), path + "[" + i + "]"));
        }
        return new Yaml.Sequence(line(node), items);
    }

    private Yaml.Scalar scalar(ScalarNode node, String path) {
        Tag tag = node.getTag();
        Yaml.Scalar.Type type = tag.equals(Tag.NULL)
                ? Yaml.Scalar.Type.NULL
                : tag.equals(Tag.BOOL)
                        ? Yaml.Scalar.Type.BOOL
                        : tag.equals(Tag.INT) || tag.equals(Tag.FLOAT)
                                ? Yaml.Scalar.Type.NUMBER
                                : Yaml.Scalar.Type.STRING;
        String text = node.getValue();
        if (type == Yaml.Scalar.Type.STRING) {
            try {
                text = interpolation.apply(text);
            } catch (IllegalArgumentException e) {
                faults.add(file, line(node), path, String.valueOf(e.getMessage()));
            }
        }
        return new Yaml.Scalar(line(node), text, type);
    }

    private static int line(Node node) {
        return node.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
    }

    private static String firstLine(@Nullable String text) {
        return text == null ? "" : text.lines().findFirst().orElse("");
    }
}
