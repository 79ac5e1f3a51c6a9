package dev.drover.node.config;

import dev.drover.lb.Balance;
import dev.drover.lb.EntryConfig;
import dev.drover.lb.LbConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.MirrorConfig;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.RouteConfig;
import dev.drover.lb.UdpConfig;
import dev.drover.lb.path.Networks;
import dev.drover.lb.path.ProxyGreeting;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads {@code lb} of the node file: pools by name, and listeners with their routes. */
final class LbSection {
    private static final String ALONE =
            "alone (expected: proxy-protocol: accept together with a list of trusted networks)";
    private static final List<String> LISTENER_KEYS = PoolSection.with(
            "name",
            "bind",
            "protocol",
            "routes",
            "tls",
            "h2c",
            "proxy-protocol",
            "trusted",
            "forwarded-from",
            "send-proxy",
            "access-log",
            "slow",
            "trace",
            "limits",
            "timeouts",
            "mirror",
            "udp");
    private static final List<String> ROUTE_KEYS =
            PoolSection.with("host", "path", "methods", "headers", "priority", "pool", "mirror");

    private final Map<String, PoolConfig> pools = new LinkedHashMap<>();
    private final Set<String> used = new HashSet<>();
    private final Set<String> names = new HashSet<>();
    private final Set<InetSocketAddress> binds = new HashSet<>();
    private final Set<InetSocketAddress> datagramBinds = new HashSet<>();

    private final Path file;

    private LbSection(Path file) {
        this.file = file;
    }

    /** Relative paths are beside {@code file}. */
    static LbConfig read(Path file, YamlNode node) {
        return new LbSection(file).config(node);
    }

