package dev.drover.lb.path;

/** The parts of a request's time that are measured. */
public enum Timing {
    /** Waiting for room at a target; counted for requests that had to. */
    QUEUE,
    /** Connecting to a target; counted for requests that found no connection in the pool. */
    CONNECT,
    /** From the request going out to the head of its response. */
    FIRST_BYTE,
    /** From the first byte of the request to the last of its response. TCP: the life of the connection. */
    TOTAL
}
