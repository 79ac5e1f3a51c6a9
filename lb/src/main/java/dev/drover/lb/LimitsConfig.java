package dev.drover.lb;

import dev.drover.lb.path.ListenerLimits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Limits of one listener: what one client may take, and how long each phase of a request may. What is not given is as in
 * {@link LbSettings}.
 *
 * @param values in the unit of each limit
 */
public record LimitsConfig(Map<Limit, Long> values) {
    /** Everything as in {@link LbSettings}. */
    public static final LimitsConfig DEFAULTS = new LimitsConfig(Map.of());

    private static final long DAY_MS = Duration.ofDays(1).toMillis();

    /** What can be limited; times in milliseconds. */
    public enum Limit {
        /** First to last byte of a request head; 408. */
        REQUEST_HEAD("timeouts.request-head", Unit.MS, 1, DAY_MS),
        /** Between two reads of a request body; 408. */
        REQUEST_BODY("timeouts.request-body", Unit.MS, 1, DAY_MS),
        /** Over which {@link #BODY_RATE} is measured. */
        BODY_RATE_WINDOW("timeouts.body-rate-window", Unit.MS, 100, 60_000),
        /** A client connection without a request. */
        KEEP_ALIVE("timeouts.keep-alive", Unit.MS, 1, DAY_MS),
        /** From the end of a request to the head of its response; 504. */
        FIRST_BYTE("timeouts.first-byte", Unit.MS, 1, DAY_MS),
        /** A response body that does not move. */
        RESPONSE_IDLE("timeouts.response-idle", Unit.MS, 1, DAY_MS),
        /** A request from its first byte to the last of its response; 408 or 504. */
        REQUEST("timeouts.request", Unit.MS, 0, DAY_MS),
        /** 414. */
        LINE_BYTES("limits.line-bytes", Unit.BYTES, 64, ListenerLimits.MAX_HEAD_BYTES),
        /** 431. */
        HEAD_BYTES("limits.head-bytes", Unit.BYTES, 256, ListenerLimits.MAX_HEAD_BYTES),
        /** Fields of a request head; 431. */
        HEAD_FIELDS("limits.head-fields", Unit.COUNT, 1, ListenerLimits.MAX_HEAD_FIELDS),
        /** 413. */
        BODY_BYTES("limits.body-bytes", Unit.BYTES, 0, Long.MAX_VALUE),
        /** Bytes per second of a request body, at the least; 408. */
        BODY_RATE("limits.body-rate", Unit.BYTES, 0, 1_000_000_000),
        /** Client connections; one more is reset. */
        CONNECTIONS("limits.connections", Unit.COUNT, 0, 10_000_000),
        /** The same of one source address. */
        SOURCE_CONNECTIONS("limits.connections-per-source", Unit.COUNT, 0, 10_000_000),
        /** Requests per second of one source address; 429. */
        SOURCE_RATE("limits.rate-per-source", Unit.COUNT, 0, 1_000_000),
        /** Requests of one source address at once, before its rate counts. */
        SOURCE_BURST("limits.burst-per-source", Unit.COUNT, 1, 1_000_000),
        /** Streams of one connection of HTTP/2 at once. */
        STREAMS("limits.http2-streams", Unit.COUNT, 1, 10_000);

        private final String key;
        private final Unit unit;
        private final long least;
        private final long most;

        Limit(String key, Unit unit, long least, long most) {
            this.key = key;
            this.unit = unit;
            this.least = least;
            this.most = most;
        }

        /** Where it stands in a configuration, such as {@code limits.body-bytes}. */
        public String key() {
            return key;
        }

        public Unit unit() {
            return unit;
        }

        public long least() {
            return least;
        }

        public long most() {
            return most;
        }
    }

    /** What a limit is given in. */
    public enum Unit {
        MS,
        BYTES,
        COUNT
    }

    public LimitsConfig {
        values = values.isEmpty() ? Map.of() : Collections.unmodifiableMap(new EnumMap<>(values));
    }

    /** A copy with another limit. */
    public LimitsConfig with(Limit limit, long value) {
        Map<Limit, Long> more = new EnumMap<>(Limit.class);
        more.putAll(values);
        more.put(limit, value);
        return new LimitsConfig(more);
    }

    /** A copy with another time. */
    public LimitsConfig with(Limit limit, Duration value) {
        return with(limit, value.toMillis());
    }

    /** What is wrong, as {@code key: value (expected: …)}. */
    List<String> problems() {
        List<String> problems = new ArrayList<>();
        values.forEach((limit, value) -> {
            if (value < limit.least() || value > limit.most()) {
                problems.add(limit.key() + ": " + value + " (expected: " + limit.least() + " to " + limit.most()
                        + (limit.unit() == Unit.MS ? " ms)" : ")"));
            }
        });
        Long line = values.get(Limit.LINE_BYTES);
        Long head = values.get(Limit.HEAD_BYTES);
        if (line != null && head != null && line > head) {
            problems.add(Limit.LINE_BYTES.key() + ": " + line + " (expected: at most " + Limit.HEAD_BYTES.key() + ", "
                    + head + ")");
        }
        return problems;
    }

    /** With {@code settings} for what is not given. */
    ListenerLimits over(LbSettings settings) {
        return new ListenerLimits(
                ns(Limit.REQUEST_HEAD, settings.headTimeout()),
                ns(Limit.REQUEST_BODY, settings.bodyTimeout()),
                ns(Limit.BODY_RATE_WINDOW, Duration.ofSeconds(5)),
                ns(Limit.KEEP_ALIVE, settings.keepAliveTimeout()),
                ns(Limit.FIRST_BYTE, settings.responseTimeout()),
                ns(Limit.RESPONSE_IDLE, settings.streamIdleTimeout()),
                ns(Limit.REQUEST, Duration.ZERO),
                (int) value(Limit.LINE_BYTES, settings.maxRequestLineBytes()),
                (int) value(Limit.HEAD_BYTES, settings.maxHeadBytes()),
                (int) value(Limit.HEAD_FIELDS, ListenerLimits.MAX_HEAD_FIELDS),
                value(Limit.BODY_BYTES, settings.maxBodyBytes()),
                value(Limit.BODY_RATE, ListenerLimits.USUAL_BODY_RATE),
                value(Limit.CONNECTIONS, 0),
                value(Limit.SOURCE_CONNECTIONS, 0),
                value(Limit.SOURCE_RATE, 0),
                value(Limit.SOURCE_BURST, Math.max(1, value(Limit.SOURCE_RATE, 0))),
                (int) value(Limit.STREAMS, ListenerLimits.USUAL_STREAMS));
    }

    private long value(Limit limit, long otherwise) {
        return values.getOrDefault(limit, otherwise);
    }

    private long ns(Limit limit, Duration otherwise) {
        Long ms = values.get(limit);
        return ms == null ? otherwise.toNanos() : Duration.ofMillis(ms).toNanos();
    }
}
