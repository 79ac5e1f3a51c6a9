package dev.drover.lb;

import dev.drover.dataplane.CounterSet;
import dev.drover.dataplane.Lanes;
import dev.drover.lb.log.AccessLogs;
import dev.drover.lb.path.Certificates;
import dev.drover.lb.path.Event;
import dev.drover.lb.path.Journal;
import dev.drover.lb.path.Latencies;
import dev.drover.lb.path.LbLane;
import dev.drover.lb.path.Limits;
import dev.drover.lb.path.Outcome;
import dev.drover.lb.path.Transaction;
import dev.drover.lb.tls.TlsStore;
import io.netty.util.concurrent.Future;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Labels;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The load balancer of a node: listeners, each with its targets, on the event loops of the data plane.
 *
 * <p>Thread-safe; configuration changes are serialised and block their caller for as long as it takes to bind ports and
 * to have every lane take notice, which is milliseconds. Must not be called on a lane.
 */
public final class LoadBalancer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LoadBalancer.class);
    private static final long LANE_TIMEOUT_MS = 10_000;
    private static final long DEFECT_LOG_NS = 1_000_000_000;
    /** Between two steps of targets that work up to their weight. */
    private static final long RAMP_MS = 100;

    private final LbSettings settings;
    private final Limits limits;
    private final List<LbLane> lanes = new ArrayList<>();
    private final CounterSet<Outcome> outcomes;
    private final CounterSet<Event> events;
    private final Doors doors;
    private final TlsStores tlsStores = new TlsStores(this, this::refreshCertificates);
    private final List<Listener> retired = new ArrayList<>();
    private final List<PoolState> retiredPools = new ArrayList<>();
    private final StickyTokens tokens = new StickyTokens();
    private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("lb-control").factory());
    private final HealthChecks checks = new HealthChecks(control, this::onCheck);
    private Map<String, Listener> listeners = new LinkedHashMap<>();
    private Map<String, PoolState> pools = new LinkedHashMap<>();
    private final AccessLogs accessLogs;
    private boolean ramping;
    private LbConfig current = LbConfig.EMPTY;
    private boolean closed;
    private final AtomicLong lastDefectNs = new AtomicLong(System.nanoTime() - 2 * DEFECT_LOG_NS);

    /** A load balancer without listeners on {@code lanes}, which stay the caller's to close, after this. */
    public LoadBalancer(Lanes lanes, LbSettings settings) {
        this.settings = settings;
        limits = settings.limits();
        outcomes = new CounterSet<>(Outcome.class, lanes.count());
        events = new CounterSet<>(Event.class, lanes.count());
        for (int i = 0; i < lanes.count(); i++) {
            this.lanes.add(new LbLane(lanes, i, limits, outcomes, events, this::onDefect));
        }
        doors = new Doors(
                lanes, List.copyOf(this.lanes), settings.drainTimeout().toNanos());
        accessLogs = new AccessLogs(lanes.count());
    }

    public LoadBalancer(Lanes lanes) {
        this(lanes, LbSettings.DEFAULTS);
    }

    /** At most one stack trace a second: a defect in the path of requests would otherwise flood the log. */
    private void onDefect(Throwable cause) {
        long nowNs = System.nanoTime();
        long last = lastDefectNs.get();
        if (nowNs - last > DEFECT_LOG_NS && lastDefectNs.compareAndSet(last, nowNs)) {
            LOG.error("lb unexpected exception count={}", events.sum(Event.UNEXPECTED_EXCEPTION), cause);
        }
    }

    /** What is wrong with {@code config} by itself, as {@code key: value (expected: …)}; empty when nothing is. */
    public static List<String> check(LbConfig config) {
        return LbConfigCheck.problems(config);
    }

    /**
     * Makes {@code config} what is served, as far as ports can be bound: a listener whose port is in use is told in the
     * result, stays on its old port if it had one, is tried again at the next call, and is no hindrance to the others.
     * Live connections are left alone but for those of removed listeners, which end within the drain timeout. An equal
     * configuration changes nothing. When this returns, no request will go to a target that is gone or drains.
     *
     * @throws LbConfigException when {@link #check} finds something; nothing was changed
     */
    public synchronized ApplyResult apply(LbConfig config) {
        return apply(config, false);
    }

    /**
     * As {@link #apply}, but all or nothing.
     *
     * @throws LbConfigException when {@link #check} finds something or a port cannot be bound; nothing was changed
     */
    public synchronized ApplyResult applyStrict(LbConfig config) {
        return apply(config, true);
    }

    private ApplyResult apply(LbConfig config, boolean strict) {
        ready();
        List<String> problems = LbConfigCheck.problems(config);
        if (!problems.isEmpty()) {
            throw new LbConfigException(problems);
        }
        prune();
        if (config.equals(current) && listeners.values().stream().allMatch(listener -> listener.problem() == null)) {
            return result(false);
        }
        Set<Door.Key> wanted = new LinkedHashSet<>();
        config.listeners().forEach(listener -> wanted.add(Door.Key.of(listener)));
        TlsStores.Read tls = tlsStores.read(config, listeners);
        if (strict && !tls.problems().isEmpty()) {
            throw new LbConfigException(
                    tls.problems().values().stream().sorted().toList());
        }
        TargetTlsStores.Read targetTls = TargetTlsStores.read(config, pools);
        if (strict && !targetTls.problems().isEmpty()) {
            throw new LbConfigException(
                    targetTls.problems().values().stream().sorted().toList());
        }
        Map<String, String> logProblems = openLogs(config);
        if (strict && !logProblems.isEmpty()) {
            accessLogs.keepOnly(logs(current));
            throw new LbConfigException(logProblems.values().stream().sorted().toList());
        }
        Map<Door.Key, String> failures = doors.open(wanted);
        if (strict && !failures.isEmpty()) {
            doors.rollBack();
            accessLogs.keepOnly(logs(current));
            throw new LbConfigException(config.listeners().stream()
                    .filter(listener -> failures.containsKey(Door.Key.of(listener)))
                    .map(listener -> problem(listener, failures.get(Door.Key.of(listener))))
                    .toList());
        }
        Map<String, String> problemsOfNames = new HashMap<>(logProblems);
        problemsOfNames.putAll(targetTls.problems());
        problemsOfNames.putAll(tls.problems());
        boolean changed = !config.equals(current) || failures.size() + problemsOfNames.size() < problemCount();
        commit(config, wanted, failures, tls, targetTls, problemsOfNames);
        return result(changed);
    }

    /** Opens the access logs of {@code config}; returns what is wrong with them by name of the listener. */
    private Map<String, String> openLogs(LbConfig config) {
        Map<AccessLogConfig, String> failures = accessLogs.open(logs(config));
        Map<String, String> problems = new HashMap<>();
        for (ListenerConfig listener : config.listeners()) {
            String failure = failures.get(listener.observation().accessLog());
            if (failure != null) {
                problems.put(listener.name(), "listener " + listener.name() + ": " + failure);
            }
        }
        return problems;
    }

    private static Set<AccessLogConfig> logs(LbConfig config) {
        Set<AccessLogConfig> logs = new LinkedHashSet<>();
        for (ListenerConfig listener : config.listeners()) {
            AccessLogConfig log = listener.observation().accessLog();
            if (log != null) {
                logs.add(log);
            }
        }
        return logs;
    }

    private void refreshCertificates() {
        if (!closed) {
            tlsStores.refresh(listeners.values());
            TargetTlsStores.refresh(pools.values());
        }
    }

    private long problemCount() {
        return listeners.values().stream()
                .filter(listener -> listener.problem() != null)
                .count();
    }

    private void ready() {
        if (closed) {
            throw new IllegalStateException("load balancer: closed (expected: open)");
        }
        for (LbLane lane : lanes) {
            if (lane.loop().inEventLoop()) {
                throw new IllegalStateException(
                        "thread: " + Thread.currentThread().getName()
                                + " (expected: none of the lanes, they would wait for themselves)");
            }
        }
    }

    /** @param problems that are told of listeners which are served all the same, by name */
    private void commit(
            LbConfig config,
            Set<Door.Key> wanted,
            Map<Door.Key, String> failures,
            TlsStores.Read tls,
            TargetTlsStores.Read targetTls,
            Map<String, String> problems) {
        Map<String, Listener> next = new LinkedHashMap<>();
        Set<Door> used = new HashSet<>();
        Map<String, PoolState> nextPools = new LinkedHashMap<>();
        List<PoolState.Gone> gone = updatePools(config, targetTls, nextPools);
        for (ListenerConfig entry : config.listeners()) {
            Listener listener = listeners.get(entry.name());
            if (listener == null) {
                listener = new Listener(entry, lanes.size());
            }
            next.put(entry.name(), listener);
            listener.update(entry, nextPools);
            listener.govern(settings, accessLogs.get(entry.observation().accessLog()));
            Door door = doors.get(Door.Key.of(entry));
            String problem = problems.get(entry.name());
            listener.tls(tls.stores().get(entry.name()));
            if (door == null) {
                problem = problem(entry, failures.get(Door.Key.of(entry)));
                Door old = listener.door();
                door = old == null || wanted.contains(old.key()) ? null : old;
            }
            listener.standBehind(door, problem);
            if (door != null) {
                used.add(door);
            }
        }
        long endNs = System.nanoTime() + settings.drainTimeout().toNanos();
        List<Listener> removed = listeners.entrySet().stream()
                .filter(entry -> !next.containsKey(entry.getKey()))
                .map(Map.Entry::getValue)
                .toList();
        removed.forEach(listener -> listener.retire(endNs));
        pools.forEach((name, pool) -> {
            if (!nextPools.containsKey(name)) {
                gone.addAll(pool.retire());
                retiredPools.add(pool);
            }
        });
        doors.keepOnly(used);
        retired.addAll(removed);
        listeners = next;
        pools = nextPools;
        current = config;
        onEveryLane(lane -> {
            gone.forEach(entry -> lane.targetGone(entry.target(), entry.removed()));
            removed.forEach(listener -> lane.serverRetired(listener.server(), endNs));
        });
        accessLogs.keepOnly(logs(config));
        checks.update(pools.values());
        ramp();
        LOG.info(
                "lb applied listeners={} removed={} targets_gone={} problems={}",
                next.size(),
                removed.size(),
                gone.size(),
                failures.size());
    }

    /** Makes {@code next} the pools of {@code config}; returns the targets whose lanes must be told. */
    private List<PoolState.Gone> updatePools(LbConfig config, TargetTlsStores.Read tls, Map<String, PoolState> next) {
        List<PoolState.Gone> gone = new ArrayList<>();
        long nowNs = System.nanoTime();
        for (ListenerConfig listener : config.listeners()) {
            for (PoolConfig entry : listener.pools()) {
                if (next.containsKey(entry.name())) {
                    continue;
                }
                PoolState pool = pools.get(entry.name());
                if (pool == null) {
                    pool = new PoolState(entry, lanes.size(), limits, tokens);
                }
                pool.serves(listener.protocol());
                gone.addAll(pool.update(entry, tls.stores().get(entry.name()), nowNs));
                warnOfUnverified(entry);
                next.put(entry.name(), pool);
            }
        }
        return gone;
    }

    private static void warnOfUnverified(PoolConfig pool) {
        TargetTlsConfig tls = pool.targetTls();
        if (tls != null && !tls.verify()) {
            LOG.warn("lb targets are not verified: whoever answers gets the requests pool={}", pool.name());
        }
    }

    /** A check has ended. */
    private synchronized void onCheck(
            PoolState pool, PoolState.Member member, HealthCheckConfig config, String failure) {
        if (closed || !member.health.onResult(config, failure)) {
            return;
        }
        boolean well = member.health.verdict() == HealthState.Verdict.HEALTHY;
        LOG.info(
                "lb target health pool={} target={} healthy={} cause={}",
                pool.config().name(),
                Addresses.text(member.target.address()),
                well,
                failure);
        pool.onVerdict(member, System.nanoTime());
        if (!well) {
            onEveryLane(lane -> lane.targetGone(member.target, false));
        }
        ramp();
    }

    /** While a target works up to its weight, publishes its weight anew now and then. */
    private void ramp() {
        if (!ramping && !closed && pools.values().stream().anyMatch(PoolState::starting)) {
            ramping = true;
            var _ = control.schedule(this::onRamp, RAMP_MS, TimeUnit.MILLISECONDS);
        }
    }

    private synchronized void onRamp() {
        ramping = false;
        long nowNs = System.nanoTime();
        pools.values().stream().filter(PoolState::starting).forEach(pool -> pool.refresh(nowNs));
        ramp();
    }

    private static String problem(ListenerConfig listener, @Nullable String cause) {
        return "listener " + listener.name() + ": bind " + Addresses.text(listener.bind()) + ": " + cause;
    }

    /**
     * Runs {@code step} on each lane and waits. After it no lane uses anything published before: lanes hold on to a
     * snapshot only while they run one task.
     */
    private void onEveryLane(Consumer<LbLane> step) {
        List<Future<?>> running = new ArrayList<>();
        for (LbLane lane : lanes) {
            running.add(lane.loop().submit(() -> step.accept(lane)));
        }
        for (Future<?> future : running) {
            if (!future.awaitUninterruptibly(LANE_TIMEOUT_MS, TimeUnit.MILLISECONDS)) {
                LOG.warn("lb lane did not take notice within_ms={}", LANE_TIMEOUT_MS);
            } else if (future.cause() != null) {
                throw new IllegalStateException("lane: change not taken", future.cause());
            }
        }
    }

    private ApplyResult result(boolean changed) {
        Map<String, List<TargetStatus>> targets = targets(pools.values());
        return new ApplyResult(
                changed,
                listeners.values().stream()
                        .map(listener -> listener.status(targets))
                        .toList());
    }

    private static Map<String, List<TargetStatus>> targets(Collection<PoolState> of) {
        Map<String, List<TargetStatus>> targets = new LinkedHashMap<>();
        long nowNs = System.nanoTime();
        of.forEach(pool -> targets.merge(pool.config().name(), pool.status(nowNs), (a, b) -> {
            List<TargetStatus> both = new ArrayList<>(a);
            both.addAll(b);
            return both;
        }));
        return targets;
    }

    /** The configuration applied last. */
    public synchronized LbConfig config() {
        return current;
    }

    /** Every listener, in the order of the configuration; behind them those removed that still have connections. */
    public synchronized List<ListenerStatus> status() {
        prune();
        List<ListenerStatus> all = new ArrayList<>();
        Map<String, List<TargetStatus>> targets = targets(pools.values());
        listeners.values().forEach(listener -> all.add(listener.status(targets)));
        Map<String, List<TargetStatus>> left = targets(everyPool());
        retired.forEach(listener -> all.add(listener.status(left)));
        return all;
    }

    /**
     * Requests (HTTP) and connections (TCP) at a target now, over all listeners, also when it drains or left the
     * configuration. Once a target is gone or drains this only falls; 0 then means drained.
     */
    public synchronized long inFlight(InetSocketAddress target) {
        long sum = 0;
        for (PoolState pool : everyPool()) {
            sum += pool.inFlight(target);
        }
        return sum;
    }

    /** How many requests (HTTP) and connections (TCP) ended in each way. */
    public Map<String, Long> outcomes() {
        Map<String, Long> sums = new LinkedHashMap<>();
        for (Outcome outcome : Outcome.values()) {
            sums.put(outcome.name(), outcomes.sum(outcome));
        }
        return sums;
    }

    /** How often each thing happened on the way of requests. */
    public Map<String, Long> events() {
        Map<String, Long> sums = new LinkedHashMap<>();
        for (Event event : Event.values()) {
            sums.put(event.name(), events.sum(event));
        }
        return sums;
    }

    /**
     * The requests that ended last, the newest first; the lanes keep a fixed number of each kind.
     *
     * @param limit of the answer
     */
    public List<RequestStatus> requests(Journal.Kind kind, int limit) {
        List<Transaction> all = new CopyOnWriteArrayList<>();
        onEveryLane(lane -> all.addAll(lane.journal(kind)));
        long nowNs = System.nanoTime();
        return all.stream()
                .sorted(Comparator.comparingLong(ended -> nowNs - ended.startNs() - ended.totalNs()))
                .limit(limit)
                .map(RequestStatus::of)
                .toList();
    }

    /** Exposes the metrics the README lists; they are read at scrape. */
    public void registerMetrics(PrometheusRegistry registry) {
        outcomes.register(
                registry, "drover_lb_requests", "Requests (HTTP) and connections (TCP) by how they ended", "outcome");
        events.register(registry, "drover_lb_events", "What happened on the way of requests", "event");
        new LbMetrics(this).register(registry);
    }

    /** Every certificate in use by listener and names, and when it ends in seconds of the epoch. */
    synchronized Map<List<String>, Double> certificateEnds() {
        return certificateTimes(Certificates.Entry::endsMs);
    }

    /** As {@link #certificateEnds} of the answers stapled to those that should have one; 0 for none. */
    synchronized Map<List<String>, Double> stapleEnds() {
        return certificateTimes(
                entry -> entry.staple() == null ? -1 : entry.staple().endsMs());
    }

    /** Times of the certificates in use for which there is one. */
    private Map<List<String>, Double> certificateTimes(ToLongFunction<Certificates.Entry> ms) {
        Map<List<String>, Double> times = new LinkedHashMap<>();
        for (Listener listener : listeners.values()) {
            TlsStore store = listener.tls();
            Certificates certificates = store == null ? null : store.current();
            if (certificates != null) {
                certificates.entries().stream()
                        .filter(entry -> ms.applyAsLong(entry) >= 0)
                        .forEach(entry -> times.put(
                                List.of(listener.config().name(), String.join(",", entry.names())),
                                ms.applyAsLong(entry) / 1_000.0));
            }
        }
        return times;
    }

    /** Answers on the standing of certificates that could not be had, or not be shown, by listener. */
    synchronized Map<String, Long> staplesRefused() {
        Map<String, Long> refused = new LinkedHashMap<>();
        listeners.forEach((name, listener) -> {
            TlsStore store = listener.tls();
            if (store != null && store.config().stapling() != TlsConfig.Stapling.OFF) {
                refused.put(name, store.staplesRefused());
            }
        });
        return refused;
    }

    /** Every target of every pool, behind them those of removed pools that still have work. */
    public synchronized List<TargetStatus> targets() {
        prune();
        return targets(everyPool()).values().stream().flatMap(List::stream).toList();
    }

    /** Every pool in use with the times of its requests. */
    synchronized Map<Labels, Latencies> poolTimes() {
        Map<Labels, Latencies> times = new LinkedHashMap<>();
        pools.forEach(
                (name, pool) -> times.put(Labels.of("pool", name), pool.pool().latencies()));
        return times;
    }

    /** Every target of a pool in use with the times of requests at it. */
    synchronized Map<Labels, Latencies> targetTimes() {
        Map<Labels, Latencies> times = new LinkedHashMap<>();
        pools.forEach((name, pool) -> pool.members()
                .forEach((address, member) -> times.put(
                        Labels.of("pool", name, "target", Addresses.text(address)), member.target.latencies())));
        return times;
    }

    /** Requests that an access log could not write. */
    synchronized long unwritten() {
        return accessLogs.unwritten();
    }

    private List<PoolState> everyPool() {
        List<PoolState> all = new ArrayList<>(pools.values());
        all.addAll(retiredPools);
        return all;
    }

    private void prune() {
        pools.values().forEach(PoolState::prune);
        retiredPools.removeIf(PoolState::prune);
        retired.removeIf(Listener::ended);
    }

    /** Closes every listener and connection at once; to let requests end first, apply {@link LbConfig#EMPTY}. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        ready();
        closed = true;
        checks.close();
        control.shutdownNow();
        listeners.values().forEach(Listener::refuse);
        doors.closeAll();
        tlsStores.close();
        List<Future<Void>> ends = new CopyOnWriteArrayList<>();
        onEveryLane(lane -> ends.add(lane.closeAll()));
        ends.forEach(end -> end.awaitUninterruptibly(LANE_TIMEOUT_MS));
        accessLogs.close();
    }
}
