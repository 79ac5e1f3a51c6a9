package dev.drover.node.admin;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The parameters of a request: few, short, each once, and none that nobody asked for. */
public final class Query {
    private static final int MAX_LENGTH = 256;
    private static final int MAX_PARAMETERS = 8;

    private final Map<String, String> values;

    private Query(Map<String, String> values) {
        this.values = values;
    }

    /** A request that cannot be answered; the message says what is wrong with which parameter. */
    public static final class BadQueryException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public BadQueryException(String message) {
            super(message);
        }

        public BadQueryException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** @param text the encoded query of a URI; null for none */
    static Query parse(@Nullable String text) {
        Map<String, String> values = new HashMap<>();
        if (text == null || text.isEmpty()) {
            return new Query(values);
        }
        if (text.length() > MAX_LENGTH) {
            throw new BadQueryException(
                    "query: " + text.length() + " characters (expected: at most " + MAX_LENGTH + ")");
        }
        for (String part : text.split("&", MAX_PARAMETERS + 1)) {
            int equals = part.indexOf('=');
            if (equals <= 0 || values.size() == MAX_PARAMETERS) {
                throw new BadQueryException(
                        "query: " + text + " (expected: NAME=VALUE, at most " + MAX_PARAMETERS + ")");
            }
            String name = decode(part.substring(0, equals));
            if (values.put(name, decode(part.substring(equals + 1))) != null) {
                throw new BadQueryException("query: " + name + " twice (expected: each parameter once)");
            }
        }
        return new Query(values);
    }

    private static String decode(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new BadQueryException("query: " + text + " (expected: percent-encoded)", e);
        }
    }

    /** Refuses every other parameter. */
    public Query only(String... names) {
        for (String name : values.keySet()) {
            if (!Set.of(names).contains(name)) {
                throw new BadQueryException("query: " + name + " (expected: " + String.join(", ", names) + ")");
            }
        }
        return this;
    }

    /** A value, null when it is not given. */
    public @Nullable String value(String name) {
        return values.get(name);
    }
}
