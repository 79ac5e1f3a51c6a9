package dev.drover.node;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Mac;
import dev.drover.dataplane.Sockets;
import dev.drover.dataplane.Transport;
import dev.drover.dns.DnsConfig;
import dev.drover.dns.DnsServer;
import dev.drover.lb.LbConfig;
import dev.drover.lb.LbConfigException;
import dev.drover.lb.ListenerStatus;
import dev.drover.lb.LoadBalancer;
import dev.drover.node.admin.AdminServer;
import dev.drover.node.attach.Wiring;
import dev.drover.node.mapping.Tables;
import dev.drover.node.metadata.MetadataServer;
import dev.drover.node.metadata.MetadataSource;
import dev.drover.overlay.AttachRequest;
import dev.drover.overlay.ContainerNetwork;
import dev.drover.overlay.Flow;
import dev.drover.overlay.HostNetworkSpec;
import dev.drover.overlay.NetworkPolicy;
import dev.drover.overlay.Overlay;
import dev.drover.overlay.OverlayConfig;
import dev.drover.overlay.PacketCapture;
import dev.drover.overlay.PolicyEnforcer;
import dev.drover.overlay.ResolvConf;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The three modules on one set of event loops. The overlay is started by the first configuration that has one and stays
 * until the end; likewise DNS.
 */
final class LiveDataPlane implements DataPlane {
    private static final Logger LOG = LoggerFactory.getLogger(LiveDataPlane.class);
    private static final int DOCKER_SHORT_ID = 12;

    private static final long DRAIN_LOOK_MS = 50;

    private final Lanes lanes;
    private final LoadBalancer loadBalancer;
    private final DnsServer dnsServer;
    private final MetadataServer metadataServer;
    private final PolicyEnforcer policies = new PolicyEnforcer();
    private final Wires wires = new Wires();
    private volatile @Nullable Overlay overlay;
    private final HostUpkeep upkeep = new HostUpkeep();
    private volatile @Nullable DnsConfig dnsApplied;

    private volatile BooleanSupplier besideAnother = () -> false;
    private volatile PrometheusRegistry metrics = new PrometheusRegistry();

    private LiveDataPlane(Lanes lanes) {
        this.lanes = lanes;
        loadBalancer = new LoadBalancer(lanes);
        dnsServer = new DnsServer(lanes);
        metadataServer =
                new MetadataServer(lanes.sockets(), new InetSocketAddress(Tables.RESOLVER, Tables.METADATA_PORT));
    }

    /** Exposes the metrics of the three modules in {@code registry}, instead of where they were exposed before. */
    void registerMetrics(PrometheusRegistry registry) {
        metrics = registry;
        loadBalancer.registerMetrics(metrics);
        dnsServer.registerMetrics(metrics);
        metadataServer.registerMetrics(metrics);
        CounterWithCallback.builder()
                .name("drover_container_spoofed_frames")
                .help("frames that containers sent from an address or MAC that is not theirs, dropped")
                .callback(sink -> sink.call((double) wires.spoofedFrames()))
                .register(metrics);
        CounterWithCallback.builder()
                .name("drover_policy_dropped_packets")
                .help("packets to containers that the network policy denied")
                .callback(sink -> sink.call((double) policies.drops()))
                .register(metrics);
        Overlay running = overlay;
        if (running != null) {
            running.registerMetrics(metrics);
        }
    }

    /** Starts one event loop a processor; nothing is served until the first {@link #apply}. */
    static LiveDataPlane open(Transport transport) {
        return new LiveDataPlane(Lanes.open(transport, Runtime.getRuntime().availableProcessors()));
    }

    /** The sockets of listeners and resolver. */
    Sockets sockets() {
        return lanes.sockets();
    }

    /**
     * As long as {@code alive}, a former process of this node may have requests at any target, so that none is drained
     * before it has ended.
     */
    void beside(BooleanSupplier alive) {
        besideAnother = alive;
    }

