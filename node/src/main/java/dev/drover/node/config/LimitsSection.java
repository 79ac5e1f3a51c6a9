package dev.drover.node.config;

import dev.drover.lb.LimitsConfig;
import dev.drover.lb.LimitsConfig.Limit;
import dev.drover.lb.LimitsConfig.Unit;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Keys {@code limits} and {@code timeouts} of a listener; which there are, and their ranges, says {@link Limit}. */
final class LimitsSection {
    /** Keys of a listener that are read here. */
    static final List<String> KEYS = List.of("limits", "timeouts");

    private LimitsSection() {}

    static LimitsConfig read(Map<String, YamlNode> listener) {
        LimitsConfig limits = LimitsConfig.DEFAULTS;
        for (String section : KEYS) {
            YamlNode node = YamlValues.present(listener.get(section));
            if (node == null) {
                continue;
            }
            Map<String, Limit> known = known(section);
            for (Map.Entry<String, YamlNode> entry :
                    node.map(known.keySet(), List.of()).entrySet()) {
                Limit limit = known.get(entry.getKey());
                if (limit != null) {
                    limits = limits.with(limit, value(limit, entry.getValue()));
                }
            }
        }
        return limits;
    }

    private static Map<String, Limit> known(String section) {
        Map<String, Limit> known = new LinkedHashMap<>();
        for (Limit limit : Limit.values()) {
            if (limit.key().startsWith(section + ".")) {
                known.put(limit.key().substring(section.length() + 1), limit);
            }
        }
        return known;
    }

    private static long value(Limit limit, YamlNode node) {
        if (limit.unit() == Unit.MS) {
            return node.duration(Duration.ofMillis(limit.least()), Duration.ofMillis(limit.most()))
                    .toMillis();
        }
        String text = node.text();
        if (text.matches("\\d{1,18}")) {
            long value = Long.parseLong(text);
            if (value >= limit.least() && value <= limit.most()) {
                return value;
            }
        }
        throw node.error(text + " (expected: a number from " + limit.least() + " to " + limit.most() + ")");
    }
}
