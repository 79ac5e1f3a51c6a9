package dev.drover.node.config;

/**
 * A configuration that cannot be used; the message names file, line, key, value and what was expected, in one line whatever
 * the value is: it goes to logs and terminals.
 */
public final class ConfigException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Of a longer message the begin, with file, line and key, and the end, with what was expected, are kept. */
    private static final int BEGIN_CHARACTERS = 1_000;

    private static final int END_CHARACTERS = 500;

    public ConfigException(String message) {
        super(oneLine(message));
    }

    public ConfigException(String message, Throwable cause) {
        super(oneLine(message), cause);
    }

    private static String oneLine(String message) {
        int length = message.length();
        if (length > BEGIN_CHARACTERS + END_CHARACTERS) {
            return visible(message.substring(0, BEGIN_CHARACTERS)) + "[...]"
                    + visible(message.substring(length - END_CHARACTERS));
        }
        return visible(message);
    }

    /** With the escapes of YAML for what ends a line, moves a cursor or turns the direction of text. */
    private static String visible(String text) {
        StringBuilder visible = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (Character.getType(c)) {
                case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                    visible.append(c == '\n' ? "\\n" : "\\u%04x".formatted((int) c));
                default -> visible.append(c);
            }
        }
        return visible.toString();
    }
}
