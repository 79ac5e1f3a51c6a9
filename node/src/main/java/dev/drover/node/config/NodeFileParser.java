package dev.drover.node.config;

import dev.drover.dataplane.Cidr;
import dev.drover.dns.DnsConfig;
import dev.drover.lb.Balance;
import dev.drover.lb.LbConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.TargetConfig;
import dev.drover.node.mapping.Tables;
import dev.drover.overlay.Encryption;
import dev.drover.overlay.Mode;
import dev.drover.overlay.OverlayConfig;
import dev.drover.overlay.PeerKey;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads the static node file ({@code drover node --config}). Strict: an unknown key, a key given twice or a value out of
 * range is refused with file, line, key and what was expected; nothing is guessed and nothing silently ignored.
 */
public final class NodeFileParser {
    private static final int MAX_BRIDGE_NAME_BYTES = 15;
    private static final int VXLAN_PORT = 4789;
    private static final int MAX_VNI = (1 << 24) - 1;
    private static final int DNS_PORT = 53;
    private static final int DEFAULT_TTL_SECONDS = 1;
    private static final int MAX_TTL_SECONDS = 86_400;
    private static final String DEFAULT_ZONE = "rancher.internal";

    private NodeFileParser() {}

    /** @throws ConfigException naming what is wrong and where */
    public static NodeFile read(Path path) {
        try {
            return parse(path.toString(), Files.readString(path, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new ConfigException(path + ": cannot be read (" + e.getClass().getSimpleName() + ")", e);
        }
    }

    /** @param file name for messages */
    public static NodeFile parse(String file, String text) {
        YamlNode root = YamlNode.parse(file, text);
        if (root == null || root.isNull()) {
            throw new ConfigException(file + ": empty (expected: at least one of overlay, lb, dns)");
        }
        Map<String, YamlNode> keys = root.map(List.of("overlay", "lb", "dns", "admin"), List.of("encryption"));
        YamlNode overlay = present(keys.get("overlay"));
        YamlNode lb = present(keys.get("lb"));
        YamlNode dns = present(keys.get("dns"));
        YamlNode admin = present(keys.get("admin"));
        if (overlay == null && lb == null && dns == null) {
            throw root.error("nothing to run (expected: at least one of overlay, lb, dns)");
        }
        return new NodeFile(
                overlay == null ? null : overlay(Path.of(file), overlay),
                lb == null ? LbConfig.EMPTY : lb(lb),
                dns == null ? null : dns(dns),
                admin == null ? null : admin(admin));
    }

    private static OverlayConfig overlay(Path file, YamlNode node) {
        Map<String, YamlNode> keys = node.map(
                List.of("vni", "vtep", "port", "bridge", "mode", "local", "peers", "encryption"),
                List.of("key", "psk", "mtu", "underlay"));
        YamlNode vniNode = node.required(keys, "vni");
        int vni = vniNode.integer(1, MAX_VNI);
        Inet4Address vtep = unicast(node.required(keys, "vtep"));
        YamlNode port = keys.get("port");
        YamlNode bridge = keys.get("bridge");
        YamlNode mode = keys.get("mode");
        YamlNode local = present(keys.get("local"));
        YamlNode peers = present(keys.get("peers"));
        YamlNode encryptionNode = present(keys.get("encryption"));
        Encryption encryption = encryptionNode == null ? null : encryption(file, encryptionNode);
        return new OverlayConfig(
                vni,
                vtep,
                port == null ? VXLAN_PORT : port.integer(1, 65535),
                bridge == null ? Tables.bridge(vni) : bridge(bridge),
                mode == null ? Mode.AUTO : mode(mode),
                local == null ? null : local(local),
                peers == null ? List.of() : peers(peers, vtep, encryption),
                List.of(),
                encryption);
    }

    /** A relative path is one beside the node file. */
    private static Encryption encryption(Path file, YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("private-key-file"), List.of());
        YamlNode path = node.required(keys, "private-key-file");
        try {
            return PrivateKeyFile.read(file.resolveSibling(path.text()));
        } catch (IllegalArgumentException e) {
            ConfigException error = path.error(String.valueOf(e.getMessage()));
            error.initCause(e);
            throw error;
        }
    }

    private static String bridge(YamlNode node) {
        String name = node.text();
        if (name.isEmpty()
                || name.getBytes(StandardCharsets.UTF_8).length > MAX_BRIDGE_NAME_BYTES
                || !name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
            throw node.error(name + " (expected: an interface name of 1 to 15 letters, digits, '.', '_' or '-')");
        }
        return name;
    }

    private static Mode mode(YamlNode node) {
        return switch (node.text()) {
            case "auto" -> Mode.AUTO;
            case "super" -> Mode.SUPER;
            case "gso" -> Mode.GSO;
            case "plain" -> Mode.PLAIN;
            default -> throw node.error(node.text() + " (expected: auto, super, gso or plain)");
        };
    }

    private static OverlayConfig.Local local(YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("subnet", "block"), List.of());
        Cidr subnet = cidr(node.required(keys, "subnet"));
        YamlNode blockNode = node.required(keys, "block");
        Cidr block = cidr(blockNode);
        if (!subnet.contains(block.network()) || block.prefixLength() < subnet.prefixLength()) {
            throw blockNode.error(block + " (expected: within the subnet " + subnet + ")");
        }
        return new OverlayConfig.Local(subnet, block);
    }

