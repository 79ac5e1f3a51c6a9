package dev.drover.dns.path;

/** What became of a query for a name that is not ours, and of each try at an upstream. */
public enum ForwardOutcome {
    /** A usable reply went to the client. */
    ANSWERED,
    /** Every upstream failed or the time was up: the client got SERVFAIL. */
    FAILED,
    /** Too many queries in flight: the client got SERVFAIL at once. */
    LIMITED,
    /** No upstream is configured: the client got NXDOMAIN. */
    NO_UPSTREAM,
    /** One upstream did not reply in time. */
    TRY_TIMEOUT,
    /** One upstream could not be reached. */
    TRY_UNREACHABLE,
    /** One upstream replied SERVFAIL, REFUSED or the like. */
    TRY_REFUSED,
    /** A reply with a wrong ID or question, or malformed, was ignored; it may be forged. */
    TRY_MISMATCH,
    /** A truncated reply was asked for again over TCP. */
    TRY_TCP,
    /** An upstream that does not understand EDNS was asked again without it. */
    TRY_PLAIN
}
