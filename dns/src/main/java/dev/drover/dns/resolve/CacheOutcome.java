package dev.drover.dns.resolve;

/** What the cache had for a query of a name that is not ours. */
public enum CacheOutcome {
    /** A current answer. */
    HIT,
    /** Nothing, or an answer past its time: upstreams are asked. */
    MISS,
    /** An answer past its time went to the client, as upstreams failed or were slow (RFC 8767). */
    STALE,
    /** The same question failed a moment ago: upstreams are left alone (RFC 9520). */
    FAILED_BEFORE,
    /** An answer asked for often was fetched anew before its end. */
    PREFETCH
}
