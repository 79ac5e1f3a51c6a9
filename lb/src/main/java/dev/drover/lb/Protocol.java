package dev.drover.lb;

/** What a listener speaks with its clients. */
public enum Protocol {
    /** HTTP/1.1: each request is balanced on its own. */
    HTTP,
    /** A byte stream: each connection is balanced on its own. */
    TCP,
    /** As {@link #TCP}, of TLS that ends at the target: the server name the client asks for chooses the route. */
    TLS,
    /** Datagrams: each session of a client, from its address and port, is balanced on its own ({@link UdpConfig}). */
    UDP
}
