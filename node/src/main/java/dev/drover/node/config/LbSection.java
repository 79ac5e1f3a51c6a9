package dev.drover.node.config;

import dev.drover.lb.Balance;
import dev.drover.lb.EntryConfig;
import dev.drover.lb.LbConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.TargetConfig;
import dev.drover.lb.path.Networks;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Section {@code lb} of the node file. */
final class LbSection {
    private static final String ALONE =
            "alone (expected: proxy-protocol: accept together with a list of trusted networks)";

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
                    List.of(
                            "name",
                            "bind",
                            "protocol",
                            "balance",
                            "targets",
                            "tls",
                            "h2c",
                            "proxy-protocol",
                            "trusted"),
                    List.of("certificates", "routes", "health-check", "timeouts", "sticky"));
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
            Protocol protocol = protocol(item.required(entry, "protocol"));
            listeners.add(new ListenerConfig(
                    nameNode.text(),
                    bind,
                    protocol,
                    balance == null ? Balance.ROUND_ROBIN : balance(balance),
                    targets(item.required(entry, "targets")),
                    entry(file, protocol, entry)));
        }
        return new LbConfig(listeners);
    }

    /** What lies below HTTP or the byte stream. */
    private static EntryConfig entry(Path file, Protocol protocol, Map<String, YamlNode> keys) {
        YamlNode tls = YamlValues.present(keys.get("tls"));
        YamlNode h2c = YamlValues.present(keys.get("h2c"));
        boolean wanted = h2c != null && YamlValues.flag(h2c);
        if (h2c != null && wanted && (tls != null || protocol != Protocol.HTTP)) {
            throw h2c.error("true (expected: only with protocol http and without tls, which offers HTTP/2 by itself)");
        }
        return new EntryConfig(tls == null ? null : TlsSection.read(file, tls), wanted, trusted(keys));
    }

    /** Networks whose connections begin with a header of the PROXY protocol. */
    private static List<String> trusted(Map<String, YamlNode> keys) {
        YamlNode protocol = YamlValues.present(keys.get("proxy-protocol"));
        YamlNode trusted = YamlValues.present(keys.get("trusted"));
        if (protocol != null && !protocol.text().equals("accept")) {
            throw protocol.error(protocol.text() + " (expected: accept)");
        }
        if (protocol == null) {
            if (trusted != null) {
                throw trusted.error(ALONE);
            }
            return List.of();
        }
        if (trusted == null || trusted.list().isEmpty()) {
            throw protocol.error(ALONE);
        }
        List<String> networks = new ArrayList<>();
        for (YamlNode item : trusted.list()) {
            try {
                Networks.check(List.of(item.text()));
            } catch (IllegalArgumentException e) {
                throw item.error(e);
            }
            networks.add(item.text());
        }
        return networks;
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
