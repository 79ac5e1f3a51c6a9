package dev.drover.node.mapping;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.lb.AccessLogConfig;
import dev.drover.lb.LimitsConfig;
import dev.drover.lb.LimitsConfig.Limit;
import dev.drover.lb.ObservationConfig;
import dev.drover.lb.StickyConfig;
import dev.drover.lb.TargetTlsConfig;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** How a listener that the control plane wants is served, beside where its requests go. */
final class Served {
    /** Who writes stacks must not fill the disk of the hosts: twice this, for each port. */
    private static final long MAX_LOG_BYTES = 64L << 20;

    private Served() {}

    static LimitsConfig limits(DesiredItem.Listener listener) {
        LimitsConfig limits = LimitsConfig.DEFAULTS;
        Map<String, Long> wanted = listener.limits() == null ? Map.of() : listener.limits();
        for (Map.Entry<String, Long> each : wanted.entrySet()) {
            Limit limit = Arrays.stream(Limit.values())
                    .filter(known -> known.key().equals(each.getKey()))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(
                            each.getKey() + ": not known to this version (expected: a limit of a listener)"));
            limits = limits.with(limit, each.getValue());
        }
        return limits;
    }

    /** An access log is a file of its own in {@code directory}, named as the listener. */
    static ObservationConfig observation(DesiredItem.Listener listener, Path directory) {
        String format = listener.accessLog();
        if (format == null) {
            return ObservationConfig.DEFAULTS;
        }
        String name = listener.name().replace(':', '-');
        if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,250}")) {
            throw new IllegalArgumentException("access-log: " + name + " (expected: the name of a listener)");
        }
        return ObservationConfig.DEFAULTS.withAccessLog(new AccessLogConfig(
                directory.resolve(name + ".log"),
                switch (format) {
                    case "json" -> AccessLogConfig.Format.JSON;
                    case "combined" -> AccessLogConfig.Format.COMBINED;
                    default ->
                        throw new IllegalArgumentException("access-log: " + format + " (expected: json or combined)");
                },
                MAX_LOG_BYTES));
    }

    static @Nullable StickyConfig sticky(DesiredItem.Route route) {
        if (route.stickyCookie() == null) {
            return null;
        }
        StickyConfig sticky = StickyConfig.cookie(route.stickyCookie());
        DesiredItem.Cookie cookie = route.cookie();
        return cookie == null ? sticky : sticky.withCookie(cookie.domain(), cookie.postOnly());
    }

    static @Nullable TargetTlsConfig targetTls(DesiredItem.Route route) {
        DesiredItem.TargetTls tls = route.targetTls();
        return tls == null ? null : new TargetTlsConfig(null, tls.pins(), tls.name(), tls.verify());
    }
}
