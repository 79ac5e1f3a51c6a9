package dev.drover.controlplane.compose;

import java.util.List;
import java.util.Map;

/** A YAML value with its 1-based line: merges done, variables put in, keys all strings. */
sealed interface Yaml {
    int line();

    /** What the value is, as an error message says it. */
    String kind();

    record Mapping(int line, Map<String, Entry> entries) implements Yaml {
        @Override
        public String kind() {
            return "a map";
        }
    }

    /** @param line of the key */
    record Entry(int line, Yaml value) {}

    record Sequence(int line, List<Yaml> items) implements Yaml {
        @Override
        public String kind() {
            return "a list";
        }
    }

    /** @param text as written, after interpolation */
    record Scalar(int line, String text, Type type) implements Yaml {
        enum Type {
            STRING,
            NUMBER,
            BOOL,
            NULL
        }

        boolean isNull() {
            return type == Type.NULL;
        }

        @Override
        public String kind() {
            return switch (type) {
                case STRING -> "a string";
                case NUMBER -> "a number";
                case BOOL -> "a boolean";
                case NULL -> "nothing";
            };
        }
    }
}
