package dev.drover.dns.path;

import dev.drover.dns.resolve.AnswerCache;
import dev.drover.dns.resolve.CachePolicy;
import dev.drover.dns.resolve.Forwarding;
import dev.drover.dns.resolve.Timing;

/** Everything a query is answered from, published as one. */
public record Serving(
        Zone zone,
        Forwarding forwarding,
        AnswerCache cache,
        Timing timing,
        Limits limits,
        ResponseRate rate,
        QueryTap tap) {
    /** Nothing but a zone. */
    public static Serving of(Zone zone) {
        return new Serving(
                zone,
                Forwarding.NONE,
                new AnswerCache(CachePolicy.NONE),
                Timing.DEFAULT,
                Limits.DEFAULT,
                new ResponseRate(ResponseRate.Rule.NONE),
                QueryTap.NONE);
    }

    /** Whether names that are not ours are looked up for clients. */
    boolean recursion() {
        return !forwarding.isEmpty();
    }
}
