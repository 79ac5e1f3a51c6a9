package dev.drover.lb;

import dev.drover.lb.log.AccessLog;
import dev.drover.lb.path.Certificates;
import dev.drover.lb.path.DatagramCounter;
import dev.drover.lb.path.DatagramDrop;
import dev.drover.lb.path.Entrance;
import dev.drover.lb.path.ListenerPolicy;
import dev.drover.lb.path.Mirror;
import dev.drover.lb.path.Outcome;
import dev.drover.lb.path.Pool;
import dev.drover.lb.path.Route;
import dev.drover.lb.path.Router;
import dev.drover.lb.path.VirtualServer;
import dev.drover.lb.tls.TlsStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A listener while it runs, and after its removal until its connections have ended; guarded by the load balancer. */
final class Listener {
    private final VirtualServer server;
    private final int lanes;
    private ListenerConfig config;
    private @Nullable TlsStore tls;
    private @Nullable Door door;
    private @Nullable String problem;
    private boolean removed;
    private ListenerPolicy policy = ListenerPolicy.PLAIN;
    /** What the router was made of, in its order. */
    private List<Leg> legs = List.of();

    /** A route and the pool it leads to. */
    private record Leg(
            String host,
            String path,
            List<String> methods,
            Map<String, String> headers,
            Pool pool,
            @Nullable Copies copies) {
        static Leg of(RouteConfig route, Pool pool, @Nullable Copies copies) {
            return new Leg(route.host(), route.path(), route.methods(), route.headers(), pool, copies);
        }

        Route route(int lanes) {
            List<String> names = List.copyOf(headers.keySet());
            Route route = Route.of(
                    pool,
                    host,
                    path,
                    methods,
                    names,
                    names.stream().map(headers::get).toList());
            return copies == null ? route : route.mirroredTo(copies.mirror(lanes));
        }
    }

    /** What a {@link MirrorConfig} says, and the pool that gets the copies. */
    private record Copies(Pool pool, int percent, int bodyBytes, int most, Duration timeout) {
        static Copies of(MirrorConfig mirror, Pool pool) {
            return new Copies(pool, mirror.percent(), mirror.bodyBytes(), mirror.maxCopies(), mirror.timeout());
        }

        Mirror mirror(int lanes) {
            return new Mirror(pool, percent, bodyBytes, most, timeout.toNanos(), lanes);
        }
    }

    Listener(ListenerConfig config, int lanes) {
        this.config = config;
        this.lanes = lanes;
        server = new VirtualServer(config.name(), lanes);
    }

    ListenerConfig config() {
        return config;
    }

    VirtualServer server() {
        return server;
    }

    @Nullable
    Door door() {
        return door;
    }

    @Nullable
    String problem() {
        return problem;
    }

    /** Takes the new configuration; the pools of its routes are those of {@code pools} by name. */
    void update(ListenerConfig next, Map<String, PoolState> pools) {
        config = next;
        List<Leg> wanted = new ArrayList<>();
        for (RouteConfig route :
                next.routes().stream().sorted(RouteOrder.INSTANCE).toList()) {
            MirrorConfig mirror = route.mirror();
            wanted.add(Leg.of(
                    route,
                    pool(route.pool(), pools),
                    mirror == null ? null : Copies.of(mirror, pool(mirror.pool(), pools))));
        }
        if (!wanted.equals(legs)) {
            legs = wanted;
            server.publish(
                    new Router(wanted.stream().map(leg -> leg.route(lanes)).toList()));
        }
    }

    private static Pool pool(PoolConfig wanted, Map<String, PoolState> pools) {
        PoolState pool = pools.get(wanted.name());
        if (pool == null) {
            throw new IllegalStateException("pool: " + wanted.name() + " (expected: made before its routes)");
        }
        return pool.pool();
    }

    /**
     * Publishes limits and what is told of its requests, if that changed.
     *
     * @param log null for no access log
     */
    void govern(LbSettings settings, @Nullable AccessLog log) {
        ObservationConfig observation = config.observation();
        ListenerPolicy wanted = new ListenerPolicy(
                config.limits().over(settings),
                log == null ? List.of() : log.queues(),
                observation.slow().toNanos(),
                observation.traceSample(),
                config.udp().policy(settings));
        if (!wanted.equals(policy)) {
            policy = wanted;
            server.publish(wanted);
        }
    }

