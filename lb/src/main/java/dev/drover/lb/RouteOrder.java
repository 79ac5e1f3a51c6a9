package dev.drover.lb;

import java.util.Comparator;

/**
 * The order in which routes are asked, the same whatever order they were written in: an explicit priority first, lower
 * before higher; then as in Rancher 1.x, host with path, host, wildcard host with path, wildcard host, path, everything.
 * Longer wildcards and paths go before shorter ones, more conditions before fewer, and the text decides the rest.
 */
final class RouteOrder implements Comparator<RouteConfig> {
    static final RouteOrder INSTANCE = new RouteOrder();

    private static final Comparator<RouteConfig> ORDER = Comparator.<RouteConfig>comparingInt(
                    route -> route.priority() == null ? Integer.MAX_VALUE : route.priority())
            .thenComparingInt(RouteOrder::hostClass)
            .thenComparingInt(route -> hostClass(route) == 1 ? -route.host().length() : 0)
            .thenComparingInt(route -> -route.path().length())
            .thenComparingInt(route -> -route.headers().size())
            .thenComparingInt(route -> route.methods().isEmpty() ? 1 : 0)
            .thenComparing(RouteConfig::conditions);

    private RouteOrder() {}

    private static int hostClass(RouteConfig route) {
        if (route.host().isEmpty()) {
            return 2;
        }
        return route.host().contains("*") ? 1 : 0;
    }

    @Override
    public int compare(RouteConfig a, RouteConfig b) {
        return ORDER.compare(a, b);
    }
}
