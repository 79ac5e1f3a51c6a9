package dev.drover.controlplane.model;

/**
 * What {@code lb_config} can limit at the ports of a load balancer. The nodes, which hold the limits, know the same by the
 * same keys.
 */
public enum LbLimit {
    REQUEST_HEAD("timeouts.request-head", 1, LbLimit.DAY_MS),
    REQUEST_BODY("timeouts.request-body", 1, LbLimit.DAY_MS),
    BODY_RATE_WINDOW("timeouts.body-rate-window", 100, 60_000),
    KEEP_ALIVE("timeouts.keep-alive", 1, LbLimit.DAY_MS),
    FIRST_BYTE("timeouts.first-byte", 1, LbLimit.DAY_MS),
    RESPONSE_IDLE("timeouts.response-idle", 1, LbLimit.DAY_MS),
    REQUEST("timeouts.request", 0, LbLimit.DAY_MS),
    LINE_BYTES("limits.line-bytes", 64, LbLimit.MAX_HEAD_BYTES),
    HEAD_BYTES("limits.head-bytes", 256, LbLimit.MAX_HEAD_BYTES),
    HEAD_FIELDS("limits.head-fields", 1, 128),
    BODY_BYTES("limits.body-bytes", 0, Long.MAX_VALUE),
    BODY_RATE("limits.body-rate", 0, 1_000_000_000),
    CONNECTIONS("limits.connections", 0, 10_000_000),
    SOURCE_CONNECTIONS("limits.connections-per-source", 0, 10_000_000),
    SOURCE_RATE("limits.rate-per-source", 0, 1_000_000),
    SOURCE_BURST("limits.burst-per-source", 1, 1_000_000),
    STREAMS("limits.http2-streams", 1, 10_000);

    private static final long DAY_MS = 86_400_000;
    private static final long MAX_HEAD_BYTES = 64 * 1024;

    private final String key;
    private final long least;
    private final long most;

    LbLimit(String key, long least, long most) {
        this.key = key;
        this.least = least;
        this.most = most;
    }

    /** As a node file says it, {@code timeouts.first-byte}; times are in milliseconds. */
    public String key() {
        return key;
    }

    /** The section of {@code lb_config} it stands in. */
    public String section() {
        return key.substring(0, key.indexOf('.'));
    }

    /** As a stack's file says it there, {@code first_byte}. */
    public String nameInStack() {
        return key.substring(key.indexOf('.') + 1).replace('-', '_');
    }

    public long least() {
        return least;
    }

    public long most() {
        return most;
    }
}
