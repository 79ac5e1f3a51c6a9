package dev.drover.node.config;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.node.mapping.Tables;
import dev.drover.node.state.PrivateKeyFile;
import dev.drover.overlay.Encryption;
import dev.drover.overlay.Mode;
import dev.drover.overlay.NetworkPolicy;
import dev.drover.overlay.OverlayConfig;
import dev.drover.overlay.PeerKey;
import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Section {@code overlay} of the node file. */
final class OverlaySection {
    private static final int MAX_BRIDGE_NAME_BYTES = 15;
    private static final List<String> PEER_KEYS =
            List.of("vtep", "subnets", "public-key", "probe", "remote-checksum", "neighbours");
    private static final int VXLAN_PORT = 4789;
    private static final int MAX_FLOW_SAMPLING = 1_000_000;
    private static final int MAX_VNI = (1 << 24) - 1;

    private OverlaySection() {}

    /** Null without one. */
    static @Nullable NetworkPolicy policy(YamlNode overlay) {
        YamlNode policy = YamlValues.present(overlay.map().get("policy"));
        return policy == null ? null : PolicySection.read(policy);
    }

    static OverlayConfig read(Path file, YamlNode node) {
        Map<String, YamlNode> keys = node.map(
                List.of(
                        "vni",
                        "vtep",
                        "port",
                        "bridge",
                        "mode",
                        "local",
                        "peers",
                        "encryption",
                        "policy",
                        "flow-sampling"),
                List.of("key", "psk", "mtu", "underlay"));
        YamlNode vniNode = node.required(keys, "vni");
        int vni = vniNode.integer(1, MAX_VNI);
        InetAddress vtep = unicast(node.required(keys, "vtep"));
        YamlNode port = keys.get("port");
        YamlNode bridge = keys.get("bridge");
        YamlNode mode = keys.get("mode");
        YamlNode sampling = keys.get("flow-sampling");
        YamlNode local = YamlValues.present(keys.get("local"));
        YamlNode peers = YamlValues.present(keys.get("peers"));
        YamlNode encryptionNode = YamlValues.present(keys.get("encryption"));
        Encryption encryption = encryptionNode == null ? null : encryption(file, encryptionNode);
        return new OverlayConfig(
                vni,
                vtep,
                port == null ? VXLAN_PORT : port.integer(1, 65535),
                bridge == null ? Tables.bridge(vni) : bridge(bridge),
                mode == null ? Mode.AUTO : mode(mode),
                local == null ? null : local(local),
                peers == null ? List.of() : peers(peers, vtep, encryption),
                peers == null ? List.of() : neighbours(peers),
                encryption,
                sampling == null ? OverlayConfig.FLOW_SAMPLING : sampling.integer(0, MAX_FLOW_SAMPLING));
    }

    private static InetAddress unicast(YamlNode node) {
        try {
            return OverlayConfig.parseVtep(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
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
        try {
            return Mode.parse(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
    }

    private static OverlayConfig.Local local(YamlNode node) {
        Map<String, YamlNode> keys = node.map(List.of("subnet", "block"), List.of());
        Cidr subnet = YamlValues.cidr(node.required(keys, "subnet"));
        YamlNode blockNode = node.required(keys, "block");
        Cidr block = YamlValues.cidr(blockNode);
        if (!subnet.contains(block.network()) || block.prefixLength() < subnet.prefixLength()) {
            throw blockNode.error(block + " (expected: within the subnet " + subnet + ")");
        }
        return new OverlayConfig.Local(subnet, block);
    }

    private static List<OverlayConfig.Peer> peers(YamlNode node, InetAddress own, @Nullable Encryption encryption) {
        List<OverlayConfig.Peer> peers = new ArrayList<>();
        Set<PeerKey> publicKeys = new HashSet<>();
        Set<InetAddress> vteps = new HashSet<>();
        Map<Cidr, InetAddress> taken = new HashMap<>();
        for (YamlNode item : node.list()) {
            Map<String, YamlNode> keys = item.map(PEER_KEYS, List.of("key", "mode"));
            YamlNode vtepNode = item.required(keys, "vtep");
            InetAddress vtep = unicast(vtepNode);
            if (!OverlayConfig.sameFamily(vtep, own)) {
                throw vtepNode.error(vtepNode.text() + " (expected: " + (own instanceof Inet4Address ? "IPv4" : "IPv6")
                        + " as this host's vtep, one overlay has one IP version beneath it)");
            }
            if (vtep.equals(own)) {
                throw vtepNode.error(vtepNode.text() + " is this host's own vtep (expected: another host's)");
            }
            if (!vteps.add(vtep)) {
                throw vtepNode.error(vtepNode.text() + " is given twice (expected: one entry a peer)");
            }
            List<Cidr> subnets = new ArrayList<>();
            YamlNode subnetsNode = YamlValues.present(keys.get("subnets"));
            for (YamlNode subnetNode : subnetsNode == null ? List.<YamlNode>of() : subnetsNode.list()) {
                Cidr subnet = YamlValues.cidr(subnetNode);
                taken.forEach((other, owner) -> {
                    if (other.overlaps(subnet)) {
                        throw subnetNode.error(subnet + " overlaps " + other + " of " + NetUtil.toAddressString(owner)
                                + " (expected: subnets that do not overlap)");
                    }
                });
                taken.put(subnet, vtep);
                subnets.add(subnet);
            }
            PeerKey key = publicKey(item, keys, encryption, publicKeys);
            YamlNode probe = keys.get("probe");
            boolean probed = probe == null ? key != null : YamlValues.flag(probe);
            YamlNode checksum = keys.get("remote-checksum");
            peers.add(new OverlayConfig.Peer(
                    vtep, subnets, key, probed, checksum == null ? null : YamlValues.flag(checksum)));
            if (encryption != null && subnets.isEmpty()) {
                throw item.error(
                        "subnets is missing (expected: addresses, nothing is learned in an encrypted overlay)");
            }
        }
        return peers;
    }

    /** Containers behind the peers whose MAC the file tells; called when the peers have been read without a fault. */
    private static List<OverlayConfig.Neighbour> neighbours(YamlNode peers) {
        List<OverlayConfig.Neighbour> neighbours = new ArrayList<>();
        Set<InetAddress> taken = new HashSet<>();
        for (YamlNode peer : peers.list()) {
            Map<String, YamlNode> keys = peer.map(PEER_KEYS, List.of());
            YamlNode list = YamlValues.present(keys.get("neighbours"));
            InetAddress vtep = unicast(peer.required(keys, "vtep"));
            for (YamlNode item : list == null ? List.<YamlNode>of() : list.list()) {
                Map<String, YamlNode> entry = item.map(List.of("address", "mac"), List.of());
                YamlNode address = item.required(entry, "address");
                InetAddress parsed = unicast(address);
                if (!taken.add(parsed)) {
                    throw address.error(address.text() + " is given twice (expected: one entry an address)");
                }
                neighbours.add(new OverlayConfig.Neighbour(parsed, mac(item.required(entry, "mac")), vtep, 0));
            }
        }
        return neighbours;
    }

    private static Mac mac(YamlNode node) {
        try {
            return Mac.parse(node.text());
        } catch (IllegalArgumentException e) {
            throw node.error(e);
        }
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
}
