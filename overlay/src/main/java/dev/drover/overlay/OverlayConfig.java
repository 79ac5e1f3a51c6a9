package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One overlay network on this host; replaced as a whole by {@link Overlay#apply}.
 *
 * @param vni VXLAN network identifier, 1 to 2^24-1
 * @param vtep underlay address of this host, IPv4 or IPv6; must be configured on one of its interfaces
 * @param port UDP port, 1 to 65535
 * @param bridge name of the Linux bridge the overlay plugs into, at most 15 bytes; created when absent
 * @param local this host's place in the subnet, null when the operator addresses the bridge himself
 * @param neighbours containers of other hosts whose MAC is known; the rest is resolved by asking the peer that owns the
 *     subnet. Those behind a VTEP that is no peer (yet) are left out
 * @param encryption key of this host; null for an overlay without encryption. With it every peer has a key and subnets
 * @param flowSampling one frame in this many is sampled for {@link Overlay#flows}; 1 to 1,000,000, 0 for none
 */
public record OverlayConfig(
        int vni,
        InetAddress vtep,
        int port,
        String bridge,
        Mode mode,
        @Nullable Local local,
        List<Peer> peers,
        List<Neighbour> neighbours,
        @Nullable Encryption encryption,
        int flowSampling) {
    /** Default of {@link #flowSampling}. */
    public static final int FLOW_SAMPLING = 64;

    private static final int MAX_FLOW_SAMPLING = 1_000_000;
    private static final int MAX_VNI = (1 << 24) - 1;
    private static final int MAX_PORT = 65_535;
    private static final int MAX_NAME_BYTES = 15;

    /** @throws IllegalArgumentException {@code key: value (expected: …)} */
    public OverlayConfig {
        peers = List.copyOf(peers);
        neighbours = List.copyOf(neighbours);
        expect(vni >= 1 && vni <= MAX_VNI, "vni", vni, "1 to " + MAX_VNI);
        expect(port >= 1 && port <= MAX_PORT, "port", port, "1 to " + MAX_PORT);
        expect(isUnicast(vtep), "vtep", text(vtep), "a unicast address of this host, not a link-local one of IPv6");
        expect(isInterfaceName(bridge), "bridge", bridge, "1 to 15 bytes without space, / and :");
        checkPeers(vtep, local, peers);
        expect(
                flowSampling >= 0 && flowSampling <= MAX_FLOW_SAMPLING,
                "flow-sampling",
                flowSampling,
                "0 to " + MAX_FLOW_SAMPLING);
        if (encryption != null) {
            checkKeys(encryption, peers);
        }
    }

    /** With flows sampled as by default. */
    public OverlayConfig(
            int vni,
            InetAddress vtep,
            int port,
            String bridge,
            Mode mode,
            @Nullable Local local,
            List<Peer> peers,
            List<Neighbour> neighbours,
            @Nullable Encryption encryption) {
        this(vni, vtep, port, bridge, mode, local, peers, neighbours, encryption, FLOW_SAMPLING);
    }

    /** Without encryption, and with flows sampled as by default. */
    public OverlayConfig(
            int vni,
            InetAddress vtep,
            int port,
            String bridge,
            Mode mode,
            @Nullable Local local,
            List<Peer> peers,
            List<Neighbour> neighbours) {
        this(vni, vtep, port, bridge, mode, local, peers, neighbours, null);
    }

    private static void checkKeys(Encryption encryption, List<Peer> peers) {
        Set<PeerKey> keys = new HashSet<>(Set.of(encryption.publicKey()));
        for (Peer peer : peers) {
            String address = text(peer.vtep);
            expect(peer.key != null, "peers.public-key", "missing for " + address, "a key, the overlay is encrypted");
            expect(
                    !peer.subnets.isEmpty(),
                    "peers.subnets",
                    "none for " + address,
                    "subnets, the overlay is encrypted");
            expect(
                    keys.add(peer.key),
                    "peers.public-key",
                    peer.key + " of " + address,
                    "a key of its own for each host");
        }
    }

    private static void checkPeers(InetAddress vtep, @Nullable Local local, List<Peer> peers) {
        Set<InetAddress> vteps = new HashSet<>();
        for (Peer peer : peers) {
            String address = text(peer.vtep);
            expect(isUnicast(peer.vtep), "peers.vtep", address, "a unicast address, not a link-local one of IPv6");
            expect(
                    sameFamily(vtep, peer.vtep),
                    "peers.vtep",
                    address,
                    (vtep instanceof Inet4Address ? "IPv4" : "IPv6") + " as vtep " + text(vtep));
            expect(!peer.vtep.equals(vtep), "peers.vtep", address, "another host than vtep");
            expect(vteps.add(peer.vtep), "peers.vtep", address, "each peer once");
        }
        for (int i = 0; i < peers.size(); i++) {
            for (Cidr subnet : peers.get(i).subnets) {
                boolean own = local != null && local.block.overlaps(subnet);
                expect(!own, "peers.subnets", subnet, "no overlap with this host's block");
                for (Peer other : peers.subList(i + 1, peers.size())) {
                    boolean overlap = other.subnets.stream().anyMatch(subnet::overlaps);
                    expect(!overlap, "peers.subnets", subnet, "no overlap with those of " + text(other.vtep));
                }
            }
        }
    }

    /**
     * Reads an underlay address, never a name.
     *
     * @throws IllegalArgumentException quotes the text and says what was expected
     */
    public static InetAddress parseVtep(String text) {
        InetAddress address;
        try {
            address = InetAddress.ofLiteral(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("address: " + text + " (expected: IPv4 a.b.c.d or IPv6)", e);
        }
        if (!isUnicast(address)) {
            throw new IllegalArgumentException(
                    "address: " + text + " (expected: a unicast address, not a link-local one of IPv6)");
        }
        return address;
    }

    /** Whether hosts with these underlay addresses can reach one another: one socket speaks one IP version. */
    public static boolean sameFamily(InetAddress a, InetAddress b) {
        return a instanceof Inet4Address == b instanceof Inet4Address;
    }

    /** A link-local IPv6 address says nothing without its interface. */
    private static boolean isUnicast(InetAddress address) {
        boolean broadcast = address instanceof Inet4Address v4 && Cidr.toInt(v4) == -1;
        boolean scoped = address instanceof Inet6Address && address.isLinkLocalAddress();
        return !address.isAnyLocalAddress() && !address.isMulticastAddress() && !broadcast && !scoped;
    }

    private static String text(InetAddress address) {
        return NetUtil.toAddressString(address);
    }

    private static boolean isInterfaceName(String name) {
        int bytes = name.getBytes(StandardCharsets.UTF_8).length;
        boolean plain = name.chars().noneMatch(c -> c <= ' ' || c == '/' || c == ':');
        return bytes >= 1 && bytes <= MAX_NAME_BYTES && plain && !name.equals(".") && !name.equals("..");
    }

    private static void expect(boolean holds, String key, Object value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException(key + ": " + value + " (expected: " + expected + ")");
        }
    }

    /** Whether both run on the same sockets, device and bridge, so that only tables differ. */
    boolean samePath(OverlayConfig other) {
        return vni == other.vni
                && vtep.equals(other.vtep)
                && port == other.port
                && bridge.equals(other.bridge)
                && mode == other.mode
                && Objects.equals(encryption, other.encryption)
                && Objects.equals(local, other.local);
    }

    /**
     * @param subnet of the whole overlay; the bridge gets the first address of {@code block} with its prefix length
     * @param block addresses of this host's containers
     */
    public record Local(Cidr subnet, Cidr block) {
        public Local {
            boolean inside = subnet.contains(block.network()) && block.prefixLength() >= subnet.prefixLength();
            expect(inside, "local.block", block, "a part of " + subnet);
        }
    }

    /**
     * Another tunnel endpoint, ours or the kernel's.
     *
     * @param subnets addresses behind it; empty means unknown: learn its addresses and send it a copy of what is flooded
     * @param key its public key, in an encrypted overlay; else of no meaning
     * @param probed it is Drover's and answers path probes
     * @param remoteChecksum whether it takes packets with the checksum inside unfinished; null to go by its answers to
     *     probes. Of no meaning in an encrypted overlay
     */
    public record Peer(
            InetAddress vtep,
            List<Cidr> subnets,
            @Nullable PeerKey key,
            boolean probed,
            @Nullable Boolean remoteChecksum) {
        public Peer {
            subnets = List.copyOf(subnets);
        }

        /** Checksums are left to it when it says in its answers to probes that it takes such. */
        public Peer(InetAddress vtep, List<Cidr> subnets, @Nullable PeerKey key, boolean probed) {
            this(vtep, subnets, key, probed, null);
        }

        /** Without a key and not probed. */
        public Peer(InetAddress vtep, List<Cidr> subnets) {
            this(vtep, subnets, null, false);
        }

        /** Not probed. */
        public Peer(InetAddress vtep, List<Cidr> subnets, @Nullable PeerKey key) {
            this(vtep, subnets, key, false);
        }
    }

    /**
     * A container of another host.
     *
     * @param address of the overlay, IPv4 or IPv6
     * @param revision of the fact; an entry is replaced by newer ones only
     */
    public record Neighbour(InetAddress address, Mac mac, InetAddress vtep, long revision) {
        /** @param address IPv4, host byte order */
        public Neighbour(int address, Mac mac, InetAddress vtep, long revision) {
            this(Cidr.toInet(address), mac, vtep, revision);
        }
    }
}
