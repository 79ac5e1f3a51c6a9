package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Finds what is wrong with a configuration by itself, before anything is touched. */
final class LbConfigCheck {
    private final List<String> problems = new ArrayList<>();
    private final Map<String, Integer> names = new HashMap<>();
    private final Map<Door.Key, String> binds = new HashMap<>();
    private final Map<String, PoolConfig> pools = new HashMap<>();

    static List<String> problems(LbConfig config) {
        LbConfigCheck check = new LbConfigCheck();
        for (int i = 0; i < config.listeners().size(); i++) {
            check.listener("listeners[" + i + "]", i, config.listeners().get(i));
        }
        return check.problems;
    }

    private void listener(String at, int index, ListenerConfig listener) {
        String name = listener.name();
        if (name.isBlank()) {
            problems.add(at + ".name: '" + name + "' (expected: a name)");
        }
        Integer earlier = names.putIfAbsent(name, index);
        if (earlier != null) {
            problems.add(at + ".name: " + name + " (expected: a name of its own, listeners[" + earlier + "] has it)");
        }
        InetSocketAddress bind = listener.bind();
        if (bind.isUnresolved()) {
            problems.add(at + ".bind: " + bind.getHostString() + ":" + bind.getPort()
                    + " (expected: an IP address and port)");
        } else if (bind.getPort() != 0) {
            String other = binds.putIfAbsent(Door.Key.of(listener), name);
            if (other != null) {
                problems.add(at + ".bind: " + Addresses.text(bind) + " (expected: an address of its own, listener "
                        + other + " has it)");
            }
        }
        listener.limits().problems().forEach(problem -> problems.add("listener " + name + ": " + problem));
        if (listener.protocol() == Protocol.TLS && listener.entry().tls() != null) {
            problems.add(at + ".tls: given (expected: none, with protocol tls it is the targets')");
        }
        if (listener.protocol() == Protocol.UDP) {
            datagrams(at, listener);
        }
        Map<String, Integer> conditions = new HashMap<>();
        for (int i = 0; i < listener.routes().size(); i++) {
            RouteConfig route = listener.routes().get(i);
            String where = at + ".routes[" + i + "]";
            if ((listener.protocol() == Protocol.TCP || listener.protocol() == Protocol.UDP)
                    && !route.unconditional()) {
                problems.add(where + ": " + route.conditions() + " (expected: no conditions, protocol "
                        + listener.protocol().name().toLowerCase(Locale.ROOT) + " does not see requests)");
            }
            if (listener.protocol() == Protocol.TLS && !route.onlyHost()) {
                problems.add(where + ": " + route.conditions()
                        + " (expected: no condition but a host, protocol tls does not see requests)");
            }
            Integer before = conditions.putIfAbsent(route.conditions() + '\0' + route.priority(), i);
            if (before != null) {
                problems.add(where + ": " + route.conditions() + " (expected: conditions of its own, routes[" + before
                        + "] has these)");
            }
            if (listener.protocol() != Protocol.HTTP && route.pool().targetTls() != null) {
                problems.add("listener " + name + ": target-tls: at pool "
                        + route.pool().name() + " (expected: only with protocol http)");
            }
            if (listener.protocol() != Protocol.HTTP && route.pool().targetProtocol() != TargetProtocol.HTTP_1_1) {
                problems.add("listener " + name + ": target-protocol: h2 at pool "
                        + route.pool().name() + " (expected: only with protocol http)");
            }
            StickyConfig sticky = route.pool().sticky();
            if (listener.protocol() != Protocol.HTTP && sticky != null && sticky.cookie() != null) {
                problems.add("listener " + name + ": sticky: cookie " + sticky.cookie() + " at pool "
                        + route.pool().name() + " (expected: source, there are no cookies without protocol http)");
            }
            MirrorConfig mirror = route.mirror();
            if (mirror != null) {
                mirror(where, listener, route.pool(), mirror);
            }
            // What is wrong with the listener's name is not told again of the pool that is named after it.
            boolean named = !name.isBlank() && earlier == null;
            if (named || !route.pool().name().equals(name)) {
                pool(route.unconditional() ? at : where, route.pool());
            }
        }
    }

    private void mirror(String at, ListenerConfig listener, PoolConfig pool, MirrorConfig mirror) {
        if (listener.protocol() != Protocol.HTTP) {
            problems.add(at + ".mirror: given (expected: only with protocol http)");
        }
        if (mirror.pool().name().equals(pool.name())) {
            problems.add(at + ".mirror: " + pool.name() + " (expected: another pool than that of the route)");
        }
        pool(at + ".mirror", mirror.pool());
    }

    /** What has no meaning for datagrams. */
    private void datagrams(String at, ListenerConfig listener) {
        EntryConfig entry = listener.entry();
        if (entry.tls() != null) {
            problems.add(at + ".tls: given (expected: none with protocol udp)");
        }
        if (!entry.trustedProxies().isEmpty()) {
            problems.add(at + ".proxy-protocol: given (expected: none with protocol udp)");
        }
        if (entry.greeting() != null) {
            problems.add(at + ".send-proxy: given (expected: none with protocol udp)");
        }
        listener.limits()
                .values()
                .forEach((limit, value) -> problems.add("listener " + listener.name() + ": " + limit.key() + ": "
                        + value + " (expected: none with protocol udp, whose limits are in udp)"));
    }

    private void pool(String at, PoolConfig pool) {
        if (pool.name().isBlank()) {
            problems.add(at + ".pool: '" + pool.name() + "' (expected: a name)");
        }
        PoolConfig known = pools.putIfAbsent(pool.name(), pool);
        if (known != null) {
            if (!known.equals(pool)) {
                problems.add(at + ".pool: " + pool.name() + " (expected: the same wherever it is used)");
            }
            return;
        }
        Set<InetSocketAddress> targets = new HashSet<>();
        for (int i = 0; i < pool.targets().size(); i++) {
            InetSocketAddress target = pool.targets().get(i).address();
            if (target.getPort() == 0) {
                problems.add(
                        at + ".targets[" + i + "]: " + Addresses.text(target) + " (expected: a port of 1 to 65535)");
            }
            if (!targets.add(target)) {
                problems.add(at + ".targets[" + i + "]: " + Addresses.text(target) + " (expected: each target once)");
            }
        }
    }
}
