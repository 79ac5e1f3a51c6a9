package dev.drover.lab;

import java.io.PrintStream;
import java.util.Locale;

/** Lines that say what is being done, each with the seconds since the start. Thread-safe. */
final class Progress {
    private final PrintStream out;
    private final long startNs = System.nanoTime();

    Progress(PrintStream out) {
        this.out = out;
    }

    void step(String what) {
        out.println(String.format(Locale.ROOT, "%6.1f s  %s", (System.nanoTime() - startNs) / 1e9, what));
        out.flush();
    }
}
