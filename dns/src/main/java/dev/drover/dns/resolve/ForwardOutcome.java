package dev.drover.dns.resolve;

/** What became of a question to upstreams, and of each try at one of them. */
public enum ForwardOutcome {
    /** A usable answer came. */
    ANSWERED,
    /** Every upstream failed or the time was up. */
    FAILED,
    /** A client asked what was being asked already, and waits for the same answer. */
    COALESCED,
    /** Too many queries in flight: the client got SERVFAIL at once. */
    LIMITED,
    /** No upstream is configured for the name: the client got NXDOMAIN. */
    NO_UPSTREAM,
    /** A query of our own came back to us: an upstream forwards to us. */
    LOOP,
    /** One upstream did not reply in time. */
    TRY_TIMEOUT,
    /** One upstream could not be reached, or is not who it should be. */
    TRY_UNREACHABLE,
    /** One upstream replied SERVFAIL, REFUSED or the like. */
    TRY_REFUSED,
    /** A reply with a wrong ID or question, or malformed, was ignored; it may be forged. */
    TRY_MISMATCH,
    /** A reply in another case of letters was not believed and asked for again over TCP. */
    TRY_OTHER_CASE,
    /** A truncated reply was asked for again over TCP. */
    TRY_TCP,
    /** An upstream that does not understand EDNS was asked again without it. */
    TRY_PLAIN,
    /** A second upstream, or the only one once more, was asked as the first let us wait. */
    TRY_HEDGE,
    /** An upstream that was not asked for a while was asked besides, to know its time. */
    TRY_PROBE
}
