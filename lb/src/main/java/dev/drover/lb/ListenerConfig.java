package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.List;

/**
 * A bound port and what stands behind it. Two listeners are the same listener when their names are equal; a change of
 * {@code bind} or {@code protocol} rebinds, any other change leaves live connections alone.
 *
 * @param name unique in the configuration
 * @param bind resolved address and port; port 0 takes a free one
 * @param routes which requests go to which pool, in any order
 * @param entry what lies below HTTP or the byte stream
 * @param observation what is told of its requests
 * @param limits of its clients and of the phases of its requests
 * @param udp how sessions live, with protocol UDP
 */
public record ListenerConfig(
        String name,
        InetSocketAddress bind,
        Protocol protocol,
        List<RouteConfig> routes,
        EntryConfig entry,
        ObservationConfig observation,
        LimitsConfig limits,
        UdpConfig udp) {
    public ListenerConfig {
        routes = List.copyOf(routes);
    }

    /** With UDP sessions by default. */
    public ListenerConfig(
            String name,
            InetSocketAddress bind,
            Protocol protocol,
            List<RouteConfig> routes,
            EntryConfig entry,
            ObservationConfig observation,
            LimitsConfig limits) {
        this(name, bind, protocol, routes, entry, observation, limits, UdpConfig.DEFAULTS);
    }

    /** With what is told, and limits, by default. */
    public ListenerConfig(
            String name, InetSocketAddress bind, Protocol protocol, List<RouteConfig> routes, EntryConfig entry) {
        this(name, bind, protocol, routes, entry, ObservationConfig.DEFAULTS, LimitsConfig.DEFAULTS);
    }

    /** Without anything below. */
    public ListenerConfig(String name, InetSocketAddress bind, Protocol protocol, List<RouteConfig> routes) {
        this(name, bind, protocol, routes, EntryConfig.PLAIN);
    }

    /** With one pool, named as the listener, for everything, and without anything below. */
    public ListenerConfig(
            String name, InetSocketAddress bind, Protocol protocol, Balance balance, List<TargetConfig> targets) {
        this(name, bind, protocol, List.of(RouteConfig.everything(PoolConfig.of(name, balance, targets))));
    }

    /** The targets of all routes, each once. */
    public List<TargetConfig> targets() {
        return routes.stream()
                .flatMap(route -> route.pool().targets().stream())
                .distinct()
                .toList();
    }

    /** The pools of all routes and their mirrors. */
    List<PoolConfig> pools() {
        return routes.stream().flatMap(route -> route.pools().stream()).toList();
    }

    /** A copy with another entry. */
    public ListenerConfig withEntry(EntryConfig with) {
        return new ListenerConfig(name, bind, protocol, routes, with, observation, limits, udp);
    }

    /** A copy that tells this of its requests. */
    public ListenerConfig withObservation(ObservationConfig with) {
        return new ListenerConfig(name, bind, protocol, routes, entry, with, limits, udp);
    }

    /** A copy with other limits. */
    public ListenerConfig withLimits(LimitsConfig with) {
        return new ListenerConfig(name, bind, protocol, routes, entry, observation, with, udp);
    }

    /** A copy whose UDP sessions live so. */
    public ListenerConfig withUdp(UdpConfig with) {
        return new ListenerConfig(name, bind, protocol, routes, entry, observation, limits, with);
    }
}
