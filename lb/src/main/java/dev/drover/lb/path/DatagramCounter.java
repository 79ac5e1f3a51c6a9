package dev.drover.lb.path;

/** What a UDP listener has relayed. */
public enum DatagramCounter {
    /** Datagrams of clients that a target got. */
    RECEIVED,
    /** Without headers. */
    RECEIVED_BYTES,
    /** Datagrams of targets that a client got. */
    SENT,
    SENT_BYTES
}
