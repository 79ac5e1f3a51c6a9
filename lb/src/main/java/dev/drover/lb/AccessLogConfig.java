package dev.drover.lb;

import java.nio.file.Path;

/**
 * Where a listener writes a line for each request, and what the line looks like. Listeners may share a file.
 *
 * @param file appended to; made anew when it was moved away
 */
public record AccessLogConfig(Path file, Format format) {
    /** What a line looks like. */
    public enum Format {
        /** One JSON object a line. */
        JSON,
        /** The combined format of Apache and nginx. */
        COMBINED
    }
}
