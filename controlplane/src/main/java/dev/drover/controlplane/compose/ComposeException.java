package dev.drover.controlplane.compose;

import java.util.List;
import java.util.stream.Collectors;

/** Everything that is wrong with a pair of compose files, in the order of the files. */
public final class ComposeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * One fault.
     *
     * @param file {@code docker-compose.yml} or {@code rancher-compose.yml}
     * @param line 1-based, 0 when the fault has no place
     * @param path keys from the top joined by dots, empty for the whole file
     */
    public record Fault(String file, int line, String path, String message) {
        @Override
        public String toString() {
            return file + (line > 0 ? ":" + line : "") + ": " + (path.isEmpty() ? "" : path + ": ") + message;
        }
    }

    private final transient List<Fault> faults;

    ComposeException(List<Fault> faults) {
        super(faults.stream().map(Fault::toString).collect(Collectors.joining("\n")));
        this.faults = List.copyOf(faults);
    }

    public List<Fault> faults() {
        return faults;
    }
}
