package dev.drover.node.config;

import dev.drover.lb.MirrorConfig;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.Protocol;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** Key {@code mirror} of a listener or route: what gets copies of its requests. */
final class MirrorSection {
    /** Beside the keys of a pool that is written here. */
    private static final List<String> KEYS = PoolSection.with("pool", "percent", "body-bytes", "max-copies", "timeout");

    private MirrorSection() {}

    /**
     * Null where there is none.
     *
     * @param pools reads the pool of a section by its keys
     */
    static @Nullable MirrorConfig read(
            Protocol protocol,
            Map<String, YamlNode> entry,
            BiFunction<YamlNode, Map<String, YamlNode>, PoolConfig> pools) {
        YamlNode node = YamlValues.present(entry.get("mirror"));
        if (node == null) {
            return null;
        }
        if (protocol != Protocol.HTTP) {
            throw node.error("only requests of HTTP can be copied (expected: none, or protocol: http)");
        }
        Map<String, YamlNode> keys = node.map(KEYS, List.of());
        YamlNode timeout = YamlValues.present(keys.get("timeout"));
        return new MirrorConfig(
                pools.apply(node, keys),
                YamlValues.integer(keys, "percent", 1, 100, 100),
                YamlValues.integer(keys, "body-bytes", 0, MirrorConfig.MAX_BODY_BYTES, MirrorConfig.USUAL_BODY_BYTES),
                YamlValues.integer(keys, "max-copies", 1, MirrorConfig.MAX_COPIES, MirrorConfig.USUAL_COPIES),
                timeout == null
                        ? MirrorConfig.USUAL_TIMEOUT
                        : timeout.duration(MirrorConfig.LEAST_TIMEOUT, MirrorConfig.MOST_TIMEOUT));
    }
}
