package dev.drover.dns;

import java.nio.file.Path;

/**
 * Which queries are written down.
 *
 * @param file appended to, a line a query
 * @param sample one in so many queries, at least 1
 */
public record QueryLogConfig(Path file, int sample) {}
