package dev.drover.lb.path;

/** How a request (HTTP), a connection (TCP) or a session (UDP) ended; each ends in exactly one way. */
public enum Outcome {
    /** HTTP: the response was relayed to its end. */
    RELAYED,
    /** HTTP: the connection was handed to another protocol (101) and has ended. */
    UPGRADED,
    /** TCP, UDP: the connection, or session, was relayed and has ended. */
    TUNNELLED,
    /** The client went away before the end. */
    CLIENT_ABORT,
    /** 400, 405, 417, 501, 505: not a request that may be forwarded. */
    BAD_REQUEST,
    /** 414, 431. */
    HEAD_TOO_LARGE,
    /** 413. */
    BODY_TOO_LARGE,
    /** 408. */
    REQUEST_TIMEOUT,
    /** 429: the source of the request asks too often. */
    RATE_LIMITED,
    /** 504: the request as a whole took longer than it may. */
    DEADLINE_EXCEEDED,
    /** 404: no route of the listener fits. */
    NO_ROUTE,
    /** 503: every target is full, and so is the queue or the wait was too long. */
    OVERLOADED,
    /** 503: the pool has no target that takes requests. */
    NO_TARGET,
    /** 503: no target could be connected. */
    CONNECT_FAILED,
    /** 502: the target closed the connection, or refused the request, before its response. */
    UPSTREAM_CLOSED,
    /** 502: the response was not HTTP that may be forwarded. */
    UPSTREAM_INVALID,
    /** 504. */
    RESPONSE_TIMEOUT,
    /** The response broke off after its head had been relayed; the client's connection was cut. */
    RESPONSE_TRUNCATED;

    /** Whether somebody did not get what was asked for. */
    public boolean failure() {
        return this != RELAYED && this != UPGRADED && this != TUNNELLED;
    }
}