    /** Connections of {@code through} come here from now on; {@code why} tells that it is not the wanted door. */
    void standBehind(@Nullable Door through, @Nullable String why) {
        door = through;
        problem = why;
        if (through != null) {
            lead(through);
            through.start();
        }
    }

    /** Connections find here what they need; with TLS but without certificates there is no way in. */
    private void lead(Door through) {
        Certificates certificates = tls == null ? null : tls.current();
        boolean closed = config.entry().tls() != null && certificates == null;
        through.lead(
                closed
                        ? null
                        : new Entrance.Room(
                                server,
                                config.protocol() == Protocol.HTTP,
                                config.protocol() == Protocol.TLS,
                                config.entry().h2c(),
                                certificates,
                                config.entry().proxies(),
                                config.entry().forwarders(),
                                config.entry().greeting()));
    }

    @Nullable
    TlsStore tls() {
        return tls;
    }

    /** Takes over what was read for {@link #config}; null without TLS. */
    @SuppressWarnings("ReferenceEquality") // a store is what it is
    void tls(@Nullable TlsStore store) {
        if (tls != null && tls != store) {
            tls.close();
        }
        tls = store;
    }

    /** New certificates for new connections. */
    void certificatesChanged() {
        if (door != null) {
            lead(door);
        }
    }

    /** Lets no connection in any more. */
    void refuse() {
        if (door != null) {
            door.lead(null);
        }
    }

    /** Leaves the configuration; its connections may go on where they are until {@code endNs}. */
    void retire(long endNs) {
        removed = true;
        tls(null);
        door = null;
        problem = null;
        server.retire(endNs);
    }

    /** True when nothing is left of a removed listener. */
    boolean ended() {
        return removed && server.connections() == 0;
    }

    /** Outcome, in lower case, to how many requests or connections ended so; without those that never did. */
    Map<String, Long> outcomes() {
        Map<String, Long> ended = new LinkedHashMap<>();
        for (Outcome outcome : Outcome.values()) {
            long count = server.ended(outcome);
            if (count > 0) {
                ended.put(outcome.name().toLowerCase(Locale.ROOT), count);
            }
        }
        return ended;
    }

    /** @param targets of a pool by its name */
    ListenerStatus status(Map<String, List<TargetStatus>> targets) {
        List<TargetStatus> list = new ArrayList<>();
        config.routes().stream()
                .flatMap(route -> route.pools().stream())
                .map(PoolConfig::name)
                .distinct()
                .forEach(pool -> list.addAll(targets.getOrDefault(pool, List.of())));
        return new ListenerStatus(
                config.name(),
                config.protocol(),
                config.bind(),
                door == null ? null : door.bound(),
                problem,
                removed,
                server.connections(),
                outcomes(),
                config.routes().stream()
                        .sorted(RouteOrder.INSTANCE)
                        .map(route -> new ListenerStatus.RouteStatus(
                                route.conditions(), route.pool().name()))
                        .toList(),
                list,
                config.protocol() == Protocol.UDP ? datagrams() : null);
    }

    private DatagramStatus datagrams() {
        Map<String, Long> dropped = new LinkedHashMap<>();
        for (DatagramDrop why : DatagramDrop.values()) {
            long count = server.dropped(why);
            if (count > 0) {
                dropped.put(why.name().toLowerCase(Locale.ROOT), count);
            }
        }
        long overflows = door instanceof DatagramDoor datagrams ? datagrams.overflows() : 0;
        if (overflows > 0) {
            dropped.put("receive_queue_full", overflows);
        }
        return new DatagramStatus(
                server.relayed(DatagramCounter.RECEIVED),
                server.relayed(DatagramCounter.RECEIVED_BYTES),
                server.relayed(DatagramCounter.SENT),
                server.relayed(DatagramCounter.SENT_BYTES),
                dropped);
    }
}
