package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A listener as it is now.
 *
 * @param wanted address of the configuration
 * @param bound address it listens on, with the port taken when 0 was wanted; null when it could not be bound. While a
 *     change of address fails this is the old address, which goes on
 * @param problem why {@code wanted} could not be bound, {@code listener NAME: bind ADDRESS: cause}; null when it is
 * @param removed no longer in the configuration, but connections are left
 * @param connections client connections, or UDP sessions, open now
 * @param ended how requests (HTTP) and connections (TCP) have ended, without what never happened
 * @param routes in the order they are asked
 * @param targets of the pools of its routes
 * @param datagrams what has passed; null but with protocol UDP
 */
public record ListenerStatus(
        String name,
        Protocol protocol,
        InetSocketAddress wanted,
        @Nullable InetSocketAddress bound,
        @Nullable String problem,
        boolean removed,
        long connections,
        Map<String, Long> ended,
        List<RouteStatus> routes,
        List<TargetStatus> targets,
        @Nullable DatagramStatus datagrams) {
    /**
     * A route.
     *
     * @param conditions such as {@code *.example.com/foo [GET]}; {@code *} is every request
     */
    public record RouteStatus(String conditions, String pool) {}

    public ListenerStatus {
        ended = Collections.unmodifiableMap(new LinkedHashMap<>(ended));
        routes = List.copyOf(routes);
        targets = List.copyOf(targets);
    }
}
