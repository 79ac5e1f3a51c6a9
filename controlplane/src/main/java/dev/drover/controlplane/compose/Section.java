package dev.drover.controlplane.compose;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One mapping of a file, read key by key. Each getter remembers its key and reports a wrong type; {@link #finish} reports
 * the keys nobody asked for.
 */
final class Section {
    private final String file;
    private final String path;
    private final Yaml.Mapping mapping;
    private final Faults faults;
    private final Set<String> asked = new HashSet<>();

    Section(String file, String path, Yaml.Mapping mapping, Faults faults) {
        this.file = file;
        this.path = path;
        this.mapping = mapping;
        this.faults = faults;
    }

    /** @return null when {@code value} is no map, which is reported; an empty section when it is empty */
    static @Nullable Section of(String file, String path, Yaml value, Faults faults) {
        return switch (value) {
            case Yaml.Mapping mapping -> new Section(file, path, mapping, faults);
            case Yaml.Scalar scalar
            when scalar.isNull() -> new Section(file, path, new Yaml.Mapping(scalar.line(), Map.of()), faults);
            default -> {
                faults.add(file, value.line(), path, value.kind() + " (expected: a map)");
                yield null;
            }
        };
    }

    int line() {
        return mapping.line();
    }

    Map<String, Yaml.Entry> entries() {
        return mapping.entries();
    }

    boolean has(String key) {
        return mapping.entries().containsKey(key);
    }

    int lineOf(String key) {
        Yaml.Entry entry = mapping.entries().get(key);
        return entry == null ? line() : entry.line();
    }

    /** Reports {@code message} at {@code key}. */
    void fault(String key, String message) {
        fault(lineOf(key), key, message);
    }

    void fault(int line, String key, String message) {
        faults.add(file, line, key.isEmpty() ? path : path.isEmpty() ? key : path + "." + key, message);
    }

    @Nullable
    Section section(String key) {
        Yaml value = value(key);
        return value == null ? null : of(file, path.isEmpty() ? key : path + "." + key, value, faults);
    }

    /** A list of maps. */
    List<Section> sections(String key) {
        Yaml value = value(key);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof Yaml.Sequence sequence)) {
            fault(value.line(), key, value.kind() + " (expected: a list)");
            return List.of();
        }
        List<Section> sections = new ArrayList<>();
        for (int i = 0; i < sequence.items().size(); i++) {
            String at = (path.isEmpty() ? key : path + "." + key) + "[" + i + "]";
            Section section = of(file, at, sequence.items().get(i), faults);
            if (section != null) {
                sections.add(section);
            }
        }
        return sections;
    }

    /** Takes {@code key} without looking at its value. */
    void accept(String key) {
        asked.add(key);
    }

    /** @return null when the key is absent or has no value */
    @Nullable
    Yaml value(String key) {
        asked.add(key);
        Yaml.Entry entry = mapping.entries().get(key);
        return entry == null || (entry.value() instanceof Yaml.Scalar scalar && scalar.isNull()) ? null : entry.value();
    }

    @Nullable
    String string(String key) {
        return string(key, Set.of(Yaml.Scalar.Type.STRING), "a string");
    }

    /** A string that people like to write as a bare number, such as a user id. */
    @Nullable
    String stringOrNumber(String key) {
        return string(key, Set.of(Yaml.Scalar.Type.STRING, Yaml.Scalar.Type.NUMBER), "a string");
    }

    private @Nullable String string(String key, Set<Yaml.Scalar.Type> types, String expected) {
        Yaml value = value(key);
        if (value == null) {
            return null;
        }
        if (value instanceof Yaml.Scalar scalar && types.contains(scalar.type())) {
            return scalar.text();
        }
        fault(value.line(), key, value.kind() + " (expected: " + expected + ")");
        return null;
    }

    boolean bool(String key, boolean otherwise) {
        Yaml value = value(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Yaml.Scalar scalar) {
            if (scalar.text().equalsIgnoreCase("true")) {
                return true;
            }
            if (scalar.text().equalsIgnoreCase("false")) {
                return false;
            }
        }
        fault(value.line(), key, shown(value) + " (expected: true or false)");
        return otherwise;
    }

    int integer(String key, int otherwise, int min, int max) {
        return (int) integer(key, (long) otherwise, min, max);
    }

    long integer(String key, long otherwise, long min, long max) {
        Yaml value = value(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Yaml.Scalar scalar) {
            try {
                long number = Long.parseLong(scalar.text());
                if (number >= min && number <= max) {
                    return number;
                }
            } catch (NumberFormatException e) {
                // reported below like a number out of range
            }
        }
        fault(value.line(), key, shown(value) + " (expected: an integer from " + min + " to " + max + ")");
        return otherwise;
    }

    /** A list of scalars, as their text. */
    List<String> strings(String key) {
        Yaml value = value(key);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof Yaml.Sequence sequence)) {
            fault(value.line(), key, value.kind() + " (expected: a list)");
            return List.of();
        }
        List<String> texts = new ArrayList<>(sequence.items().size());
        for (int i = 0; i < sequence.items().size(); i++) {
            Yaml item = sequence.items().get(i);
            if (item instanceof Yaml.Scalar scalar && !scalar.isNull()) {
                texts.add(scalar.text());
            } else {
                fault(item.line(), key + "[" + i + "]", item.kind() + " (expected: a string)");
            }
        }
        return texts;
    }

    /** A list of words, or one line split as a shell would; null when absent, so that the image's default stays. */
    @Nullable
    List<String> words(String key) {
        Yaml value = value(key);
        if (value == null) {
            return null;
        }
        if (value instanceof Yaml.Sequence) {
            return List.copyOf(strings(key));
        }
        if (value instanceof Yaml.Scalar scalar && scalar.type() == Yaml.Scalar.Type.STRING) {
            try {
                return ShellWords.split(scalar.text());
            } catch (IllegalArgumentException e) {
                fault(value.line(), key, String.valueOf(e.getMessage()));
                return null;
            }
        }
        fault(value.line(), key, value.kind() + " (expected: a string or a list of strings)");
        return null;
    }

    /**
     * A map of scalars, or a list of {@code NAME=VALUE}.
     *
     * @param missing value of a name that is given without one; null reports it
     */
    Map<String, String> pairs(String key, Missing missing) {
        Yaml value = value(key);
        Map<String, String> pairs = new LinkedHashMap<>();
        switch (value) {
            case null -> {}
            case Yaml.Mapping map ->
                map.entries().forEach((name, entry) -> {
                    if (entry.value() instanceof Yaml.Scalar scalar) {
                        put(pairs, key, entry.line(), name, scalar.isNull() ? null : scalar.text(), missing);
                    } else {
                        fault(entry.line(), key + "." + name, entry.value().kind() + " (expected: a string)");
                    }
                });
            case Yaml.Sequence list -> {
                for (int i = 0; i < list.items().size(); i++) {
                    Yaml item = list.items().get(i);
                    if (item instanceof Yaml.Scalar scalar && !scalar.isNull()) {
                        int equals = scalar.text().indexOf('=');
                        String name = equals < 0 ? scalar.text() : scalar.text().substring(0, equals);
                        String text = equals < 0 ? null : scalar.text().substring(equals + 1);
                        put(pairs, key, item.line(), name, text, missing);
                    } else {
                        fault(item.line(), key + "[" + i + "]", item.kind() + " (expected: NAME=VALUE)");
                    }
                }
            }
            case Yaml.Scalar scalar ->
                fault(scalar.line(), key, scalar.kind() + " (expected: a map or a list of NAME=VALUE)");
        }
        return pairs;
    }

    /** Says what a name without a value stands for; null when it must have one. */
    interface Missing {
        @Nullable
        String valueOf(String name);
    }

    private void put(
            Map<String, String> pairs, String key, int line, String name, @Nullable String text, Missing missing) {
        String value = text == null ? missing.valueOf(name) : text;
        if (name.isBlank()) {
            fault(line, key, "empty name (expected: NAME=VALUE)");
        } else if (value == null) {
            fault(line, key + "." + name, "has no value, and no variable " + name + " is set");
        } else {
            pairs.put(name, value);
        }
    }

    /**
     * Reports every key that no getter asked for.
     *
     * @param unavailable keys that exist in Rancher or Docker but not in this version
     */
    void finish(Collection<String> unavailable) {
        for (Map.Entry<String, Yaml.Entry> each : mapping.entries().entrySet()) {
            String key = each.getKey();
            if (asked.contains(key) || key.startsWith("x-")) {
                continue;
            }
            if (unavailable.contains(key)) {
                fault(key, "not available in this version");
            } else {
                fault(key, "unknown key" + Suggestion.of(key, asked));
            }
        }
    }

    private static String shown(Yaml value) {
        return value instanceof Yaml.Scalar scalar ? scalar.text() : value.kind();
    }
}
