package dev.drover.controlplane.compose;

import java.util.List;
import java.util.stream.Collectors;

/** A pair of compose files that cannot be used; the API answers 422 with {@link #path()} as the field. */
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

    private final String path;
    private final transient List<Fault> faults;

    /**
     * @param path where, as {@code compose.services.web.ports[0]} or {@code rancherCompose.services.web.scale}
     * @param message {@code key: value (expected: ...)}
     */
    public ComposeException(String path, String message) {
        super(message);
        this.path = path;
        this.faults = List.of();
    }

    /** @param faults in the order of the files, at least one */
    ComposeException(List<Fault> faults) {
        super(faults.stream().map(Fault::toString).collect(Collectors.joining("\n")));
        Fault first = faults.getFirst();
        String field = first.file().equals(Compose.DOCKER) ? "compose" : "rancherCompose";
        this.path = first.path().isEmpty() ? field : field + "." + first.path();
        this.faults = List.copyOf(faults);
    }

    /** Where the first fault is. */
    public String path() {
        return path;
    }

    /** All of them; the message has a line for each. */
    public List<Fault> faults() {
        return faults;
    }
}
