package dev.drover.overlay;

import dev.drover.dataplane.Cidr;
import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Snapshot;
import dev.drover.overlay.path.Drop;
import dev.drover.overlay.path.Forwarding;
import dev.drover.overlay.path.PeerPath;
import dev.drover.overlay.path.Session;
import dev.drover.overlay.path.Traffic;
import io.netty.util.NetUtil;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.net.InetAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A VXLAN tunnel endpoint (RFC 7348) between a Linux bridge and the underlay, on the lanes it is given.
 *
 * <p>Lives in the network namespace of the thread that starts it, whoever calls it later. All methods are thread-safe.
 * Changes run one after another on one control thread, which also tables what the lanes learn and repairs device and
 * bridge when somebody else changed them.
 */
public final class Overlay implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Overlay.class);
    private static final long LEARN_DELAY_MS = 2;
    private static final long REPAIR_PERIOD_MS = 2_000;
    private static final int TICKS_PER_RETRY = 4;
    private static final long HANDSHAKE_DELAY_MS = 1;
    private static final long PROBE_DELAY_MS = 1;
    private static final long ALARM_PERIOD_NS = TimeUnit.SECONDS.toNanos(60);

    private final ScheduledThreadPoolExecutor control;
    private final AtomicBoolean learnScheduled = new AtomicBoolean();
    private final AtomicBoolean repairScheduled = new AtomicBoolean();
    private final CounterSet<Drop> drops;
    private final CounterSet<Traffic> traffic;
    private final Tables tables;
    private final Snapshot<Forwarding> forwarding = new Snapshot<>(new Forwarding.Builder().build());
    private final Endpoint.Shared shared;
    private final KeyExchange.Timing timing;
    private final AtomicBoolean handshakeScheduled = new AtomicBoolean();
    private final AtomicBoolean probeScheduled = new AtomicBoolean();
    private final PathProbes probes;
    private static final long FLOW_PERIOD_MS = 100;

    private final Lookout lookout;
    /** Control thread only. */
    private volatile @Nullable KeyExchange keys;

    private @Nullable Encryption keysOwn;
    private @Nullable ScheduledFuture<?> ticks;
    /** Sessions that lanes may still be using. */
    private final Set<Session> retired = ConcurrentHashMap.newKeySet();

    private final GrowthAlarm superFramesRefused = new GrowthAlarm(ALARM_PERIOD_NS);
    private final GrowthAlarm segmentationRefused = new GrowthAlarm(ALARM_PERIOD_NS);
    private volatile OverlayConfig config;
    private volatile Endpoint endpoint;
    /** Control thread only. */
    private boolean stopped;
    /** Why the last repair failed, told once; null when it did not. Control thread only. */
    private @Nullable String trouble;

    private Overlay(Lanes lanes, OverlayConfig config, KeyExchange.Timing timing, PathProbes.Timing probeTiming) {
        // the row behind those of the lanes belongs to the control thread
        drops = new CounterSet<>(Drop.class, lanes.count() + 1);
        traffic = new CounterSet<>(Traffic.class, lanes.count() + 1);
        this.timing = timing;
        tables = new Tables(lanes.count());
        lookout = new Lookout(lanes.count());
        shared = new Endpoint.Shared(
                lanes,
                forwarding,
                drops,
                traffic,
                lookout.observers(),
                this::onLearned,
                this::onTapLost,
                this::onHandshake,
                this::onProbe);
        probes = new PathProbes(probeTiming, new ProbeWire(() -> endpoint), System::nanoTime, traffic, lanes.count());
        forwarding.publish(tables.build(config));
        this.config = config;
        // the control thread is made here and now: a thread inherits the network namespace of its maker
        control = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().daemon().name("overlay-" + config.vni()).factory());
        control.setRemoveOnCancelPolicy(true);
        control.prestartAllCoreThreads();
        try {
            // on the control thread, as every later change: what the first frames teach waits behind it
            endpoint = call(() -> {
                lookout.sample(config.flowSampling());
                Endpoint opened = Endpoint.open(config, shared);
                opened.judge(tables.peers(), probes);
                endpoint = opened;
                probes.peers(tables.probed());
                exchangeKeys(config);
                return opened;
            });
        } catch (RuntimeException e) {
            control.shutdownNow();
            throw e;
        }
    }

    /**
     * Starts forwarding; the calling thread's network namespace becomes the overlay's.
     *
     * @throws IllegalArgumentException the VTEP's address is not of this host
     * @throws IllegalStateException a port is taken, the kernel has no TUN, or the bridge's name belongs to something
     *     else
     * @throws dev.drover.dataplane.SysException any other refusal of the kernel
     */
    public static Overlay start(Lanes lanes, OverlayConfig config) {
        return start(lanes, config, KeyExchange.Timing.STANDARD, PathProbes.Timing.STANDARD);
    }

    static Overlay start(Lanes lanes, OverlayConfig config, KeyExchange.Timing timing, PathProbes.Timing probeTiming) {
        Overlay overlay = new Overlay(lanes, config, timing, probeTiming);
        overlay.logStart(null);
        Rehearsal.begin(overlay.endpoint.choice().mode(), config.encryption() != null);
        overlay.control.scheduleWithFixedDelay(
                overlay::repair, REPAIR_PERIOD_MS, REPAIR_PERIOD_MS, TimeUnit.MILLISECONDS);
        overlay.control.scheduleWithFixedDelay(
                overlay::probe, probeTiming.roundNs(), probeTiming.roundNs(), TimeUnit.NANOSECONDS);
        overlay.control.scheduleWithFixedDelay(
                overlay.lookout::drain, FLOW_PERIOD_MS, FLOW_PERIOD_MS, TimeUnit.MILLISECONDS);
        return overlay;
    }

    /**
     * Makes {@code next} the configuration. New peers, subnets and neighbours take effect between two packets; another
     * VNI, VTEP, port, bridge, mode or block restarts device and sockets, and when that fails the old ones are started
     * again. Returns whether anything changed.
     *
     * @throws RuntimeException as {@link #start}
     */
    public boolean apply(OverlayConfig next) {
        return call(() -> {
            if (next.equals(config)) {
                return false;
            }
            if (!next.samePath(config)) {
                restart(next);
            }
            Forwarding built = tables.build(next);
            endpoint.judge(tables.peers(), probes);
            probes.peers(tables.probed());
            forwarding.publish(built);
            exchangeKeys(next);
            lookout.sample(next.flowSampling());
            config = next;
            return true;
        });
    }

    /** Tells the key exchange who the peers are, or begins one with another own key or network. */
    private void exchangeKeys(OverlayConfig next) {
        Encryption own = next.encryption();
        KeyExchange exchange = keys;
        if (exchange != null && (own == null || !own.equals(keysOwn) || next.vni() != config.vni())) {
            endKeys(exchange);
            keys = null;
            exchange = null;
        }
        keysOwn = own;
        if (own != null) {
            if (exchange == null) {
                int lanes = shared.lanes().count();
                KeyExchange.Surroundings surroundings = new KeyExchange.Surroundings(
                        (peer, message) -> endpoint.sendHandshake(peer, message),
                        this::retire,
                        System::nanoTime,
                        Overlay::wallNs);
                exchange = new KeyExchange(
                        own, next.vni(), lanes, Endpoint.streams(lanes), timing, surroundings, drops, traffic);
                keys = exchange;
                long tickNs = timing.retryNs() / TICKS_PER_RETRY;
                ticks = control.scheduleWithFixedDelay(this::tick, tickNs, tickNs, TimeUnit.NANOSECONDS);
            }
            exchange.peers(tables.keys());
            later(this::tick, 0); // who starts or changes the overlay does not wait for handshakes
        }
    }

    private static long wallNs() {
        Instant now = Instant.now();
        return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
    }

    /** Closes a session after every lane has begun anew: none has an address of its keys in hand then. */
    private void retire(Session session) {
        retired.add(session);
        if (stopped) {
            finish(session);
            return;
        }
        AtomicInteger left = new AtomicInteger(shared.lanes().count());
        for (int lane = 0; lane < shared.lanes().count(); lane++) {
            try {
                shared.lanes().lane(lane).execute(() -> passed(session, left));
            } catch (RejectedExecutionException e) {
                LOG.debug("lanes are closed", e);
                passed(session, left);
            }
        }
    }

    private void passed(Session session, AtomicInteger left) {
        if (left.decrementAndGet() == 0) {
            later(() -> finish(session), 0);
        }
    }

    private void finish(Session session) {
        if (retired.remove(session)) {
            session.close();
        }
    }

    /** On a lane: a handshake message came, or a peer needs a session. */
    private void onHandshake() {
        if (handshakeScheduled.compareAndSet(false, true)) {
            later(this::shakeHands, HANDSHAKE_DELAY_MS);
        }
    }

    private void endKeys(KeyExchange exchange) {
        if (ticks != null) {
            ticks.cancel(false);
        }
        exchange.close();
    }

    private void shakeHands() {
        handshakeScheduled.set(false);
        exchange(exchange -> {
            // first what was used, since a message may replace it
            exchange.onSignal();
            endpoint.drainHandshakes(exchange::onMessage);
        });
    }

    /** On a lane: a probe came, or an answer. */
    private void onProbe() {
        if (probeScheduled.compareAndSet(false, true)) {
            later(this::takeProbes, PROBE_DELAY_MS);
        }
    }

    private void takeProbes() {
        probeScheduled.set(false);
        if (!stopped) {
            endpoint.drainProbes((from, answer, nonce, bytes, remoteChecksum) -> {
                if (answer) {
                    probes.onAnswer(from, nonce, bytes, remoteChecksum);
                } else {
                    probes.onProbe(from, nonce, bytes);
                }
            });
        }
    }

    private void probe() {
        try {
            if (!stopped && !endpoint.closed()) {
                probes.onRound();
            }
        } catch (RuntimeException e) {
            LOG.warn("overlay path probes failed vni={}", config.vni(), e);
        }
    }

    private void tick() {
        exchange(KeyExchange::onTick);
    }

    private void exchange(Consumer<KeyExchange> task) {
        KeyExchange exchange = keys;
        if (!stopped && exchange != null) {
            try {
                task.accept(exchange);
            } catch (RuntimeException e) {
                LOG.warn("overlay key exchange failed vni={}", config.vni(), e);
            }
        }
    }

    private void restart(OverlayConfig next) {
        Mode before = next.mode() == config.mode() ? endpoint.choice().mode() : null;
        endpoint.close();
        try {
            endpoint = Endpoint.open(next, shared);
            logStart(before);
        } catch (RuntimeException e) {
            if (!next.equals(config)) {
                endpoint = Endpoint.open(config, shared);
            }
            throw e;
        }
    }

    private <T> T call(Callable<T> task) {
        try {
            return control.submit(task).get();
        } catch (RejectedExecutionException e) {
            throw new IllegalStateException("overlay: closed (expected: one that forwards)", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                cause.addSuppressed(new IllegalStateException("called from here"));
                throw cause;
            }
            throw new IllegalStateException("overlay: change failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("overlay: interrupted while waiting for a change", e);
        }
    }

    /** On a lane: something new was seen. */
    private void onLearned() {
        if (learnScheduled.compareAndSet(false, true)) {
            later(this::learn, LEARN_DELAY_MS);
        }
    }

    /** On a lane: the TAP cannot be read. */
    private void onTapLost() {
        if (repairScheduled.compareAndSet(false, true)) {
            later(this::repair, 0);
        }
    }

    private void later(Runnable task, long delayMs) {
        try {
            control.schedule(task, delayMs, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("overlay is closing", e);
        }
    }

    private void learn() {
        learnScheduled.set(false);
        if (stopped) {
            return;
        }
        boolean[] news = new boolean[1];
        endpoint.drain((mac, peer, address) -> news[0] |= tables.learn(mac, peer.vtep(), address));
        if (news[0]) {
            forwarding.publish(tables.build(config));
        }
    }

    private void repair() {
        repairScheduled.set(false);
        try {
            if (stopped) {
                return;
            }
            if (!endpoint.repair()) {
                if (trouble == null) {
                    LOG.warn("overlay restarts vni={} reason=\"device gone, or underlay changed\"", config.vni());
                }
                restart(config);
            }
            endpoint.judge(tables.peers(), probes);
            observe(System.nanoTime());
            trouble = null;
        } catch (RuntimeException e) {
            String reason = e.toString();
            if (!reason.equals(trouble)) {
                LOG.warn("overlay repair failed vni={} retry_ms={}", config.vni(), REPAIR_PERIOD_MS, e);
            }
            trouble = reason;
        }
    }

    /** What the lanes have no time to tell. */
    private void observe(long nowNs) {
        tables.peers().forEach(peer -> peer.notice(nowNs));
        long refused = superFramesRefused.grown(traffic.sum(Traffic.SUPER_FRAMES_REFUSED), nowNs);
        if (refused > 0) {
            LOG.warn(
                    "super-frames refused by the kernel and cut here instead vni={} count={} tunnel={} underlay={}",
                    config.vni(),
                    refused,
                    endpoint.tunnelName(),
                    endpoint.underlay().name());
        }
        long unsegmented = segmentationRefused.grown(traffic.sum(Traffic.SEGMENTATION_REFUSED), nowNs);
        if (unsegmented > 0) {
            LOG.warn(
                    "segmentation refused by the kernel, sockets go on without vni={} count={} underlay={}",
                    config.vni(),
                    unsegmented,
                    endpoint.underlay().name());
        }
    }

    private void logStart(@Nullable Mode before) {
        LOG.info(
                "overlay up vni={} vtep={} port={} underlay={} tap={} bridge={} mtu={} mode={} reason=\"{}\" lanes={}",
                endpoint.config().vni(),
                NetUtil.toAddressString(endpoint.config().vtep()),
                endpoint.config().port(),
                endpoint.underlay().name(),
                endpoint.tapName(),
                endpoint.config().bridge(),
                endpoint.mtu(),
                endpoint.choice().mode(),
                endpoint.choice().reason(),
                shared.lanes().count());
        String complaint = ModeWatch.complaint(
                endpoint.config().mode(), endpoint.choice().mode(), before, System.getProperty("os.version", ""));
        if (complaint != null) {
            LOG.warn(
                    "overlay mode is less than it could be vni={} mode={} expected=\"{}\" reason=\"{}\"",
                    endpoint.config().vni(),
                    endpoint.choice().mode(),
                    complaint,
                    endpoint.choice().reason());
        }
    }

    /** Largest IP packet inside the overlay, bytes: the MTU for the interfaces of containers. */
    public int mtu() {
        return endpoint.mtu();
    }

    /** The configuration in force. */
    public OverlayConfig config() {
        return config;
    }

    /** A picture of now; counters go on while it is taken. */
    public OverlayStatus status() {
        Endpoint now = endpoint;
        Map<Traffic, Long> did = new EnumMap<>(Traffic.class);
        Map<Drop, Long> dropped = new EnumMap<>(Drop.class);
        for (Traffic key : Traffic.values()) {
            did.put(key, traffic.sum(key));
        }
        for (Drop key : Drop.values()) {
            dropped.put(key, drops.sum(key));
        }
        long nowNs = System.nanoTime();
        Map<InetAddress, List<Cidr>> subnets = new HashMap<>();
        config.peers().forEach(peer -> subnets.put(peer.vtep(), peer.subnets()));
        List<OverlayStatus.PeerStatus> peers = tables.peers().stream()
                .sorted(Comparator.comparing(peer -> peer.vtep().getAddress(), Arrays::compareUnsigned))
                .map(peer -> peer(now, peer, subnets.getOrDefault(peer.vtep(), List.of()), nowNs))
                .toList();
        return new OverlayStatus(
                now.config().vni(),
                now.config().vtep(),
                now.tapName(),
                now.config().bridge(),
                now.underlay().name(),
                now.choice().mode(),
                now.choice().reason(),
                now.mtu(),
                peers,
                Map.copyOf(did),
                Map.copyOf(dropped));
    }

    private @Nullable SessionStatus session(PeerPath peer) {
        KeyExchange exchange = keys;
        return exchange == null ? null : exchange.status(peer);
    }

    private OverlayStatus.PeerStatus peer(Endpoint now, PeerPath peer, List<Cidr> subnets, long nowNs) {
        peer.notice(nowNs);
        String obstacle = now.superFrameObstacle(peer);
        OptionalLong silentNs = peer.silentNs(nowNs);
        return new OverlayStatus.PeerStatus(
                peer.vtep(),
                peer.floods(),
                subnets,
                obstacle == null,
                obstacle,
                peer.remoteChecksum() && config.encryption() == null,
                peer.txPackets(),
                peer.txBytes(),
                peer.rxPackets(),
                peer.rxBytes(),
                silentNs.isEmpty() ? null : TimeUnit.NANOSECONDS.toMillis(silentNs.getAsLong()),
                probes.view(peer)
                        .map(view -> new OverlayStatus.Path(view.answers(), Math.min(view.mtu(), now.mtu())))
                        .orElse(null),
                session(peer));
    }

    /** MACs behind peers, and those behind the bridge's ports on this host. Asks the kernel; takes milliseconds. */
    public List<FdbEntry> fdb() {
        return call(() -> {
            List<FdbEntry> entries = new ArrayList<>(tables.entries(config));
            if (stopped || endpoint.closed()) {
                return entries;
            }
            BridgeView bridge = BridgeView.of(endpoint.netlink(), config.bridge(), endpoint.tapIndex());
            entries.replaceAll(
                    entry -> entry.address() != null ? entry : withAddress(entry, bridge.address(entry.mac())));
            bridge.ports().forEach((mac, port) -> entries.add(FdbEntry.local(mac, bridge.address(mac), port)));
            return entries;
        });
    }

    private static FdbEntry withAddress(FdbEntry e, @Nullable InetAddress address) {
        return new FdbEntry(e.mac(), address, e.vtep(), e.port(), e.known(), e.revision(), e.ageMs());
    }

    /**
     * Says what this host would do with a packet from a container, by the tables that the lanes use now. Asks the kernel;
     * takes milliseconds.
     *
     * @param address destination inside the overlay, host order
     * @param from sender; null for this host's own address
     * @param attached what the caller knows of the destination as a container of this host
     */
    public Trace trace(int address, @Nullable Integer from, @Nullable FdbEntry attached) {
        return call(() -> {
            if (stopped || endpoint.closed()) {
                throw new IllegalStateException("overlay: not running (expected: one that forwards)");
            }
            OverlayConfig.Local local = config.local();
            int own = local == null ? 0 : local.block().address(1);
            return new Explainer(
                            config,
                            forwarding.read(),
                            endpoint,
                            Cidr.toInet(address),
                            Cidr.toInet(from == null ? own : from),
                            attached,
                            tables.learnedMac(address),
                            this::session)
                    .explain();
        });
    }

    /**
     * Who spoke with whom through the tunnel, by samples; the most bytes first. What containers of this host say to each
     * other does not come by here.
     */
    public List<Flow> flows() {
        return call(lookout::flows);
    }

    /**
     * Begins a capture, which somebody has to {@linkplain PacketCapture#write write} and to close. It ends with the overlay.
     *
     * @throws IllegalStateException while there is another one
     */
    public PacketCapture capture(PacketCapture.Request request) {
        return call(() -> {
            if (stopped) {
                throw new IllegalStateException("overlay: not running (expected: one that forwards)");
            }
            return lookout.begin(request, endpoint.tapName(), ended -> later(() -> lookout.end(ended), 0));
        });
    }

    Lookout lookout() {
        return lookout;
    }

    /** Exposes counters and MTU; once a registry. */
    public void registerMetrics(PrometheusRegistry registry) {
        OverlayMetrics.register(registry, this);
    }

    SelfTest.Choice choice() {
        return endpoint.choice();
    }

    CounterSet<Drop> drops() {
        return drops;
    }

    CounterSet<Traffic> traffic() {
        return traffic;
    }

    void forEachProbed(BiConsumer<String, PathProbes.View> sink) {
        tables.peers()
                .forEach(peer ->
                        probes.view(peer).ifPresent(view -> sink.accept(NetUtil.toAddressString(peer.vtep()), view)));
    }

    void forEachPeer(ToLongFunction<PeerPath> counter, PeerSink sink) {
        tables.peers().forEach(peer -> sink.accept(NetUtil.toAddressString(peer.vtep()), counter.applyAsLong(peer)));
    }

    /** Takes a counter of one peer. */
    @FunctionalInterface
    interface PeerSink {
        void accept(String vtep, long value);
    }

    /** Stops forwarding; the device vanishes, the bridge with its containers stays. */
    @Override
    public void close() {
        if (!control.isShutdown()) {
            call(() -> {
                stopped = true;
                endpoint.close();
                lookout.close();
                if (keys != null) {
                    endKeys(keys);
                }
                retired.forEach(this::finish);
                return true;
            });
            control.shutdownNow();
        }
    }
}
