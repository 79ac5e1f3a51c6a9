package dev.drover.node.config;

import dev.drover.lb.TargetTlsConfig;
import dev.drover.lb.TlsConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Key {@code target-tls} of a pool. */
final class TargetTlsSection {
    private TargetTlsSection() {}

    /** Relative paths are beside {@code file}. */
    static TargetTlsConfig read(Path file, YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("ca", "pins", "name", "certificate", "key", "verify"), List.of());
        YamlNode ca = YamlValues.present(keys.get("ca"));
        YamlNode name = YamlValues.present(keys.get("name"));
        YamlNode verify = YamlValues.present(keys.get("verify"));
        TargetTlsConfig config;
        try {
            config = new TargetTlsConfig(
                    ca == null ? null : file.resolveSibling(ca.text()),
                    LbSection.items(keys.get("pins")).stream()
                            .map(YamlNode::text)
                            .toList(),
                    name == null ? null : name.text(),
                    verify == null || YamlValues.flag(verify));
        } catch (ConfigException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            ConfigException error = node.error(String.valueOf(e.getMessage()));
            error.initCause(e);
            throw error;
        }
        boolean shown =
                YamlValues.present(keys.get("certificate")) != null || YamlValues.present(keys.get("key")) != null;
        return shown ? config.withOwn(own(file, node, keys)) : config;
    }

    private static TlsConfig.Certificate own(Path file, YamlNode node, Map<String, YamlNode> keys) {
        return new TlsConfig.Certificate(
                file.resolveSibling(node.required(keys, "certificate").text()),
                file.resolveSibling(node.required(keys, "key").text()));
    }
}
