package dev.drover.lb.log;

import dev.drover.lb.AccessLogConfig;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** The access logs in use, one for each file, and the change from one set of them to the next. One thread at a time. */
public final class AccessLogs implements AutoCloseable {
    private final int lanes;
    private final LongAdder unwritten = new LongAdder();
    private final Map<Path, AccessLog> open = new HashMap<>();
    private final List<AccessLog> replaced = new ArrayList<>();

    public AccessLogs(int lanes) {
        this.lanes = lanes;
    }

    /**
     * Opens what is wanted and not open yet; what it replaces, or nobody wants any more, lives until {@link #keepOnly}.
     *
     * @return what could not be opened, and why
     */
    public Map<AccessLogConfig, String> open(Set<AccessLogConfig> wanted) {
        Map<AccessLogConfig, String> failures = new HashMap<>();
        for (AccessLogConfig config : wanted) {
            AccessLog log = open.get(config.file());
            if (log != null && log.config().equals(config)) {
                continue;
            }
            try {
                AccessLog before = open.put(config.file(), new AccessLog(config, lanes, unwritten));
                if (before != null) {
                    replaced.add(before);
                }
            } catch (UncheckedIOException e) {
                failures.put(config, String.valueOf(e.getMessage()));
            }
        }
        return failures;
    }

    public @Nullable AccessLog get(@Nullable AccessLogConfig config) {
        AccessLog log = config == null ? null : open.get(config.file());
        return log == null || !log.config().equals(config) ? null : log;
    }

    /** Closes every other log, and those that were replaced; no lane may write to them any more. */
    public void keepOnly(Set<AccessLogConfig> used) {
        open.values().removeIf(log -> !used.contains(log.config()) && replaced.add(log));
        replaced.forEach(AccessLog::close);
        replaced.clear();
    }

    /** Requests that could not be written to their file. */
    public long unwritten() {
        return unwritten.sum();
    }

    @Override
    public void close() {
        keepOnly(Set.of());
    }
}
