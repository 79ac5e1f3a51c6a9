package dev.drover.controlplane.compose;

import java.util.Map;

/**
 * {@code $NAME}, {@code ${NAME}}, {@code ${NAME:-default}} and {@code ${NAME-default}}; {@code $$} is a dollar sign. Only
 * the variables given with the request are seen, never the environment of the server.
 */
final class Interpolation {
    private final Map<String, String> variables;

    Interpolation(Map<String, String> variables) {
        this.variables = variables;
    }

    /** @throws IllegalArgumentException names the variable that is not set, or the text that is no variable */
    String apply(String text) {
        int dollar = text.indexOf('$');
        if (dollar < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        int from = 0;
        while (dollar >= 0) {
            out.append(text, from, dollar);
            from = expand(text, dollar + 1, out);
            dollar = text.indexOf('$', from);
        }
        return out.append(text, from, text.length()).toString();
    }

    /** @return index after the variable whose dollar sign ends at {@code at} */
    private int expand(String text, int at, StringBuilder out) {
        if (at < text.length() && text.charAt(at) == '$') {
            out.append('$');
            return at + 1;
        }
        boolean braces = at < text.length() && text.charAt(at) == '{';
        int start = braces ? at + 1 : at;
        int end = start;
        while (end < text.length() && isNamePart(text.charAt(end), end == start)) {
            end++;
        }
        String name = text.substring(start, end);
        if (name.isEmpty()) {
            throw new IllegalArgumentException(
                    "'$' without a variable name (expected: ${NAME}, or $$ for a dollar sign)");
        }
        if (!braces) {
            out.append(value(name));
            return end;
        }
        int close = text.indexOf('}', end);
        if (close < 0) {
            throw new IllegalArgumentException("${" + name + ": no closing brace");
        }
        out.append(valueOr(name, text.substring(end, close)));
        return close + 1;
    }

    private String valueOr(String name, String modifier) {
        String value = variables.get(name);
        if (modifier.startsWith(":-")) {
            return value == null || value.isEmpty() ? modifier.substring(2) : value;
        }
        if (modifier.startsWith("-")) {
            return value == null ? modifier.substring(1) : value;
        }
        if (!modifier.isEmpty()) {
            throw new IllegalArgumentException("${" + name + modifier + "} (expected: ${NAME} or ${NAME:-default})");
        }
        return value(name);
    }

    private String value(String name) {
        String value = variables.get(name);
        if (value == null) {
            throw new IllegalArgumentException("variable " + name + " is not set");
        }
        return value;
    }

    private static boolean isNamePart(char c, boolean first) {
        return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (!first && c >= '0' && c <= '9');
    }
}