    private LbConfig config(YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("listeners", "pools"), List.of("certificates"));
        Map<String, YamlNode> poolNodes = new HashMap<>();
        for (YamlNode item : items(keys.get("pools"))) {
            Map<String, YamlNode> entry = item.map(PoolSection.with("name"), List.of());
            YamlNode name = item.required(entry, "name");
            if (!name.text().matches("[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")) {
                throw name.error(name.text() + " (expected: letters, digits, '-', '_' and '.')");
            }
            if (pools.put(name.text(), PoolSection.read(file, name.text(), item, entry)) != null) {
                throw name.error(name.text() + " is given twice (expected: a unique name)");
            }
            poolNodes.put(name.text(), name);
        }
        List<ListenerConfig> listeners = new ArrayList<>();
        for (YamlNode item : items(keys.get("listeners"))) {
            listeners.add(listener(item));
        }
        poolNodes.forEach((name, at) -> {
            if (!used.contains(name)) {
                throw at.error(name + " is used by no route (expected: pool: " + name + " in a route)");
            }
        });
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
        return new EntryConfig(
                tls == null ? null : TlsSection.read(file, tls),
                wanted,
                trusted(keys),
                forwardedFrom(protocol, keys),
                greeting(protocol, keys));
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
        return networks(trusted);
    }

    private static List<String> forwardedFrom(Protocol protocol, Map<String, YamlNode> keys) {
        YamlNode node = YamlValues.present(keys.get("forwarded-from"));
        if (node == null) {
            return List.of();
        }
        if (protocol != Protocol.HTTP) {
            throw node.error("only HTTP has such fields (expected: none, or protocol: http)");
        }
        return networks(node);
    }

    private static @Nullable ProxyGreeting greeting(Protocol protocol, Map<String, YamlNode> keys) {
        YamlNode node = YamlValues.present(keys.get("send-proxy"));
        if (node == null) {
            return null;
        }
        if (protocol == Protocol.HTTP) {
            throw node.error("connections to HTTP targets are shared by clients (expected: none, or protocol: tcp)");
        }
        return switch (node.text()) {
            case "v1" -> ProxyGreeting.V1;
            case "v2" -> ProxyGreeting.V2;
            default -> throw node.error(node.text() + " (expected: v1 or v2)");
        };
    }

    private static List<String> networks(YamlNode node) {
        List<String> networks = new ArrayList<>();
        for (YamlNode item : node.list()) {
            try {
                Networks.check(List.of(item.text()));
            } catch (IllegalArgumentException e) {
                throw item.error(e);
            }
            networks.add(item.text());
        }
        return networks;
    }

    private ListenerConfig listener(YamlNode item) {
        Map<String, YamlNode> entry = item.map(LISTENER_KEYS, List.of());
        YamlNode nameNode = item.required(entry, "name");
        String name = nameNode.text();
        if (!names.add(name)) {
            throw nameNode.error(name + " is given twice (expected: a unique name)");
        }
        YamlNode bindNode = item.required(entry, "bind");
        InetSocketAddress bind = YamlValues.socketAddress(bindNode, 0);
        YamlNode protocolNode = item.required(entry, "protocol");
        Protocol protocol = protocol(protocolNode);
        if (bind.getPort() != 0 && !(protocol == Protocol.UDP ? datagramBinds : binds).add(bind)) {
            throw bindNode.error(bindNode.text() + " is given twice (expected: one listener an address)");
        }
        List<RouteConfig> routes = new ArrayList<>();
        YamlNode routesNode = YamlValues.present(entry.get("routes"));
        UdpConfig udp = UdpSection.read(protocol, entry);
        if (routesNode != null && (protocol == Protocol.TCP || protocol == Protocol.UDP)) {
            throw routesNode.error("not with protocol " + protocolNode.text() + " (expected: http or tls)");
        }
        if (protocol == Protocol.TLS && YamlValues.present(entry.get("tls")) != null) {
            throw item.error("tls beside protocol: tls (expected: one of both, with protocol: tls it is the targets')");
        }
        if (routesNode == null || entry.containsKey("targets")) {
            routes.add(RouteConfig.everything(PoolSection.read(file, free(nameNode), item, entry))
                    .withMirror(mirror(name, protocol, entry)));
        } else {
            PoolSection.refuse(entry, "targets beside it");
            YamlNode mirror = YamlValues.present(entry.get("mirror"));
            if (mirror != null) {
                throw mirror.error("has no requests of its own (expected: targets beside it, or to stand in a route)");
            }
        }
        Map<String, YamlNode> seen = new HashMap<>();
        for (YamlNode route : items(routesNode)) {
            routes.add(route(name, protocol, route, seen));
        }
        return new ListenerConfig(
                name,
                bind,
                protocol,
                routes,
                entry(file, protocol, entry),
                ObservationSection.read(file, entry),
                LimitsSection.read(entry),
                udp);
    }

    /** A pool that is written where it is used has the name of the place, which no other pool may have. */
    private String free(YamlNode name) {
        if (pools.containsKey(name.text())) {
            throw name.error(
                    name.text() + " is the name of a pool, too (expected: another, since targets are given here)");
        }
        return name.text();
    }

    private RouteConfig route(String listener, Protocol protocol, YamlNode item, Map<String, YamlNode> seen) {
        Map<String, YamlNode> entry = item.map(ROUTE_KEYS, List.of("regex", "rewrite", "redirect"));
        for (String key : List.of("path", "methods", "headers")) {
            YamlNode condition = YamlValues.present(entry.get(key));
            if (condition != null && protocol == Protocol.TLS) {
                throw condition.error("not with protocol tls, which does not see requests (expected: host alone)");
            }
        }
        YamlNode host = entry.get("host");
        YamlNode path = entry.get("path");
        YamlNode methods = YamlValues.present(entry.get("methods"));
        YamlNode headers = YamlValues.present(entry.get("headers"));
        YamlNode priority = YamlValues.present(entry.get("priority"));
        RouteConfig conditions;
        try {
            Map<String, String> fields = new LinkedHashMap<>();
            if (headers != null) {
                headers.map().forEach((field, value) -> fields.put(field, value.text()));
            }
            conditions = new RouteConfig(
                    host == null ? "" : host.text(),
                    path == null ? "" : path.text(),
                    items(methods).stream().map(YamlNode::text).toList(),
                    fields,
                    priority == null ? null : priority.integer(0, 1_000_000),
                    PoolConfig.of("-", Balance.ROUND_ROBIN, List.of()));
        } catch (IllegalArgumentException e) {
            ConfigException error = item.error(String.valueOf(e.getMessage()));
            error.initCause(e);
            throw error;
        }
        String text = conditions.conditions();
        if (seen.put(text + " " + conditions.priority(), item) != null) {
            throw item.error(text + " is given twice (expected: each set of conditions once)");
        }
        return new RouteConfig(
                conditions.host(),
                conditions.path(),
                conditions.methods(),
                conditions.headers(),
                conditions.priority(),
                pool(listener + " " + text, item, entry),
                mirror(listener + " " + text, protocol, entry));
    }

    private @Nullable MirrorConfig mirror(String of, Protocol protocol, Map<String, YamlNode> entry) {
        return MirrorSection.read(protocol, entry, (node, keys) -> pool(of + " mirror", node, keys));
    }

    private PoolConfig pool(String inlineName, YamlNode item, Map<String, YamlNode> entry) {
        YamlNode name = YamlValues.present(entry.get("pool"));
        if (name == null) {
            if (!entry.containsKey("targets")) {
                throw item.error("pool is missing (expected: the name of a pool, or targets)");
            }
            return PoolSection.read(file, inlineName, item, entry);
        }
        PoolSection.refuse(entry, "no pool: beside it, or to stand in that pool");
        PoolConfig pool = pools.get(name.text());
        if (pool == null) {
            String near = Suggestion.nearest(name.text(), pools.keySet());
            throw name.error(
                    name.text() + (near == null ? " (expected: a pool of lb.pools)" : " (expected: " + near + "?)"));
        }
        used.add(name.text());
        return pool;
    }

    private static Protocol protocol(YamlNode node) {
        String text = node.text();
        return switch (text) {
            case "http" -> Protocol.HTTP;
            case "tcp" -> Protocol.TCP;
            case "tls" -> Protocol.TLS;
            case "udp" -> Protocol.UDP;
            default -> throw node.error(text + " (expected: http, tcp, tls or udp)");
        };
    }

    static List<YamlNode> items(@Nullable YamlNode node) {
        YamlNode list = YamlValues.present(node);
        return list == null ? List.of() : list.list();
    }
}
