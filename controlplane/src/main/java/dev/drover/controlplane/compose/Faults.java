package dev.drover.controlplane.compose;

import dev.drover.controlplane.compose.ComposeException.Fault;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Collects the faults of the files being read, so that all are reported together. */
final class Faults {
    /** More than this helps nobody. */
    private static final int MAX = 50;

    private final List<Fault> faults = new ArrayList<>();

    void add(String file, int line, String path, String message) {
        if (faults.size() < MAX) {
            faults.add(new Fault(file, line, path, message));
        }
    }

    boolean isEmpty() {
        return faults.isEmpty();
    }

    /** @throws ComposeException when there are any */
    void throwIfAny() {
        if (!faults.isEmpty()) {
            faults.sort(Comparator.comparing(Fault::file).thenComparingInt(Fault::line));
            throw new ComposeException(faults);
        }
    }
}
