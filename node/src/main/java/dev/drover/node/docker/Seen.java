package dev.drover.node.docker;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A container as one inspect call showed it.
 *
 * @param name without the leading slash
 * @param image as given at create
 * @param state {@code created}, {@code running}, {@code paused}, {@code restarting}, {@code exited}, {@code dead}
 * @param pid of its first process as this host sees it, 0 when it does not run
 * @param createdAt ISO-8601 instant
 * @param startedAt ISO-8601 instant of the last start, null when never started
 * @param exitCode null while it runs and when it never ran
 * @param networkMode as given at create: {@code default}, {@code bridge}, {@code none}, {@code host}, {@code
 *     container:ID} or a network's name
 * @param resolvConfPath file on this host that is the container's {@code /etc/resolv.conf}; null when it has none
 * @param health starting, healthy or unhealthy by its own check; null when it has none
 */
public record Seen(
        String id,
        String name,
        String image,
        String state,
        int pid,
        String createdAt,
        @Nullable String startedAt,
        @Nullable Integer exitCode,
        Map<String, String> labels,
        String networkMode,
        @Nullable String resolvConfPath,
        @Nullable String health) {
    public Seen {
        labels = Map.copyOf(labels);
    }

    /** Without a health check. */
    public Seen(
            String id,
            String name,
            String image,
            String state,
            int pid,
            String createdAt,
            @Nullable String startedAt,
            @Nullable Integer exitCode,
            Map<String, String> labels,
            String networkMode,
            @Nullable String resolvConfPath) {
        this(id, name, image, state, pid, createdAt, startedAt, exitCode, labels, networkMode, resolvConfPath, null);
    }

    /** What it is called. */
    public Named named() {
        return new Named(id, name, labels);
    }

    /** As {@link Named#instanceId}. */
    public @Nullable String instanceId() {
        return named().instanceId();
    }

    /** The same container after its processes have ended. */
    public Seen ended(@Nullable Integer code) {
        return new Seen(
                id, name, image, "exited", 0, createdAt, startedAt, code, labels, networkMode, resolvConfPath, health);
    }

    /** When its processes were started last, epoch nanoseconds; 0 when never or told in an unknown form. */
    public long startedAtNanos() {
        try {
            return startedAt == null ? 0 : ChronoUnit.NANOS.between(Instant.EPOCH, Instant.parse(startedAt));
        } catch (DateTimeException e) {
            return 0;
        }
    }

    /** True while it has a network namespace to be wired into. */
    public boolean running() {
        return pid > 0 && (state.equals("running") || state.equals("paused"));
    }
}
