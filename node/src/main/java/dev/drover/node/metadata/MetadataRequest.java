package dev.drover.node.metadata;

import io.netty.handler.codec.http.QueryStringDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a container asks: {@code /VERSION/KEY/KEY...}, perhaps {@code ?wait=true&value=OLD&maxWait=SECONDS}.
 *
 * @param release null for the listing of versions
 * @param path keys below the version, decoded
 * @param old what the client has and waits to change; null when it does not wait
 * @param maxWaitMs how long it waits at most
 */
record MetadataRequest(
        @Nullable Release release,
        List<String> path,
        @Nullable String old,
        long maxWaitMs,
        Format format) {
    private static final int MAX_PATH = 1_024;
    private static final int MAX_KEYS = 16;
    private static final int MAX_PARAMETERS = 16;
    private static final int DEFAULT_WAIT_S = 60;
    private static final int MAX_WAIT_S = 120;
    private static final long MS_PER_S = 1_000;
    private static final String SCHEME = "http://";

    /** A request that cannot be answered; {@code status} is the HTTP status to say so with. */
    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
        private final int status;

        RefusedException(int status, String message) {
            super(message);
            this.status = status;
        }

        int status() {
            return status;
        }
    }

    /**
     * @param target of the request line: a path, or a whole URI as a client sends it that takes us for its proxy
     * @throws RefusedException for a version that there is none of, and for what cannot be read
     */
    static MetadataRequest parse(String target, @Nullable String accept) throws RefusedException {
        Format format = Format.of(accept);
        try {
            QueryStringDecoder query =
                    new QueryStringDecoder(path(target), StandardCharsets.UTF_8, true, MAX_PARAMETERS);
            List<String> keys = keys(query.rawPath());
            Release release = keys.isEmpty() ? null : Release.of(keys.getFirst());
            if (release == null && !keys.isEmpty()) {
                throw new RefusedException(
                        404,
                        "version: " + keys.getFirst() + " (expected: one of " + String.join(", ", Release.names())
                                + ")");
            }
            Map<String, List<String>> parameters = query.parameters();
            boolean waits = "true".equals(first(parameters, "wait")) && parameters.containsKey("value");
            return new MetadataRequest(
                    release,
                    keys.isEmpty() ? keys : List.copyOf(keys.subList(1, keys.size())),
                    waits ? first(parameters, "value") : null,
                    waits ? maxWaitMs(first(parameters, "maxWait")) : 0,
                    format);
        } catch (IllegalArgumentException e) {
            throw new RefusedException(400, "target: " + e.getMessage() + " (expected: percent-encoded UTF-8)");
        }
    }

    private static String path(String target) throws RefusedException {
        String path = target;
        if (target.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
            int slash = target.indexOf('/', SCHEME.length());
            path = slash < 0 ? "/" : target.substring(slash);
        }
        if (!path.startsWith("/")) {
            throw new RefusedException(400, "target: does not begin with / (expected: /latest/self/container)");
        }
        return path;
    }

    private static List<String> keys(String rawPath) throws RefusedException {
        if (rawPath.length() > MAX_PATH) {
            throw new RefusedException(
                    414, "path: " + rawPath.length() + " characters (expected: at most " + MAX_PATH + ")");
        }
        List<String> keys = new ArrayList<>();
        for (String key : rawPath.split("/")) {
            if (!key.isEmpty()) {
                keys.add(QueryStringDecoder.decodeComponent(key));
            }
        }
        if (keys.size() > MAX_KEYS) {
            throw new RefusedException(414, "path: " + keys.size() + " keys (expected: at most " + MAX_KEYS + ")");
        }
        return keys;
    }

    private static @Nullable String first(Map<String, List<String>> parameters, String name) {
        List<String> values = parameters.get(name);
        return values == null ? null : values.getFirst();
    }

    /** Longer waits are cut, as Rancher did. */
    private static long maxWaitMs(@Nullable String text) throws RefusedException {
        if (text == null || text.isEmpty()) {
            return DEFAULT_WAIT_S * MS_PER_S;
        }
        try {
            int seconds = Integer.parseInt(text);
            if (seconds >= 0) {
                return (seconds == 0 ? DEFAULT_WAIT_S : Math.min(seconds, MAX_WAIT_S)) * MS_PER_S;
            }
        } catch (NumberFormatException e) {
            // told like a negative number
        }
        throw new RefusedException(400, "maxWait: " + text + " (expected: seconds, at most " + MAX_WAIT_S + ")");
    }
}
