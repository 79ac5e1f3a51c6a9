package dev.drover.node.config;

import dev.drover.dns.QueryLogConfig;
import dev.drover.dns.path.ResponseRate;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Keys of section {@code dns} against abuse, and for seeing who asks. */
final class DnsGuardSection {
    /** Keys of the section that are read here. */
    static final List<String> KEYS = List.of("rate-limit", "query-log");

    private DnsGuardSection() {}

    static ResponseRate.Rule rateLimit(Map<String, YamlNode> section) {
        YamlNode node = YamlValues.present(section.get("rate-limit"));
        ResponseRate.Rule standard = ResponseRate.Rule.NONE;
        if (node == null) {
            return standard;
        }
        Map<String, YamlNode> keys =
                node.map(List.of("responses-per-second", "slip", "ipv4-prefix", "ipv6-prefix"), List.of());
        return new ResponseRate.Rule(
                node.required(keys, "responses-per-second").integer(0, ResponseRate.Rule.MAX_PER_SECOND),
                YamlValues.integer(keys, "slip", 0, 10, standard.slip()),
                YamlValues.integer(keys, "ipv4-prefix", 1, 32, standard.ipv4Prefix()),
                YamlValues.integer(keys, "ipv6-prefix", 1, 128, standard.ipv6Prefix()));
    }

    /** A relative path is one beside the node file. */
    static @Nullable QueryLogConfig queryLog(Path file, Map<String, YamlNode> section) {
        YamlNode node = YamlValues.present(section.get("query-log"));
        if (node == null) {
            return null;
        }
        Map<String, YamlNode> keys = node.map(List.of("file", "sample"), List.of());
        return new QueryLogConfig(
                file.resolveSibling(node.required(keys, "file").text()),
                YamlValues.integer(keys, "sample", 1, Integer.MAX_VALUE, 1));
    }
}
