package dev.drover.controlplane.compose;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as compose writes them: {@code 512m}, {@code 1gb}, {@code 1073741824}. */
final class Bytes {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})(b|k|kb|m|mb|g|gb)?");

    private Bytes() {}

    /** @throws IllegalArgumentException when it is no size */
    static long parse(String text) {
        Matcher matcher = SIZE.matcher(text.toLowerCase(Locale.ROOT).strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(text + " (expected: a size such as 512m)");
        }
        String unit = matcher.group(2) == null ? "b" : matcher.group(2);
        int shift = switch (unit.charAt(0)) {
            case 'k' -> 10;
            case 'm' -> 20;
            case 'g' -> 30;
            default -> 0;
        };
        return Long.parseLong(matcher.group(1)) << shift;
    }
}
