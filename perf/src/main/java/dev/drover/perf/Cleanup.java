package dev.drover.perf;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Takes away what a benchmark made; what cannot be taken away is a warning, so that the rest still goes. */
final class Cleanup {
    private static final long END_S = 3;

    private Cleanup() {}

    /** Ends processes, by force those that do not end by themselves. */
    static void processes(Collection<Process> processes) {
        for (Process process : processes) {
            process.destroy();
            try {
                if (!process.waitFor(END_S, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor();
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }

    static void namespaces(Collection<String> names) {
        for (String name : names) {
            try {
                Shell.run("ip netns del " + name);
            } catch (IllegalStateException e) {
                System.err.println("warning: " + e.getMessage());
            }
        }
    }

    static void directory(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            System.err.println("warning: " + directory + ": " + e.getMessage());
        }
    }
}
