package dev.drover.controlplane.compose;

import dev.drover.controlplane.model.LbLimit;
import dev.drover.controlplane.model.Service.Serving;
import dev.drover.controlplane.model.Service.TargetTls;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@code lb_config} says of how a load balancer serves: limits, times, access log, the cookie of stickiness, and
 * TLS with the targets of a rule. Rancher had all but the cookie's in lines of a haproxy configuration.
 */
final class LbServing {
    private static final Set<String> LOGS = Set.of("json", "combined");
    private static final String PIN = "sha256/[A-Za-z0-9+/]{43}=";
    private static final String NAME = "[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?";

    private LbServing() {}

    /** Null when nothing is said. */
    static @Nullable Serving read(Section config, @Nullable Section stickiness) {
        TreeMap<String, Long> limits = new TreeMap<>();
        for (String name : List.of("limits", "timeouts")) {
            Section section = config.section(name);
            if (section != null) {
                limits(name, section, limits);
            }
        }
        Long line = limits.get(LbLimit.LINE_BYTES.key());
        Long head = limits.get(LbLimit.HEAD_BYTES.key());
        if (line != null && head != null && line > head) {
            config.fault("limits", "line_bytes " + line + " (expected: at most head_bytes, " + head + ")");
        }
        String log = config.string("access_log");
        if (log != null && !LOGS.contains(log)) {
            config.fault("access_log", log + " (expected: json or combined)");
        }
        String domain = stickiness == null ? null : stickiness.string("domain");
        if (domain != null && !domain.matches("\\.?" + NAME)) {
            config.fault("stickiness_policy", "domain " + domain + " (expected: a domain name)");
        }
        boolean postOnly = stickiness != null && stickiness.bool("postonly", false);
        Serving serving = new Serving(limits, log, domain, postOnly);
        return serving.equals(Serving.USUAL) ? null : serving;
    }

    private static void limits(String name, Section section, Map<String, Long> limits) {
        for (LbLimit limit : LbLimit.values()) {
            if (limit.section().equals(name) && section.value(limit.nameInStack()) != null) {
                limits.put(
                        limit.key(), section.integer(limit.nameInStack(), limit.least(), limit.least(), limit.most()));
            }
        }
        section.finish(Set.of());
    }

    /** Null without TLS. */
    static @Nullable TargetTls targetTls(@Nullable Section section) {
        if (section == null) {
            return null;
        }
        List<String> pins = section.strings("pins");
        String name = section.string("name");
        boolean verify = section.bool("verify", true);
        section.finish(Set.of("ca", "certificate", "key"));
        for (String pin : pins) {
            if (!pin.matches(PIN)) {
                section.fault("pins", pin + " (expected: sha256/ and 32 bytes in Base64)");
            }
        }
        if (name != null && !name.matches(NAME)) {
            section.fault("name", name + " (expected: a host name)");
        }
        if (!verify && !pins.isEmpty()) {
            section.fault("verify", "false beside pins (expected: one of both)");
        }
        return new TargetTls(pins, name, verify);
    }
}
