package dev.drover.lb;

import java.time.Duration;

/**
 * Copies of the requests of a route, whose answers nobody gets: to try a new version with what is really asked.
 *
 * @param pool gets them; may serve other routes, too
 * @param percent of the requests, 1 to 100
 * @param bodyBytes a request with a longer body is not copied
 * @param maxCopies under way at a time, per lane; what comes beyond is not copied
 * @param timeout from the request to the end of the answer to its copy
 */
public record MirrorConfig(PoolConfig pool, int percent, int bodyBytes, int maxCopies, Duration timeout) {
    public static final int USUAL_BODY_BYTES = 64 * 1024;
    public static final int MAX_BODY_BYTES = 1024 * 1024;
    public static final int USUAL_COPIES = 64;
    public static final int MAX_COPIES = 1_024;
    public static final Duration USUAL_TIMEOUT = Duration.ofSeconds(10);
    public static final Duration LEAST_TIMEOUT = Duration.ofMillis(10);
    public static final Duration MOST_TIMEOUT = Duration.ofMinutes(5);

    public MirrorConfig {
        Ranges.number("percent", percent, 1, 100);
        Ranges.number("body-bytes", bodyBytes, 0, MAX_BODY_BYTES);
        Ranges.number("max-copies", maxCopies, 1, MAX_COPIES);
        Ranges.time("timeout", timeout, LEAST_TIMEOUT, MOST_TIMEOUT);
    }

    /** Every request, with the usual bounds. */
    public static MirrorConfig to(PoolConfig pool) {
        return new MirrorConfig(pool, 100, USUAL_BODY_BYTES, USUAL_COPIES, USUAL_TIMEOUT);
    }
}
