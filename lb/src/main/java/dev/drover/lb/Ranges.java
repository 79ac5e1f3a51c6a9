package dev.drover.lb;

import java.time.Duration;

/** Checks of numbers and times in configuration records. */
final class Ranges {
    private Ranges() {}

    static void number(String key, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: " + least + " to " + most + ")");
        }
    }

    static void time(String key, Duration value, Duration least, Duration most) {
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
            throw new IllegalArgumentException(
                    key + ": " + text(value) + " (expected: " + text(least) + " to " + text(most) + ")");
        }
    }

    private static String text(Duration value) {
        return value.toMillis() % 1_000 == 0 ? value.toSeconds() + "s" : value.toMillis() + "ms";
    }
}
