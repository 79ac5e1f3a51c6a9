package dev.drover.lb.path;

/**
 * How many requests of a pool may be sent a second time, so that retries do not finish off targets that are overloaded:
 * a share of the requests of the last ten seconds or so, and some that are always allowed. Each lane has its part.
 */
final class RetryBudget {
    private static final double WINDOW_S = 10;
    private static final double S_PER_NS = 1e-9;

    /** One lane's part; touched by it alone. */
    private static final class Part {
        long requests;
        long countedRequests;
        long countedAtNs = System.nanoTime();
        double tokens = Double.NaN;
    }

    private final Part[] parts;

    RetryBudget(int lanes) {
        parts = new Part[lanes];
        for (int i = 0; i < lanes; i++) {
            parts[i] = new Part();
        }
    }

    /** A request began. */
    void onRequest(LbLane lane) {
        parts[lane.index()].requests++;
    }

    /** Takes one retry, if there is one left. */
    boolean take(LbLane lane, PoolPolicy policy, long nowNs) {
        Part part = parts[lane.index()];
        double perSecond = (double) policy.budgetPerSecond() / parts.length;
        double elapsedS = Math.max(1e-6, (nowNs - part.countedAtNs) * S_PER_NS);
        double gained = (part.requests - part.countedRequests) * policy.budgetPercent() / 100.0 + perSecond * elapsedS;
        double kept = Math.exp(-elapsedS / WINDOW_S);
        double before = Double.isNaN(part.tokens) ? perSecond * WINDOW_S : part.tokens;
        // What came evenly over the elapsed time has decayed for half of it on average.
        part.tokens = before * kept + gained * (1 - kept) * WINDOW_S / elapsedS;
        part.countedRequests = part.requests;
        part.countedAtNs = nowNs;
        if (part.tokens < 1) {
            return false;
        }
        part.tokens -= 1;
        return true;
    }
}
