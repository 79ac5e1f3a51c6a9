package dev.drover.lb;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How targets are asked whether they are well.
 *
 * @param port to ask at; 0 for the target's own
 * @param path of the request (HTTP)
 * @param host of the request (HTTP); null for the target's address
 * @param interval between two checks, varied by a tenth so that they do not march in step
 * @param timeout of a check as a whole
 * @param rise good answers in a row that make an unhealthy target healthy; the very first needs only one
 * @param fall failed checks in a row that make a healthy target unhealthy
 * @param expectFrom lowest status that counts as good (HTTP)
 * @param expectTo highest
 * @param panicPercent when fewer of the targets than this are healthy, all get work: the few would break down, and more
 *     likely something is wrong with the checks; 0 is never
 */
public record HealthCheckConfig(
        Type type,
        int port,
        String path,
        @Nullable String host,
        Duration interval,
        Duration timeout,
        int rise,
        int fall,
        int expectFrom,
        int expectTo,
        int panicPercent) {
    /** What is asked. */
    public enum Type {
        /** A connect. */
        TCP,
        /** GET, and its status. */
        HTTP,
        /** {@code grpc.health.v1.Health/Check} for the whole server. */
        GRPC
    }

    public HealthCheckConfig {
        Ranges.number("port", port, 0, 65_535);
        Ranges.time("interval", interval, Duration.ofMillis(10), Duration.ofHours(1));
        Ranges.time("timeout", timeout, Duration.ofMillis(10), Duration.ofMinutes(5));
        Ranges.number("rise", rise, 1, 100);
        Ranges.number("fall", fall, 1, 100);
        Ranges.number("expect", expectFrom, 100, 599);
        Ranges.number("expect", expectTo, expectFrom, 599);
        Ranges.number("panic-threshold", panicPercent, 0, 100);
        if (!path.matches("/[\\x21-\\x7e]{0,1023}")) {
            throw new IllegalArgumentException("path: " + path + " (expected: a path that begins with '/')");
        }
        if (host != null && !host.matches("[A-Za-z0-9.:\\[\\]_-]{1,255}")) {
            throw new IllegalArgumentException("host: " + host + " (expected: a host name)");
        }
    }

    /** Every 2 s with 2 s time, up after 2 and down after 3, as Rancher had it; status 200 to 399. */
    public static HealthCheckConfig of(Type type) {
        return new HealthCheckConfig(
                type, 0, "/", null, Duration.ofSeconds(2), Duration.ofSeconds(2), 2, 3, 200, 399, 0);
    }
}
