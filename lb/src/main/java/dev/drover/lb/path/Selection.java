package dev.drover.lb.path;

import org.jspecify.annotations.Nullable;

/**
 * Which target one request goes to, and to which next if that fails: its route's pool, the targets it has tried, the
 * cookie that holds its client. Reused from request to request by one lane.
 */
final class Selection {
    private final LbLane lane;
    private final VirtualServer server;
    private final Tried tried = new Tried();
    private @Nullable Pool pool;
    private @Nullable Mirror mirror;
    private PoolPolicy policy = PoolPolicy.PLAIN;
    private long key;
    /** Token of the target that the client's cookie, or its address, belongs to; 0 for none. */
    private long presented;

    private Method method = Method.OTHER;

    Selection(LbLane lane, VirtualServer server) {
        this.lane = lane;
        this.server = server;
    }

    /**
     * Finds the route; returns null, or how the request ends when there is none.
     *
     * @param source hash of the client's address
     */
    @Nullable
    Outcome begin(RequestHead request, long source) {
        key = source;
        tried.clear();
        pool = null;
        Router router = server.router();
        if (router.ambiguous(request)) {
            return Outcome.BAD_REQUEST;
        }
        Route route = router.match(request);
        if (route == null) {
            return Outcome.NO_ROUTE;
        }
        begin(route.pool());
        mirror = route.mirror();
        method = request.method();
        StickyCookie cookie = policy.sticky();
        if (cookie != null) {
            presented = request.token(cookie);
        }
        return null;
    }

    /** As {@link #begin(RequestHead, long)} where there is no head. */
    @Nullable
    Outcome begin(long source) {
        key = source;
        Route route = server.router().unconditional();
        if (route == null) {
            return Outcome.NO_TARGET;
        }
        begin(route.pool());
        return null;
    }

    /** As {@link #begin(RequestHead, long)} where the route has been found. */
    void begin(Route route, long source) {
        key = source;
        begin(route.pool());
    }

    /** As {@link #begin(RequestHead, long)} for the copy of a request, which {@code to} gets. */
    void begin(Pool to, Method how, long source) {
        key = source;
        tried.clear();
        begin(to);
        method = how;
    }

    private void begin(Pool to) {
        pool = to;
        mirror = null;
        policy = to.policy();
        StickySources sources = policy.sources();
        presented = sources == null ? 0 : sources.token(key, System.nanoTime());
        to.budget().onRequest(lane);
    }

    Pool pool() {
        if (pool == null) {
            throw new IllegalStateException("request: no pool (expected: begun)");
        }
        return pool;
    }

    /** Where a copy of the request goes; null for nowhere. */
    @Nullable
    Mirror mirror() {
        return mirror;
    }

    PoolPolicy policy() {
        return policy;
    }

    /** The target to go to next, or null when there is none with room. */
    @Nullable
    Target next() {
        Target next = choose();
        StickySources sources = policy.sources();
        if (sources != null && next != null) {
            sources.hold(key, next.token(), System.nanoTime());
        }
        return next;
    }

    private @Nullable Target choose() {
        if (presented != 0 && tried.isEmpty()) {
            Target held = pool().sticky(lane, presented, tried);
            if (held != null) {
                return held;
            }
        }
        return pool().pick(lane, key, tried);
    }

    void failedAt(Target target) {
        tried.add(target);
    }

    boolean triedNone() {
        return tried.isEmpty();
    }

    boolean hasOther(Target target) {
        return pool().hasOther(target, tried);
    }

    /** Whether waiting for room makes sense: there are targets that take new work and have not been tried. */
    boolean mayWait() {
        return policy.maxQueued() > 0 && pool().hasUntried(tried);
    }

    /** Whether the request may be sent once more although it may have been work for a target. */
    boolean mayRepeat(long nowNs) {
        return pool().budget().take(lane, policy, nowNs);
    }

    /**
     * A response of {@code target} begins: tells the target what it means for it, and the client where it belongs.
     *
     * @param tookNs since the request went out
     * @param secure whether the client's connection is encrypted
     */
    void answered(Target target, ResponseHead response, long tookNs, boolean secure) {
        int status = response.status();
        if (status >= 502 && status <= 504) {
            failed(target);
        } else {
            target.answered();
            if (policy.latencies()) {
                target.observe(tookNs, System.nanoTime());
            }
        }
        StickyCookie cookie = policy.sticky();
        if (cookie != null && presented != target.token() && cookie.setBy(method)) {
            response.set(cookie, target.token(), secure);
        }
    }

    /** A gateway failure of {@code target}. */
    void failed(Target target) {
        target.gatewayFailure(policy, pool().targets(), System.nanoTime());
    }
}
