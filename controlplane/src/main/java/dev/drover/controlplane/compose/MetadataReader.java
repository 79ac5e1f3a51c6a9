package dev.drover.controlplane.compose;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads what a service wants to be read of it by the metadata service: any tree, within bounds, since every node of the
 * environment holds it.
 */
final class MetadataReader {
    private static final String KEY = "metadata";
    private static final int MAX_DEPTH = 16;
    private static final int MAX_CHARACTERS = 32_768;

    private final Section rancher;
    private int characters;
    private boolean refused;

    private MetadataReader(Section rancher) {
        this.rancher = rancher;
    }

    /** The tree as JSON values, keys in order; null for none. What is wrong is reported. */
    static @Nullable Map<String, Object> read(Section rancher) {
        return switch (rancher.value(KEY)) {
            case null -> null;
            case Yaml.Mapping mapping -> new MetadataReader(rancher).map(mapping, 1);
            case Yaml other -> {
                rancher.fault(other.line(), KEY, other.kind() + " (expected: a map)");
                yield null;
            }
        };
    }

    private Map<String, Object> map(Yaml.Mapping mapping, int depth) {
        Map<String, Object> values = new LinkedHashMap<>();
        new TreeMap<>(mapping.entries()).forEach((name, entry) -> {
            count(entry.line(), name.length());
            values.put(name, value(entry.value(), depth + 1));
        });
        return values;
    }

    private @Nullable Object value(Yaml value, int depth) {
        if (depth > MAX_DEPTH) {
            refuse(value.line(), "deeper than " + MAX_DEPTH + " levels (expected: fewer)");
        }
        if (refused) {
            return null;
        }
        return switch (value) {
            case Yaml.Mapping mapping -> map(mapping, depth);
            case Yaml.Sequence sequence -> {
                List<@Nullable Object> items = new ArrayList<>();
                for (Yaml item : sequence.items()) {
                    count(item.line(), 1);
                    items.add(value(item, depth + 1));
                }
                yield items;
            }
            case Yaml.Scalar scalar -> scalar(scalar);
        };
    }

    private @Nullable Object scalar(Yaml.Scalar scalar) {
        count(scalar.line(), scalar.text().length());
        return switch (scalar.type()) {
            case STRING -> scalar.text();
            case BOOL -> Boolean.valueOf(scalar.text());
            case NUMBER -> number(scalar.text());
            case NULL -> null;
        };
    }

    /** What JSON cannot write as a number, such as .inf or 0x10, stays a text. */
    private static Object number(String text) {
        try {
            return Long.valueOf(text);
        } catch (NumberFormatException e) {
            try {
                return new BigDecimal(text).doubleValue();
            } catch (NumberFormatException other) {
                return text;
            }
        }
    }

    private void count(int line, int more) {
        characters += more + 1;
        if (characters > MAX_CHARACTERS) {
            refuse(line, "longer than " + MAX_CHARACTERS + " characters (expected: fewer)");
        }
    }

    private void refuse(int line, String message) {
        if (!refused) {
            refused = true;
            rancher.fault(line, KEY, message);
        }
    }
}
