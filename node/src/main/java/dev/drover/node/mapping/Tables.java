package dev.drover.node.mapping;

import dev.drover.controlplane.link.DesiredItem;
import dev.drover.controlplane.link.HostIdentity;
import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Mac;
import dev.drover.dns.DnsConfig;
import dev.drover.lb.Balance;
import dev.drover.lb.EntryConfig;
import dev.drover.lb.HealthCheckConfig;
import dev.drover.lb.LbConfig;
import dev.drover.lb.ListenerConfig;
import dev.drover.lb.PoolConfig;
import dev.drover.lb.Protocol;
import dev.drover.lb.RouteConfig;
import dev.drover.lb.TargetConfig;
import dev.drover.lb.TargetProtocol;
import dev.drover.lb.TlsConfig;
import dev.drover.node.state.CertificateFiles;
import dev.drover.overlay.Encryption;
import dev.drover.overlay.Mode;
import dev.drover.overlay.OverlayConfig;
import dev.drover.overlay.PeerKey;
import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The configurations of the three data-plane modules, and what could not be mapped.
 *
 * @param draining instance id to its targets on this node's listeners, for instances on their way out
 * @param problems desired key to what is wrong with the entry; such entries are left out
 */
public record Tables(
        OverlayConfig overlay,
        DnsConfig dns,
        LbConfig lb,
        Map<String, Set<InetSocketAddress>> draining,
        Map<String, String> problems) {

    /** Where containers find their resolver on every host. */
    public static final Inet4Address RESOLVER = Cidr.toInet(Cidr.parseAddress("169.254.169.250"));

    /** Where they find their metadata, at the same address. */
    public static final int METADATA_PORT = 80;

    private static final String GRPC = "grpc";

    private static final int DNS_PORT = 53;
    private static final int RECORD_TTL_SECONDS = 1;
    private static final InetAddress ANY = Cidr.toInet(0);

    /**
     * What stays the same while a node runs.
     *
     * @param vtep underlay address of this host
     * @param forward resolvers for names that are not ours
     * @param encryption key of this host where the overlay is encrypted, else null
     * @param certificates where the load balancer finds those that the control plane sent
     * @param accessLogs directory of the access logs that the control plane asks for
     */
    public record Host(
            HostIdentity identity,
            InetAddress vtep,
            Mode mode,
            List<InetSocketAddress> forward,
            @Nullable Encryption encryption,
            CertificateFiles certificates,
            Path accessLogs) {
        public Host {
            forward = List.copyOf(forward);
            if (identity.encrypted() != (encryption != null)) {
                throw new IllegalArgumentException("encryption: key of an overlay that has none, or none");
            }
        }

        /** Without encryption. */
        public Host(HostIdentity identity, InetAddress vtep, Mode mode, List<InetSocketAddress> forward) {
            this(identity, vtep, mode, forward, null);
        }

        /** Without directories of its own for certificates and logs. */
        public Host(
                HostIdentity identity,
                InetAddress vtep,
                Mode mode,
                List<InetSocketAddress> forward,
                @Nullable Encryption encryption) {
            this(
                    identity,
                    vtep,
                    mode,
                    forward,
                    encryption,
                    new CertificateFiles(Path.of("certificates")),
                    Path.of("access-logs"));
        }

        public Cidr block() {
            return Cidr.parse(identity.block());
        }
    }

    /**
     * Maps the desired state as it looks from this host.
     *
     * <p>About its own address block the node knows better than the control plane: an address of the block that no
     * wired container holds is left out of services and targets at once, and a container that runs has its name at once.
     *
     * @param local null while the host's containers are not known yet; then the desired state is taken as it is
     */
    public static Tables of(Host host, Map<String, DesiredItem> desired, @Nullable List<LocalContainer> local) {
        Map<String, String> problems = new TreeMap<>();
        Map<String, InetAddress> vteps = new HashMap<>();
        List<OverlayConfig.Peer> peers = new ArrayList<>();
        Set<PeerKey> keys = new HashSet<>();
        List<ListenerConfig> listeners = new ArrayList<>();
        Map<String, Set<InetSocketAddress>> draining = new HashMap<>();
        Predicate<InetAddress> alive = alive(host.block(), local);

        Map<String, DesiredItem> ordered = new TreeMap<>(desired);
        ordered.forEach((key, item) -> attempt(key, problems, () -> {
            if (item instanceof DesiredItem.Peer peer
                    && !peer.hostId().equals(host.identity().hostId())) {
                OverlayConfig.Peer mapped = peer(peer, host, keys);
                vteps.put(peer.hostId(), mapped.vtep());
                peers.add(mapped);
            }
        }));
        List<OverlayConfig.Neighbour> neighbours = new ArrayList<>();
        ordered.forEach((key, item) -> attempt(key, problems, () -> {
            switch (item) {
                case DesiredItem.Neighbour neighbour -> {
                    InetAddress vtep = vteps.get(neighbour.hostId());
                    if (vtep != null) {
                        neighbours.add(neighbour(neighbour, vtep));
                    }
                }
                case DesiredItem.Listener listener ->
                    listeners.add(listener(key, listener, alive, draining)
                            .withEntry(entry(listener, desired, host))
                            .withLimits(Served.limits(listener))
                            .withObservation(Served.observation(listener, host.accessLogs())));
                default -> {}
            }
        }));
        return new Tables(
                new OverlayConfig(
                        host.identity().vni(),
                        host.vtep(),
                        host.identity().port(),
                        bridge(host.identity().vni()),
                        host.mode(),
                        new OverlayConfig.Local(Cidr.parse(host.identity().subnet()), host.block()),
                        peers,
                        neighbours,
                        host.encryption()),
                new DnsConfig(
                        List.of(new InetSocketAddress(RESOLVER, DNS_PORT)),
                        host.identity().zone(),
                        NameTables.of(
                                host.identity().zone(),
                                Cidr.parse(host.identity().subnet()),
                                ordered.values(),
                                local,
                                alive,
                                problems),
                        host.forward(),
                        RECORD_TTL_SECONDS),
                new LbConfig(listeners),
                draining,
                problems);
    }

    /** Name of the bridge of an overlay network. */
    public static String bridge(int vni) {
        return "drv" + vni;
    }

    private static Predicate<InetAddress> alive(Cidr block, @Nullable List<LocalContainer> local) {
        if (local == null) {
            return address -> true;
        }
        Set<InetAddress> running = new LinkedHashSet<>();
        running.add(Cidr.toInet(block.address(1)));
        local.stream().filter(LocalContainer::wired).forEach(container -> running.add(container.address()));
        return address ->
                !(address instanceof Inet4Address v4) || !block.contains(Cidr.toInt(v4)) || running.contains(v4);
    }

    /** In an encrypted overlay a peer without a key of its own is left out: nothing is sent to it or taken from it. */
    private static OverlayConfig.Peer peer(DesiredItem.Peer peer, Host host, Set<PeerKey> taken) {
        Encryption own = host.encryption();
        InetAddress vtep = OverlayConfig.parseVtep(peer.vtep());
        if (!OverlayConfig.sameFamily(vtep, host.vtep())) {
            throw new IllegalArgumentException("vtep: " + peer.vtep() + " (expected: the IP version of this host's, "
                    + NetUtil.toAddressString(host.vtep()) + ")");
        }
        List<Cidr> subnets = List.of(Cidr.parse(peer.block()));
        if (own == null) {
            return new OverlayConfig.Peer(vtep, subnets, null, true);
        }
        if (peer.publicKey() == null) {
            throw new IllegalArgumentException("public-key: missing (expected: one, the overlay is encrypted)");
        }
        PeerKey key = PeerKey.parse(peer.publicKey());
        if (key.equals(own.publicKey()) || !taken.add(key)) {
            throw new IllegalArgumentException(
                    "public-key: " + key + " is another host's (expected: a key of its own for each host)");
        }
        return new OverlayConfig.Peer(vtep, subnets, key, true);
    }

    private static OverlayConfig.Neighbour neighbour(DesiredItem.Neighbour neighbour, InetAddress vtep) {
        return new OverlayConfig.Neighbour(
                Cidr.parseAddress(neighbour.address()), Mac.parse(neighbour.mac()), vtep, neighbour.revision());
    }

    private static ListenerConfig listener(
            String key,
            DesiredItem.Listener listener,
            Predicate<InetAddress> alive,
            Map<String, Set<InetSocketAddress>> draining) {
        if (listener.port() < 1 || listener.port() > 65535) {
            throw new IllegalArgumentException("port: " + listener.port() + " (expected: 1 to 65535)");
        }
        Balance balance = balance(listener.balance());
        List<RouteConfig> routes = new ArrayList<>();
        if (listener.routes() == null || listener.routes().isEmpty()) {
            routes.add(
                    RouteConfig.everything(pool(key, listener, balance, targets(listener.targets(), alive, draining))));
        } else {
            for (DesiredItem.Route route : listener.routes()) {
                routes.add(route(key, listener, route, balance, targets(route.targets(), alive, draining)));
            }
        }
        return new ListenerConfig(
                key, new InetSocketAddress(ANY, listener.port()), protocol(listener.protocol()), routes);
    }

    private static EntryConfig entry(DesiredItem.Listener listener, Map<String, DesiredItem> desired, Host host) {
        DesiredItem.Tls tls = listener.tls();
        if (tls == null) {
            return EntryConfig.PLAIN.withH2c(listener.protocol().equals(GRPC));
        }
        List<TlsConfig.Certificate> certificates = new ArrayList<>();
        for (String name : tls.certificates()) {
            if (!(desired.get("certificate/" + name) instanceof DesiredItem.Certificate certificate)) {
                throw new IllegalArgumentException(
                        "certs: " + name + " is missing (expected: a certificate of the" + " environment)");
            }
            certificates.add(host.certificates().of(certificate));
        }
        return EntryConfig.tls(new TlsConfig(certificates, null, TlsConfig.Version.TLS_1_2, null, tls.strict()));
    }

    private static PoolConfig checked(PoolConfig pool, DesiredItem.@Nullable HealthCheck check) {
        if (check == null) {
            return pool;
        }
        return pool.withHealth(
                new HealthCheckConfig(
                        check.path() == null ? HealthCheckConfig.Type.TCP : HealthCheckConfig.Type.HTTP,
                        check.port(),
                        check.path() == null ? "/" : check.path(),
                        null,
                        Duration.ofMillis(check.intervalMs()),
                        Duration.ofMillis(check.timeoutMs()),
                        check.rise(),
                        check.fall(),
                        200,
                        399,
                        0),
                true);
    }

    private static PoolConfig pool(
            String name, DesiredItem.Listener listener, Balance balance, List<TargetConfig> targets) {
        PoolConfig pool = PoolConfig.of(name, balance, targets);
        return listener.protocol().equals(GRPC) ? pool.withTargetProtocol(TargetProtocol.HTTP_2) : pool;
    }

    /** The pool has the name of the route's conditions, so that a change of other routes leaves it as it is. */
    private static RouteConfig route(
            String key,
            DesiredItem.Listener listener,
            DesiredItem.Route route,
            Balance balance,
            List<TargetConfig> targets) {
        RouteConfig conditions = new RouteConfig(
                route.hostname() == null ? "" : route.hostname(),
                route.path() == null ? "" : route.path(),
                List.of(),
                Map.of(),
                route.priority(),
                PoolConfig.of(key, balance, targets));
        String name = key + " " + conditions.conditions() + (route.priority() == null ? "" : " " + route.priority());
        PoolConfig pool =
                checked(pool(name, listener, balance, targets), route.health()).withTargetTls(Served.targetTls(route));
        return new RouteConfig(
                conditions.host(),
                conditions.path(),
                List.of(),
                Map.of(),
                route.priority(),
                pool.withSticky(Served.sticky(route)));
    }

    private static List<TargetConfig> targets(
            List<DesiredItem.Target> desired,
            Predicate<InetAddress> alive,
            Map<String, Set<InetSocketAddress>> draining) {
        List<TargetConfig> targets = new ArrayList<>();
        for (DesiredItem.Target target : desired) {
            InetSocketAddress address = socketAddress(target.address());
            if (target.draining()) {
                draining.computeIfAbsent(target.instanceId(), id -> new LinkedHashSet<>())
                        .add(address);
            }
            if (alive.test(address.getAddress())) {
                targets.add(new TargetConfig(
                        address,
                        target.draining(),
                        target.weight() == null ? 1 : target.weight(),
                        0,
                        target.instanceId()));
            }
        }
        return targets;
    }

    private static Protocol protocol(String text) {
        return switch (text) {
            case "http", GRPC -> Protocol.HTTP;
            case "tcp" -> Protocol.TCP;
            case "sni" -> Protocol.TLS;
            case "udp" -> Protocol.UDP;
            default ->
                throw new IllegalArgumentException("protocol: " + text + " (expected: http, grpc, tcp, sni or udp)");
        };
    }

    private static Balance balance(String text) {
        for (Balance balance : Balance.values()) {
            if (text.equals(balance.name().toLowerCase(Locale.ROOT).replace('_', '-'))) {
                return balance;
            }
        }
        throw new IllegalArgumentException("balance: " + text
                + " (expected: round-robin, least-connections, power-of-two, source-hash or maglev)");
    }

    /** Parses {@code a.b.c.d:port} or {@code [v6]:port}; never resolves a name. */
    public static InetSocketAddress socketAddress(String text) {
        int colon = text.lastIndexOf(':');
        if (colon > 0) {
            String host = text.substring(0, colon);
            boolean bracketed = host.startsWith("[") && host.endsWith("]");
            try {
                int port = Integer.parseInt(text.substring(colon + 1));
                if (port >= 0 && port <= 65535 && (bracketed || host.indexOf(':') < 0)) {
                    return new InetSocketAddress(
                            InetAddress.ofLiteral(bracketed ? host.substring(1, host.length() - 1) : host), port);
                }
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("address: " + text + " (expected: IP address:port)", e);
            }
        }
        throw new IllegalArgumentException("address: " + text + " (expected: IP address:port)");
    }

    private static void attempt(String key, Map<String, String> problems, Runnable mapping) {
        try {
            mapping.run();
        } catch (IllegalArgumentException e) {
            problems.put(key, String.valueOf(e.getMessage()));
        }
    }
}
