package dev.drover.dns;

import dev.drover.dataplane.Lanes;
import dev.drover.dataplane.Snapshot;
import dev.drover.dns.DnsStatus.CacheStatus;
import dev.drover.dns.DnsStatus.UpstreamStatus;
import dev.drover.dns.path.Counters;
import dev.drover.dns.path.Explanation;
import dev.drover.dns.path.QueryLane;
import dev.drover.dns.path.QueryTap;
import dev.drover.dns.path.Quota;
import dev.drover.dns.path.ResponseRate;
import dev.drover.dns.path.Serving;
import dev.drover.dns.path.TcpInitializer;
import dev.drover.dns.path.Via;
import dev.drover.dns.path.ZoneBuilder;
import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.Forwarding;
import dev.drover.dns.resolve.LoopProbes;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * DNS server: authoritative for one zone, forwarding the rest. It serves nothing until the first {@link #apply}.
 *
 * <p>Queries are answered on the lanes from one immutable snapshot, so a change is seen by the next query and no query
 * is lost to it. The public methods may be called by any thread but the lanes.
 */
public final class DnsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DnsServer.class);
    private static final long DRAIN_LOOK_MS = 50;
    private static final long DRAIN_LIMIT_NS = 5_000_000_000L;
    private static final long SERIAL_MASK = 0xffff_ffffL;

    private final Lanes lanes;
    private final Snapshot<Serving> serving;
    private final Counters counters;
    private final Quota forwards = new Quota();
    private final Quota connections = new Quota();
    private final ForwardingBuilder forwarding = new ForwardingBuilder();
    private final ChannelGroup channels = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    private final List<QueryLane> queryLanes;
    private final TcpInitializer tcp;
    private final FaultLog faults = new FaultLog(LOG);

    private final LongAdder unlogged = new LongAdder();

    private @Nullable DnsConfig config;
    private @Nullable QueryLog queryLog;
    private Map<InetSocketAddress, Listener> listeners = Map.of();
    /** Of sockets that are closed. */
    private long formerOverflows;

    private long serial;
    private boolean closed;

    /** A server on {@code lanes}, which stay the caller's and must be closed after it. */
    public DnsServer(Lanes lanes) {
        this.lanes = lanes;
        this.serving = new Snapshot<>(Serving.of(new ZoneBuilder("invalid", 0).build(List.of(), 0)));
        this.counters = Counters.of(lanes.count());
        LoopProbes loopProbes = new LoopProbes();
        this.queryLanes = IntStream.range(0, lanes.count())
                .mapToObj(i ->
                        new QueryLane(lanes, i, serving, counters, forwards, connections, loopProbes, channels, faults))
                .toList();
        this.tcp = new TcpInitializer(queryLanes, channels);
    }

    /**
     * Serves {@code next} from now on. Addresses that stay keep their sockets; new ones are bound before old ones are
     * closed.
     *
     * @return false if it is what is served already, and nothing was done
     * @throws IllegalArgumentException when it cannot be served: {@code key: value (expected: …)}; nothing has changed
     * @throws UncheckedIOException when an address cannot be bound, naming it; nothing has changed
     * @throws IllegalStateException after {@link #close}
     */
    public synchronized boolean apply(DnsConfig next) {
        if (closed) {
            throw new IllegalStateException("dns: closed (expected: a running server)");
        }
        DnsConfigCheck.check(next);
        if (next.equals(config)) {
            return false;
        }
        QueryLog log = openQueryLog(next.queryLog());
        Map<InetSocketAddress, Listener> opened;
        try {
            opened = openMissing(next.binds());
        } catch (UncheckedIOException e) {
            if (log != null && log != queryLog) {
                log.close();
            }
            throw e;
        }
        QueryLog oldLog = queryLog;
        queryLog = log;
        Map<InetSocketAddress, Listener> all = new LinkedHashMap<>();
        for (InetSocketAddress bind : next.binds()) {
            Listener kept = listeners.get(bind);
            all.put(bind, kept != null ? kept : Objects.requireNonNull(opened.get(bind)));
        }
        publish(next, all.values());
        if (oldLog != null && oldLog != log) {
            oldLog.close();
        }
        opened.values().forEach(Listener::start);
        listeners.forEach((bind, listener) -> {
            if (!all.containsKey(bind)) {
                close(listener);
            }
        });
        listeners = all;
        config = next;
        if (!opened.isEmpty()) {
            LOG.info(
                    "dns serving addresses={} zone={}",
                    listeners.values().stream()
                            .map(listener -> Listener.format(listener.address()))
                            .toList(),
                    next.zone());
        }
        LOG.debug(
                "dns applied names={} forward={}",
                next.names().common().size(),
                next.resolver().upstreams());
        return true;
    }

    private void close(Listener listener) {
        formerOverflows += listener.overflows();
        listener.close();
    }

    /** Queries that the kernel threw away because the queue of a UDP socket was full. */
    private synchronized long overflows() {
        return formerOverflows
                + listeners.values().stream().mapToLong(Listener::overflows).sum();
    }

    private Map<InetSocketAddress, Listener> openMissing(List<InetSocketAddress> binds) {
        Map<InetSocketAddress, Listener> opened = new LinkedHashMap<>();
        try {
            for (InetSocketAddress bind : binds) {
                if (!listeners.containsKey(bind)) {
                    boolean exclusive = !overlapsOurs(bind, opened);
                    opened.put(bind, Listener.open(lanes, queryLanes, tcp, bind, exclusive));
                }
            }
            return opened;
        } catch (UncheckedIOException e) {
            opened.values().forEach(Listener::close);
            throw e;
        }
    }

    /** Whether sockets of ours stand in the way, so that only SO_REUSEPORT lets us bind: wildcard beside one address. */
    private boolean overlapsOurs(InetSocketAddress bind, Map<InetSocketAddress, Listener> opened) {
        return bind.getPort() != 0
                && Stream.concat(listeners.values().stream(), opened.values().stream())
                        .map(Listener::address)
                        .anyMatch(ours -> ours.getPort() == bind.getPort()
                                && (ours.getAddress().equals(bind.getAddress())
                                        || ours.getAddress().isAnyLocalAddress()
                                        || bind.getAddress().isAnyLocalAddress()));
    }

    private void publish(DnsConfig next, Iterable<Listener> bound) {
        List<InetAddress> own = new ArrayList<>();
        for (Listener listener : bound) {
            InetAddress address = listener.address().getAddress();
            if (!address.isAnyLocalAddress()) {
                own.add(address);
            }
        }
        ResolverConfig resolver = next.resolver();
        Serving before = serving.read();
        Forwarding upstreams = forwarding.build(resolver);
        // What other upstreams, or another policy, have left behind is not what these would say.
        AnswerCache cache = upstreams.equals(before.forwarding())
                        && resolver.cache().equals(before.cache().policy())
                ? before.cache()
                : new AnswerCache(resolver.cache());
        ResponseRate rate =
                next.rateLimit().equals(before.rate().rule()) ? before.rate() : new ResponseRate(next.rateLimit());
        // RFC 1982 needs nothing but growth; the clock makes it grow over restarts too.
        serial = Math.max(serial + 1, System.currentTimeMillis() / 1000) & SERIAL_MASK;
        serving.publish(new Serving(
                zone(next).build(own, serial),
                upstreams,
                cache,
                resolver.timing(),
                next.limits(),
                rate,
                tap(next.queryLog())));
    }

    private QueryTap tap(@Nullable QueryLogConfig wanted) {
        QueryLog log = queryLog;
        return wanted == null || log == null ? QueryTap.NONE : log;
    }

    /** Opens the log before anything changes, as its file may not be there to be written. */
    private @Nullable QueryLog openQueryLog(@Nullable QueryLogConfig wanted) {
        if (wanted == null) {
            return null;
        }
        return queryLog != null && queryLog.config().equals(wanted) ? queryLog : new QueryLog(wanted, unlogged);
    }

    private static ZoneBuilder zone(DnsConfig config) {
        Names names = config.names();
        ZoneBuilder zone = new ZoneBuilder(config.zone(), config.ttlSeconds());
        names.common().forEach((name, data) -> zone.add(name, data(data)));
        names.pointers().forEach(zone::pointer);
        names.reverse().forEach(zone::reverse);
        for (View view : names.views()) {
            Map<String, ZoneBuilder.Data> own = new HashMap<>();
            view.names().forEach((name, data) -> own.put(name, data(data)));
            zone.view(view.name(), view.sources(), view.search(), own);
        }
        return zone;
    }

    private static ZoneBuilder.Data data(NameData data) {
        return new ZoneBuilder.Data(
                data.addresses(),
                data.alias(),
                data.services().stream()
                        .map(srv -> new ZoneBuilder.Srv(srv.priority(), srv.weight(), srv.port(), srv.target()))
                        .toList(),
                data.texts());
    }

    /**
     * How a question would be answered now, and why; nobody else is asked.
     *
     * @param name with or without final dot
     * @param type number of a record type
     * @throws IllegalArgumentException when it is no DNS name
     */
    public Explanation explain(String name, int type, InetAddress client) {
        return Explanation.of(serving.read(), name, type, client);
    }

    /** A picture of now. */
    public synchronized DnsStatus status() {
        Serving now = serving.read();
        long nowNs = System.nanoTime();
        DnsConfig applied = config;
        return new DnsStatus(
                listeners.values().stream().map(Listener::address).toList(),
                applied == null ? "" : applied.zone(),
                now.zone().nameCount(),
                now.forwarding().upstreams().stream()
                        .map(upstream -> UpstreamStatus.of(upstream, nowNs))
                        .toList(),
                CacheStatus.of(now.cache(), counters.cache()),
                counters.transports().sum(Via.UDP) + counters.transports().sum(Via.TCP),
                forwards.held(),
                connections.held());
    }

    /** Adds this server's counters and gauges, all named {@code drover_dns_…}; once per registry. */
    public void registerMetrics(PrometheusRegistry registry) {
        counters.transports().register(registry, "drover_dns_queries", "Queries that were not dropped", "transport");
        counters.types().register(registry, "drover_dns_questions", "Queries with a readable question", "type");
        counters.rcodes().register(registry, "drover_dns_replies", "Replies", "rcode");
        counters.forwards()
                .register(registry, "drover_dns_forwards", "Forwarded queries, and tries at upstreams", "outcome");
        counters.drops().register(registry, "drover_dns_drops", "Thrown away without a reply", "reason");
        counters.cache().register(registry, "drover_dns_cache", "What the cache had for other names", "outcome");
        registry.register(new LatencyMetric(counters.latency()));
        CounterWithCallback.builder()
                .name("drover_dns_query_log_drops")
                .help("Sampled queries that could not be written down")
                .callback(sink -> sink.call((double) unlogged.sum()))
                .register(registry);
        CounterWithCallback.builder()
                .name("drover_dns_socket_overflows")
                .help("Queries that the kernel threw away because the queue of a UDP socket was full")
                .callback(sink -> sink.call((double) overflows()))
                .register(registry);
        gauge(
                registry,
                "drover_dns_cache_entries",
                "Answers in the cache",
                status -> status.cache().entries());
        gauge(
                registry,
                "drover_dns_cache_bytes",
                "Memory of the cache",
                status -> status.cache().bytes());
        gauge(registry, "drover_dns_names", "Names with records", DnsStatus::names);
        gauge(registry, "drover_dns_forwards_in_flight", "Queries at upstreams", DnsStatus::forwardsInFlight);
        gauge(registry, "drover_dns_connections", "Open TCP connections", DnsStatus::connections);
        upstreamGauge(
                registry,
                "drover_dns_upstream_healthy",
                "1 if the upstream is asked in its turn, 0 if after the others or not at all",
                upstream -> upstream.healthy() ? 1 : 0);
        upstreamGauge(
                registry,
                "drover_dns_upstream_rtt_seconds",
                "Smoothed time from query to reply, NaN before the first",
                upstream -> upstream.rttMs() < 0 ? Double.NaN : upstream.rttMs() / 1e3);
        upstreamCounter(registry, "drover_dns_upstream_tries", "Queries sent", UpstreamStatus::tries);
        upstreamCounter(
                registry, "drover_dns_upstream_failures", "Queries without any reply", UpstreamStatus::failures);
    }

    private void upstreamGauge(
            PrometheusRegistry registry, String name, String help, ToDoubleFunction<UpstreamStatus> value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("upstream")
                .callback(sink -> status().upstreams()
                        .forEach(upstream -> sink.call(value.applyAsDouble(upstream), upstream.name())))
                .register(registry);
    }

    private void upstreamCounter(
            PrometheusRegistry registry, String name, String help, ToDoubleFunction<UpstreamStatus> value) {
        CounterWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("upstream")
                .callback(sink -> status().upstreams()
                        .forEach(upstream -> sink.call(value.applyAsDouble(upstream), upstream.name())))
                .register(registry);
    }

    private void gauge(PrometheusRegistry registry, String name, String help, ToDoubleFunction<DnsStatus> value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .callback(sink -> sink.call(value.applyAsDouble(status())))
                .register(registry);
    }

    /**
     * Reads no more queries from its sockets, which another process has too, then waits for the replies that are still
     * owed and for the TCP connections, but not for long. Close it afterwards.
     */
    public void drain() {
        synchronized (this) {
            listeners.values().forEach(Listener::stop);
        }
        // The first look comes after every lane has had its turn with what it had read.
        long endNs = System.nanoTime() + DRAIN_LIMIT_NS;
        try {
            do {
                Thread.sleep(DRAIN_LOOK_MS);
            } while (forwards.held() + connections.held() > 0 && System.nanoTime() - endNs < 0);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Closes every socket; queries that wait for an upstream get no reply. */
    @Override
    public synchronized void close() {
        closed = true;
        listeners.values().forEach(this::close);
        channels.close().awaitUninterruptibly();
        if (queryLog != null) {
            queryLog.close();
        }
        listeners = Map.of();
    }
}
