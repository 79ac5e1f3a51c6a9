package dev.drover.lab;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Plays steps one after the other and prints what each did: its commands, their output, and how it ended. */
final class Script {
    private static final int MAX_LINES = 14;
    private static final int MAX_COLUMNS = 150;

    private final PrintStream out;
    private final List<Outcome> outcomes = new ArrayList<>();
    private final Supplier<String> logs;
    private boolean stopped;

    /** @param problem null when the step passed */
    record Outcome(String title, double seconds, @Nullable String problem) {
        boolean passed() {
            return problem == null;
        }
    }

    @FunctionalInterface
    interface Body {
        void play();
    }

    /** @param logs what to print below a failed step */
    Script(PrintStream out, Supplier<String> logs) {
        this.out = out;
        this.logs = logs;
    }

    /** A step that the following ones need: when it fails they are reported as not played. */
    void required(String title, Body body) {
        step(title, body);
        stopped = stopped || !outcomes.getLast().passed();
    }

    /** A step; when it fails the next ones are played all the same. */
    void step(String title, Body body) {
        if (Thread.currentThread().isInterrupted()) {
            throw new LabException("interrupted");
        }
        out.printf("%n%2d. %s%n", outcomes.size() + 1, title);
        if (stopped) {
            outcomes.add(new Outcome(title, 0, "not played, for an earlier step failed"));
            out.println("    ✗ not played");
            return;
        }
        long startNs = System.nanoTime();
        String problem = null;
        try {
            body.play();
        } catch (RuntimeException e) {
            problem = e instanceof LabException && e.getMessage() != null ? e.getMessage() : e.toString();
        }
        double seconds = (System.nanoTime() - startNs) / 1e9;
        outcomes.add(new Outcome(title, seconds, problem));
        String mark = problem == null ? "✓" : "✗ " + problem.indent(6).strip();
        out.printf(Locale.ROOT, "    %s  (%.1f s)%n", mark, seconds);
        if (problem != null) {
            out.print(logs.get().indent(6));
        }
        out.flush();
    }

    /** Prints a command as it would be typed. */
    void command(String where, String command) {
        out.printf("    %s$ %s%n", where, command.strip().indent(6).strip());
        out.flush();
    }

    /** Prints output, cut where it is long. */
    void output(String text) {
        List<String> lines =
                text.strip().lines().filter(line -> !line.isBlank()).toList();
        for (String line : lines.subList(0, Math.min(MAX_LINES, lines.size()))) {
            out.println("    | " + (line.length() > MAX_COLUMNS ? line.substring(0, MAX_COLUMNS) + " …" : line));
        }
        if (lines.size() > MAX_LINES) {
            out.printf("    | … %d more lines%n", lines.size() - MAX_LINES);
        }
        out.flush();
    }

    /** Prints what was seen, in words. */
    void note(String text) {
        out.println("    " + text);
        out.flush();
    }

    List<Outcome> outcomes() {
        return List.copyOf(outcomes);
    }

    boolean passed() {
        return outcomes.stream().allMatch(Outcome::passed);
    }
}
