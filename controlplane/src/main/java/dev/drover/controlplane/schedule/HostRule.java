package dev.drover.controlplane.schedule;

import dev.drover.controlplane.model.Host;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A rule on the labels of the host, {@code io.rancher.scheduler.affinity:host_label[_soft][_ne]: KEY[=VALUE],...}. Keys and
 * values compare without case.
 *
 * @param value null when the key alone matters
 * @param negated the host must not have it
 * @param soft preferred, not required
 */
record HostRule(String key, @Nullable String value, boolean negated, boolean soft) {
    private static final String PREFIX = "io.rancher.scheduler.affinity:host_label";

    /** All rules among the labels of a service, in label order. */
    static List<HostRule> of(Map<String, String> labels) {
        List<HostRule> rules = new ArrayList<>();
        for (String label : labels.keySet().stream().sorted().toList()) {
            String suffix = label.startsWith(PREFIX) ? label.substring(PREFIX.length()) : "none";
            switch (suffix) {
                case "" -> add(rules, labels.get(label), false, false);
                case "_ne" -> add(rules, labels.get(label), true, false);
                case "_soft" -> add(rules, labels.get(label), false, true);
                case "_soft_ne" -> add(rules, labels.get(label), true, true);
                default -> {} // not a rule on host labels
            }
        }
        return rules;
    }

    private static void add(List<HostRule> rules, @Nullable String list, boolean negated, boolean soft) {
        for (String pair : list == null ? new String[0] : list.split(",")) {
            String text = pair.strip().toLowerCase(Locale.ROOT);
            if (!text.isEmpty()) {
                int equals = text.indexOf('=');
                rules.add(new HostRule(
                        equals < 0 ? text : text.substring(0, equals),
                        equals < 0 ? null : text.substring(equals + 1),
                        negated,
                        soft));
            }
        }
    }

    boolean holds(Host host) {
        Map<String, String> labels = new HashMap<>();
        host.labels().forEach((k, v) -> labels.put(k.toLowerCase(Locale.ROOT), v.toLowerCase(Locale.ROOT)));
        String found = labels.get(key);
        boolean has = found != null && (value == null || value.equals(found));
        return has != negated;
    }

    @Override
    public String toString() {
        return key + (value == null ? "" : "=" + value);
    }
}
