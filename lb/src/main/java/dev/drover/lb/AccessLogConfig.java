package dev.drover.lb;

import java.nio.file.Path;

/**
 * Where a listener writes a line for each request, and what the line looks like. Listeners may share a file.
 *
 * @param file appended to; made anew when it was moved away
 * @param maxBytes from which the file is moved to one with {@code .1} behind its name, over what was there; 0 for never
 */
public record AccessLogConfig(Path file, Format format, long maxBytes) {
    /** Of any size. */
    public AccessLogConfig(Path file, Format format) {
        this(file, format, 0);
    }

    /** What a line looks like. */
    public enum Format {
        /** One JSON object a line. */
        JSON,
        /** The combined format of Apache and nginx. */
        COMBINED
    }
}
