package dev.drover.node.config;

import dev.drover.lb.AccessLogConfig;
import dev.drover.lb.ObservationConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Keys of a listener that say what is told of its requests. */
final class ObservationSection {
    /** Keys of a listener that are read here. */
    static final List<String> KEYS = List.of("access-log", "slow", "trace");

    private static final int MOST_MIB = 1 << 20;
    private static final Duration LEAST_SLOW = Duration.ofMillis(1);
    private static final Duration MOST_SLOW = Duration.ofHours(1);
    private static final int EVERY_TRACE = 100;

    private ObservationSection() {}

    /** A relative path is one beside {@code file}. */
    static ObservationConfig read(Path file, Map<String, YamlNode> listener) {
        ObservationConfig observation = ObservationConfig.DEFAULTS;
        YamlNode log = YamlValues.present(listener.get("access-log"));
        if (log != null) {
            observation = observation.withAccessLog(accessLog(file, log));
        }
        YamlNode slow = YamlValues.present(listener.get("slow"));
        if (slow != null) {
            observation = observation.withSlow(slow.duration(LEAST_SLOW, MOST_SLOW));
        }
        YamlNode trace = YamlValues.present(listener.get("trace"));
        if (trace != null) {
            observation = observation.withTraceSample(trace(trace));
        }
        return observation;
    }

    private static AccessLogConfig accessLog(Path file, YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("file", "format", "max-mib"), List.of());
        YamlNode format = YamlValues.present(keys.get("format"));
        YamlNode size = YamlValues.present(keys.get("max-mib"));
        return new AccessLogConfig(
                file.resolveSibling(node.required(keys, "file").text())
                        .toAbsolutePath()
                        .normalize(),
                format == null ? AccessLogConfig.Format.JSON : format(format),
                size == null ? 0 : (long) size.integer(1, MOST_MIB) << 20);
    }

    private static AccessLogConfig.Format format(YamlNode node) {
        return switch (node.text()) {
            case "json" -> AccessLogConfig.Format.JSON;
            case "combined" -> AccessLogConfig.Format.COMBINED;
            default -> throw node.error(node.text() + " (expected: json or combined)");
        };
    }

    private static int trace(YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("make", "sample"), List.of());
        boolean make = YamlValues.flag(node.required(keys, "make"));
        YamlNode sample = YamlValues.present(keys.get("sample"));
        if (!make && sample != null) {
            throw sample.error(sample.text() + " (expected: none, or make: true)");
        }
        return make ? sample == null ? EVERY_TRACE : sample.integer(0, EVERY_TRACE) : -1;
    }
}
