package dev.drover.lb.path;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The routes of a listener at one moment. Finds the first route, in the order given, whose conditions a request
 * fulfils: by the host first (a table for whole hosts, one for {@code *.suffix}, the few {@code prefix.*} one by one),
 * then among the routes of that host in turn. Allocates nothing.
 */
public final class Router {
    private static final Route[] EMPTY = {};

    /** Leads nowhere. */
    public static final Router NONE = new Router(List.of());

    private final Route[] ordered;
    private final @Nullable Route sole;
    private final @Nullable Route last;
    private final boolean hosts;
    private final boolean paths;
    private final HostTable exact;
    private final HostTable suffixes;
    private final Route[] prefixes;
    private final Route[] any;

    /** @param ordered the first that fits has the request */
    public Router(List<Route> ordered) {
        this.ordered = ordered.toArray(EMPTY);
        Map<String, List<Route>> exactHosts = new LinkedHashMap<>();
        Map<String, List<Route>> suffixHosts = new LinkedHashMap<>();
        List<Route> prefixHosts = new ArrayList<>();
        List<Route> noHost = new ArrayList<>();
        boolean path = false;
        for (int rank = 0; rank < this.ordered.length; rank++) {
            Route route = this.ordered[rank];
            route.rank = rank;
            path |= route.path.length > 0;
            switch (route.hostKind) {
                case EXACT ->
                    exactHosts
                            .computeIfAbsent(text(route), h -> new ArrayList<>())
                            .add(route);
                case SUFFIX ->
                    suffixHosts
                            .computeIfAbsent(text(route), h -> new ArrayList<>())
                            .add(route);
                case PREFIX -> prefixHosts.add(route);
                case ANY -> noHost.add(route);
            }
        }
        exact = new HostTable(exactHosts);
        suffixes = new HostTable(suffixHosts);
        prefixes = prefixHosts.toArray(EMPTY);
        any = noHost.toArray(EMPTY);
        hosts = noHost.size() < ordered.size();
        paths = path;
        sole = ordered.size() == 1 && ordered.getFirst().unconditional() ? ordered.getFirst() : null;
        last = ordered.stream().filter(Route::unconditional).findFirst().orElse(null);
    }

    private static String text(Route route) {
        return new String(route.host, StandardCharsets.ISO_8859_1);
    }

    /** Where connections without a head go; null when every route has a condition. */
    @Nullable
    Route unconditional() {
        return last;
    }

    /** The route of a request, or null when none fits. */
    @Nullable
    Route match(RequestHead head) {
        if (sole != null) {
            return sole;
        }
        int best = first(any, head, ordered.length);
        if (hosts) {
            byte[] bytes = head.bytes();
            int from = head.hostNameStart();
            int to = head.hostNameEnd();
            best = first(exact.find(bytes, from, to), head, best);
            for (int at = from; at < to; at++) {
                if (bytes[at] == '.') {
                    best = first(suffixes.find(bytes, at, to), head, best);
                }
            }
            for (Route route : prefixes) {
                int end = from + route.host.length;
                if (end <= to && Ascii.equal(bytes, from, end, route.host) && route.fits(head)) {
                    best = Math.min(best, route.rank);
                }
            }
        }
        return best == ordered.length ? null : ordered[best];
    }

    /**
     * Where a connection goes that asks for a server name, or null when no route has it. The host is all that routes of
     * such connections decide by.
     *
     * @param to equal to {@code from} for none
     */
    @Nullable
    Route match(byte[] bytes, int from, int to) {
        int best = first(any, ordered.length);
        if (hosts && to > from) {
            best = first(exact.find(bytes, from, to), best);
            for (int at = from; at < to; at++) {
                if (bytes[at] == '.') {
                    best = first(suffixes.find(bytes, at, to), best);
                }
            }
            for (Route route : prefixes) {
                int end = from + route.host.length;
                if (end <= to && Ascii.equal(bytes, from, end, route.host)) {
                    best = Math.min(best, route.rank);
                }
            }
        }
        return best == ordered.length ? null : ordered[best];
    }

    private static int first(Route @Nullable [] routes, int best) {
        return routes == null || routes.length == 0 ? best : Math.min(best, routes[0].rank);
    }

    /** Rank of the first of {@code routes} that fits, if it is before {@code best}. */
    private static int first(Route @Nullable [] routes, RequestHead head, int best) {
        if (routes != null) {
            for (Route route : routes) {
                if (route.rank >= best) {
                    break;
                }
                if (route.fits(head)) {
                    return route.rank;
                }
            }
        }
        return best;
    }

    /** Whether the path of a request could be understood in two ways where paths decide. */
    boolean ambiguous(RequestHead head) {
        return paths && PathPrefix.hasDotSegment(head.bytes(), head.pathStart(), head.pathEnd());
    }
}
