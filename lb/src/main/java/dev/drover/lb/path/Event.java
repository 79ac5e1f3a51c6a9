package dev.drover.lb.path;

/** What happened on the way of requests; any number per request. */
public enum Event {
    CLIENT_CONNECTED,
    /** Of those, with HTTP/2. */
    CLIENT_HTTP2,
    /** A connection of HTTP/2 was ended for frames that cost us more than the client. */
    CLIENT_FLOODED,
    /** A client was reset since its listener has as many connections as it may. */
    CLIENT_REFUSED_LISTENER_FULL,
    /** A client was reset since its address has as many connections as it may. */
    CLIENT_REFUSED_SOURCE_FULL,
    /** A trusted proxy's connection began without a valid header of the PROXY protocol. */
    PROXY_HEADER_REFUSED,
    /** A TLS handshake with a client was completed. */
    TLS_ESTABLISHED,
    /** A TLS handshake with a client failed, or took too long. */
    TLS_FAILED,
    /** A certificate was shown without an answer on its standing, although one is wanted (OCSP). */
    TLS_WITHOUT_STAPLE,
    /** A client asked for a server name that no route of a listener without keys of its own has. */
    SERVER_NAME_UNKNOWN,
    UPSTREAM_CONNECTED,
    /** Of those, with HTTP/2. */
    UPSTREAM_HTTP2,
    UPSTREAM_CONNECT_FAILED,
    /** A target did not prove who it is, or did not complete the TLS handshake in time; it counts as a failed connect. */
    UPSTREAM_TLS_FAILED,
    /** A request found a connection: one at rest, or one of HTTP/2 that takes another stream. */
    UPSTREAM_REUSED,
    /** A pooled connection was closed by the target, or held unasked bytes, while idle. */
    UPSTREAM_IDLE_CLOSED,
    /** A pooled connection was closed by the target before any byte of a response. */
    UPSTREAM_STALE,
    /** A target of HTTP/2 said that it has not looked at a request: GOAWAY or REFUSED_STREAM. */
    UPSTREAM_REFUSED,
    /** A request was given to another target, or to a fresh connection, after a failure. */
    RETRIED,
    /** Of those, because its target left the configuration and gave no answer. */
    RETRIED_TARGET_REMOVED,
    /** Of those, because the answer took longer than one attempt may. */
    RETRIED_SLOW,
    /** A request that could have been given to another target was not: there had been too many. */
    RETRY_BUDGET_SPENT,
    /** A request had to wait for room at a target. */
    QUEUED,
    /** A direction of a byte stream was given to the kernel, since it carried much. */
    SPLICED,
    /** A copy of a request was sent to a mirror. */
    MIRRORED,
    /** Of those, the mirror gave no valid answer in time. */
    MIRROR_FAILED,
    /** There was no copy of a request, since as many were under way as may be. */
    MIRROR_BUSY,
    /** There was no copy of a request, since its body was longer than copies may be. */
    MIRROR_BODY_TOO_LARGE,
    /** A request is missing in the access log: its writer was too far behind. */
    LOG_DROPPED,
    /** An exception without a cause of its own; a defect if it is ever counted. */
    UNEXPECTED_EXCEPTION
}