    /** Gives tunnel and host rules up to another process; listeners and resolver go on. {@link #apply} begins again. */
    void park() {
        upkeep.pause();
        policies.pause();
        wires.forgetAttached();
        Overlay running = overlay;
        if (running != null) {
            overlay = null;
            running.close();
        }
    }

    /** Accepts nothing more; returns when all requests and queries have ended, or were given all the time there is. */
    void drain() {
        dnsServer.drain();
        metadataServer.drain();
        loadBalancer.apply(LbConfig.EMPTY);
        try {
            while (loadBalancer.status().stream().anyMatch(listener -> listener.connections() > 0)) {
                Thread.sleep(DRAIN_LOOK_MS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public Map<String, String> apply(
            @Nullable OverlayConfig overlayConfig,
            @Nullable NetworkPolicy policy,
            @Nullable DnsConfig dns,
            LbConfig lb) {
        Map<String, String> problems = new TreeMap<>();
        if (overlayConfig != null) {
            attempt("overlay", problems, () -> applyOverlay(overlayConfig));
        } else if (overlay != null) {
            problems.put("overlay", "missing (expected: to stay, a running overlay ends with the node)");
        }
        if (dns != null) {
            attempt("dns", problems, () -> {
                dnsServer.apply(dns);
                dnsApplied = dns;
            });
        } else if (dnsApplied != null) {
            problems.put("dns", "missing (expected: to stay, a running DNS server ends with the node)");
        }
        if (overlayConfig != null) {
            attempt("policy", problems, () -> applyPolicy(policy));
        }
        try {
            for (ListenerStatus listener : loadBalancer.apply(lb).listeners()) {
                String problem = listener.problem();
                if (problem != null) {
                    problems.put(listener.name(), problem);
                }
            }
        } catch (LbConfigException e) {
            problems.put("lb", String.valueOf(e.getMessage()));
        }
        return problems;
    }

    @Override
    public @Nullable String tell(MetadataSource source) {
        metadataServer.publish(source);
        try {
            metadataServer.listen();
            return null;
        } catch (UncheckedIOException e) {
            return e.getMessage();
        }
    }

    private static void attempt(String part, Map<String, String> problems, Runnable apply) {
        try {
            apply.run();
        } catch (RuntimeException e) {
            LOG.debug("apply failed part={}", part, e);
            problems.put(
                    part,
                    e instanceof UncheckedIOException || e.getMessage() != null
                            ? String.valueOf(e.getMessage())
                            : e.toString());
        }
    }

    private void applyOverlay(OverlayConfig config) {
        Overlay running = overlay;
        if (running == null) {
            running = Overlay.start(lanes, config);
            running.registerMetrics(metrics);
            overlay = running;
        } else {
            running.apply(config);
        }
        Overlay started = running;
        OverlayConfig.Local local = config.local();
        if (local != null) {
            upkeep.keep(() -> new HostNetworkSpec(
                    config.bridge(),
                    local.subnet(),
                    local.block().address(1),
                    Cidr.toInt(Tables.RESOLVER),
                    started.mtu(),
                    config.encryption() != null));
        }
    }

    private void applyPolicy(@Nullable NetworkPolicy policy) {
        Overlay running = overlay;
        if (running != null) {
            policies.apply(policy, running.config().bridge(), running.status().tap());
        }
    }

    @Override
    public long inFlight(InetSocketAddress target) {
        return loadBalancer.inFlight(target) + (besideAnother.getAsBoolean() ? 1 : 0);
    }

    @Override
    public List<Flow> flows() {
        return seen().flows();
    }

    @Override
    public Wiring wiring() {
        return wires;
    }

    /** Path of the admin endpoint to what it shows. */
    Map<String, Supplier<Object>> tables() {
        Map<String, Supplier<Object>> tables = new TreeMap<>(Map.of(
                "/overlay",
                this::overlayTable,
                "/overlay/peers",
                () -> seen().peers(),
                "/overlay/fdb",
                () -> seen().fdb(),
                "/overlay/drops",
                () -> seen().drops(),
                "/overlay/flows",
                () -> seen().flows(),
                "/dns",
                this::dnsTable));
        tables.putAll(new LbSight(loadBalancer).tables());
        return tables;
    }

    /** Path of the admin endpoint to what it answers. */
    Map<String, AdminServer.Question> questions() {
        Map<String, AdminServer.Question> questions = new TreeMap<>(Map.of(
                "/overlay/trace",
                query -> seen().trace(query),
                "/dns/lookup",
                query -> new DnsSight(dnsServer, dnsApplied).lookup(query)));
        questions.putAll(new LbSight(loadBalancer).questions());
        return questions;
    }

    /** @throws IllegalStateException without an overlay, or while there is another capture */
    PacketCapture capture(PacketCapture.Request request) {
        Overlay running = overlay;
        if (running == null) {
            throw new IllegalStateException("overlay: none on this node (expected: a node with an overlay)");
        }
        return running.capture(request);
    }

    private OverlaySight seen() {
        return new OverlaySight(overlay, wires.attached, wires.spoofedFrames(), policies);
    }

    private Object overlayTable() {
        Overlay running = overlay;
        return running == null ? Map.of() : Map.of("status", running.status(), "config", running.config());
    }

    private Object dnsTable() {
        DnsConfig applied = dnsApplied;
        return applied == null ? Map.of() : Map.of("status", dnsServer.status(), "config", applied);
    }

    /** Ends listeners, resolver and tunnel; bridge and containers stay as they are. */
    @Override
    public void close() {
        upkeep.close();
        loadBalancer.close();
        dnsServer.close();
        metadataServer.close();
        wires.close();
        policies.close();
        Overlay running = overlay;
        if (running != null) {
            running.close();
        }
        lanes.close();
    }

    private final class Wires implements Wiring {
        private final ContainerNetwork network = ContainerNetwork.open(policies::hold);
        /** By key, for those who look inside. */
        private final Map<String, OverlaySight.Attached> attached = new ConcurrentHashMap<>();

        @Override
        public void attach(String containerId, int pid, int address, Mac mac) {
            Overlay running = overlay;
            OverlayConfig.Local local =
                    running == null ? null : running.config().local();
            if (running == null || local == null) {
                throw new IllegalStateException("overlay: not running (expected: an overlay with an address block)");
            }
            network.attach(new AttachRequest(
                    key(containerId),
                    "/proc/" + pid + "/ns/net",
                    local.subnet(),
                    address,
                    mac,
                    local.block().address(1),
                    Cidr.toInt(Tables.RESOLVER),
                    running.config().bridge(),
                    running.mtu(),
                    running.config().encryption() != null));
            String port = ContainerNetwork.interfaceName(key(containerId));
            attached.put(key(containerId), new OverlaySight.Attached(address, mac, port));
        }

        @Override
        public boolean inPlace(String containerId) {
            Overlay running = overlay;
            return running == null
                    || network.inPlace(key(containerId), running.config().bridge(), running.mtu());
        }

        @Override
        public int mtu() {
            Overlay running = overlay;
            return running == null ? 0 : running.mtu();
        }

        @Override
        public void detach(String containerId) {
            network.detach(key(containerId));
            attached.remove(key(containerId));
        }

        @Override
        public void resolver(Path resolvConf, List<String> search) {
            try {
                ResolvConf.rewriteInPlace(resolvConf, Tables.RESOLVER, search);
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
        }

        private static String key(String containerId) {
            return containerId.substring(0, DOCKER_SHORT_ID);
        }

        void forgetAttached() {
            attached.clear();
        }

        long spoofedFrames() {
            return network.spoofedFrames();
        }

        void close() {
            network.close();
        }
    }
}
