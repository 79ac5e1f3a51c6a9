package dev.drover.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Ends of log files, for messages. */
final class Logs {
    private Logs() {}

    /** The last lines of a file, indented; what is wrong with the file when it cannot be read. */
    static String tail(Path file, int lines) {
        try {
            List<String> all = new String(Files.readAllBytes(file), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            return String.join(
                    System.lineSeparator(),
                    all.subList(Math.max(0, all.size() - lines), all.size()).stream()
                            .map(line -> "    | " + line)
                            .toList());
        } catch (IOException e) {
            return "    (no log: " + e + ")";
        }
    }
}
