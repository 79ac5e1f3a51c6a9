package dev.drover.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Tells when the text of a file has changed, however it was written: in place, replaced, or through a link to a mounted
 * configuration. Looks twice a second; one thread.
 */
final class FileWatch implements AutoCloseable {
    private static final long INTERVAL_MS = 500;

    private final Path path;
    private final Consumer<String> onChange;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("config-watch").factory());
    private String seen;
    private String candidate;

    /** @param text as it was read last */
    FileWatch(Path path, String text, Consumer<String> onChange) {
        this.path = path;
        this.onChange = onChange;
        seen = text;
        candidate = text;
    }

    void start() {
        timer.scheduleWithFixedDelay(this::look, INTERVAL_MS, INTERVAL_MS, TimeUnit.MILLISECONDS);
    }

    /** Reports the file now, changed or not. */
    void force() {
        timer.execute(() -> {
            String text = read();
            if (text != null) {
                accept(text);
            }
        });
    }

    /** A change counts when it was the same at two looks: whoever writes may not have finished. */
    private void look() {
        String text = read();
        if (text == null || text.equals(seen)) {
            return;
        }
        if (text.equals(candidate)) {
            accept(text);
        } else {
            candidate = text;
        }
    }

    private void accept(String text) {
        seen = text;
        candidate = text;
        onChange.accept(text);
    }

    private @Nullable String read() {
        try {
            return Files.readString(path, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return null; // being replaced, or gone: the running state stays
        }
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }
}