    private static List<OverlayConfig.Peer> peers(YamlNode node, Inet4Address own, @Nullable Encryption encryption) {
        List<OverlayConfig.Peer> peers = new ArrayList<>();
        Set<PeerKey> publicKeys = new HashSet<>();
        Set<Inet4Address> vteps = new HashSet<>();
        Map<Cidr, Inet4Address> taken = new HashMap<>();
        for (YamlNode item : node.list()) {
            Map<String, YamlNode> keys = item.map(List.of("vtep", "subnets", "public-key"), List.of("key", "mode"));
            YamlNode vtepNode = item.required(keys, "vtep");
            Inet4Address vtep = unicast(vtepNode);
            if (vtep.equals(own)) {
                throw vtepNode.error(vtepNode.text() + " is this host's own vtep (expected: another host's)");
            }
            if (!vteps.add(vtep)) {
                throw vtepNode.error(vtepNode.text() + " is given twice (expected: one entry a peer)");
            }
            List<Cidr> subnets = new ArrayList<>();
            YamlNode subnetsNode = present(keys.get("subnets"));
            for (YamlNode subnetNode : subnetsNode == null ? List.<YamlNode>of() : subnetsNode.list()) {
                Cidr subnet = cidr(subnetNode);
                taken.forEach((other, owner) -> {
                    if (other.overlaps(subnet)) {
                        throw subnetNode.error(subnet + " overlaps " + other + " of " + owner.getHostAddress()
                                + " (expected: subnets that do not overlap)");
                    }
                });
                taken.put(subnet, vtep);
                subnets.add(subnet);
            }
            peers.add(new OverlayConfig.Peer(vtep, subnets, publicKey(item, keys, encryption, publicKeys)));
            if (encryption != null && subnets.isEmpty()) {
                throw item.error(
                        "subnets is missing (expected: addresses, nothing is learned in an encrypted overlay)");
            }
        }
        return peers;
    }

