package dev.drover.node.config;

import dev.drover.lb.Balance;
import dev.drover.lb.EntryConfig;
import dev.drover.lb.LbConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.TargetConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Section {@code lb} of the node file. */
final class LbSection {
    private LbSection() {}

    /** Relative paths are beside {@code file}. */
    static LbConfig read(Path file, YamlNode node) {
        Map<String, YamlNode> keys =
                node.map(List.of("listeners"), List.of("certificates", "routes", "health-checks", "access-log"));
        YamlNode listenersNode = YamlValues.present(keys.get("listeners"));
        List<ListenerConfig> listeners = new ArrayList<>();
        Set<String> names = new HashSet<>();
        Set<InetSocketAddress> binds = new HashSet<>();
        for (YamlNode item : listenersNode == null ? List.<YamlNode>of() : listenersNode.list()) {
            Map<String, YamlNode> entry = item.map(
                    List.of("name", "bind", "protocol", "balance", "targets", "tls"),
                    List.of("certificates", "routes", "health-check", "proxy-protocol", "timeouts", "sticky"));
            YamlNode nameNode = item.required(entry, "name");
            if (!names.add(nameNode.text())) {
                throw nameNode.error(nameNode.text() + " is given twice (expected: a unique name)");
            }
            YamlNode bindNode = item.required(entry, "bind");
            InetSocketAddress bind = YamlValues.socketAddress(bindNode, 0);
            if (bind.getPort() != 0 && !binds.add(bind)) {
                throw bindNode.error(bindNode.text() + " is given twice (expected: one listener an address)");
            }
            YamlNode balance = entry.get("balance");
            YamlNode tls = YamlValues.present(entry.get("tls"));
            listeners.add(new ListenerConfig(
                    nameNode.text(),
                    bind,
                    protocol(item.required(entry, "protocol")),
                    balance == null ? Balance.ROUND_ROBIN : balance(balance),
                    targets(item.required(entry, "targets")),
                    tls == null ? EntryConfig.PLAIN : EntryConfig.tls(TlsSection.read(file, tls))));
        }
        return new LbConfig(listeners);
    }

    private static List<TargetConfig> targets(YamlNode node) {
        List<TargetConfig> targets = new ArrayList<>();
        Set<InetSocketAddress> seen = new HashSet<>();
        for (YamlNode item : node.list()) {
            InetSocketAddress address = YamlValues.socketAddress(item, 1);
            if (!seen.add(address)) {
                throw item.error(item.text() + " is given twice (expected: each target once)");
            }
            targets.add(TargetConfig.active(address));
        }
        return targets;
    }

    private static Protocol protocol(YamlNode node) {
        String text = node.text();
        return switch (text) {
            case "http" -> Protocol.HTTP;
            case "tcp" -> Protocol.TCP;
            case "udp", "tls" -> throw node.error(text + " is not available in this version (expected: http or tcp)");
            default -> throw node.error(text + " (expected: http or tcp)");
        };
    }

    private static Balance balance(YamlNode node) {
        String text = node.text();
        return switch (text) {
            case "round-robin" -> Balance.ROUND_ROBIN;
            case "least-connections", "power-of-two", "source-hash", "maglev" ->
                throw node.error(text + " is not available in this version (expected: round-robin)");
            default -> throw node.error(text + " (expected: round-robin)");
        };
    }
}