    private static @Nullable PeerKey publicKey(
            YamlNode peer, Map<String, YamlNode> keys, @Nullable Encryption encryption, Set<PeerKey> taken) {
        YamlNode node = encryption == null ? keys.get("public-key") : peer.required(keys, "public-key");
        if (node == null) {
            return null;
        }
        PeerKey key;
        try {
            key = PeerKey.parse(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
        if (encryption == null) {
            throw node.error(key + " (expected: none without overlay.encryption, or traffic would not be encrypted)");
        }
        if (key.equals(encryption.publicKey()) || !taken.add(key)) {
            throw node.error(key + " is another host's (expected: a key of its own for each host)");
        }
        return key;
    }

    private static LbConfig lb(YamlNode node) {
        Map<String, YamlNode> keys =
                node.map(List.of("listeners"), List.of("certificates", "routes", "health-checks", "access-log"));
        YamlNode listenersNode = present(keys.get("listeners"));
        List<ListenerConfig> listeners = new ArrayList<>();
        Set<String> names = new HashSet<>();
        Set<InetSocketAddress> binds = new HashSet<>();
        for (YamlNode item : listenersNode == null ? List.<YamlNode>of() : listenersNode.list()) {
            Map<String, YamlNode> entry = item.map(
                    List.of("name", "bind", "protocol", "balance", "targets"),
                    List.of("tls", "certificates", "routes", "health-check", "proxy-protocol", "timeouts", "sticky"));
            YamlNode nameNode = item.required(entry, "name");
            if (!names.add(nameNode.text())) {
                throw nameNode.error(nameNode.text() + " is given twice (expected: a unique name)");
            }
            YamlNode bindNode = item.required(entry, "bind");
            InetSocketAddress bind = socketAddress(bindNode, 0);
            if (bind.getPort() != 0 && !binds.add(bind)) {
                throw bindNode.error(bindNode.text() + " is given twice (expected: one listener an address)");
            }
            YamlNode balance = entry.get("balance");
            listeners.add(new ListenerConfig(
                    nameNode.text(),
                    bind,
                    protocol(item.required(entry, "protocol")),
                    balance == null ? Balance.ROUND_ROBIN : balance(balance),
                    targets(item.required(entry, "targets"))));
        }
        return new LbConfig(listeners);
    }

    private static List<TargetConfig> targets(YamlNode node) {
        List<TargetConfig> targets = new ArrayList<>();
        Set<InetSocketAddress> seen = new HashSet<>();
        for (YamlNode item : node.list()) {
            InetSocketAddress address = socketAddress(item, 1);
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

    private static DnsConfig dns(YamlNode node) {
        Map<String, YamlNode> keys = node.map(
                List.of("bind", "zone", "records", "forward", "ttl-seconds"), List.of("cache", "dnssec", "tls"));
        YamlNode bind = node.required(keys, "bind");
        YamlNode zone = keys.get("zone");
        YamlNode records = present(keys.get("records"));
        YamlNode forward = present(keys.get("forward"));
        YamlNode ttl = keys.get("ttl-seconds");
        List<InetSocketAddress> binds = new ArrayList<>();
        for (YamlNode item : bind.isSequence() ? bind.list() : List.of(bind)) {
            binds.add(socketAddress(item, 0));
        }
        List<InetSocketAddress> upstreams = new ArrayList<>();
        for (YamlNode item : forward == null ? List.<YamlNode>of() : forward.list()) {
            InetSocketAddress upstream = upstream(item);
            if (binds.contains(upstream)) {
                throw item.error(item.text() + " is our own address (expected: another resolver)");
            }
            upstreams.add(upstream);
        }
        return new DnsConfig(
                binds,
                zone == null ? DEFAULT_ZONE : domain(zone),
                records == null ? Map.of() : records(records),
                upstreams,
                ttl == null ? DEFAULT_TTL_SECONDS : ttl.integer(0, MAX_TTL_SECONDS));
    }

    private static Map<String, List<InetAddress>> records(YamlNode node) {
        Map<String, List<InetAddress>> records = new HashMap<>();
        node.map().forEach((name, value) -> {
            if (!isDomain(name)) {
                throw value.error("not a name (expected: labels of letters, digits, '-' and '_' with dots between)");
            }
            List<InetAddress> addresses = new ArrayList<>();
            for (YamlNode item : value.list()) {
                addresses.add(address(item));
            }
            if (records.put(name.toLowerCase(Locale.ROOT), addresses) != null) {
                throw value.error("given twice in another case (expected: once)");
            }
        });
        return records;
    }

    private static String domain(YamlNode node) {
        String text = node.text();
        String name = text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
        if (!isDomain(name)) {
            throw node.error(text + " (expected: a domain name such as rancher.internal)");
        }
        return name.toLowerCase(Locale.ROOT);
    }

    private static boolean isDomain(String name) {
        return name.length() <= 253 && name.matches("[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*");
    }

    /** {@code 9901} means that port of 127.0.0.1. */
    private static InetSocketAddress admin(YamlNode node) {
        String text = node.text();
        return text.matches("\\d+")
                ? new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), node.integer(0, 65535))
                : socketAddress(node, 0);
    }

    private static InetSocketAddress upstream(YamlNode node) {
        String text = node.text();
        if (text.lastIndexOf(':') < 0 || text.chars().filter(c -> c == ':').count() > 1 && !text.startsWith("[")) {
            return new InetSocketAddress(address(node), DNS_PORT);
        }
        return socketAddress(node, 1);
    }

    private static InetSocketAddress socketAddress(YamlNode node, int leastPort) {
        try {
            InetSocketAddress address = Tables.socketAddress(node.text());
            if (address.getPort() < leastPort) {
                throw node.error(node.text() + " (expected: a port from " + leastPort + " to 65535)");
            }
            return address;
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }

    private static InetAddress address(YamlNode node) {
        String text = node.text();
        try {
            return InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException e) {
            ConfigException error = node.error(text + " (expected: an IP address)");
            error.initCause(e);
            throw error;
        }
    }

    private static Inet4Address unicast(YamlNode node) {
        try {
            Inet4Address address = Cidr.toInet(Cidr.parseAddress(node.text()));
            if (!address.isAnyLocalAddress() && !address.isMulticastAddress()) {
                return address;
            }
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
        throw node.error(node.text() + " (expected: a unicast IPv4 address)");
    }

    private static Cidr cidr(YamlNode node) {
        try {
            return Cidr.parse(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }

    private static @Nullable YamlNode present(@Nullable YamlNode node) {
        return node == null || node.isNull() ? null : node;
    }
}
