package dev.drover.dns.path;

/** Why something was thrown away without a reply. */
public enum Drop {
    /** Shorter than a header. */
    SHORT,
    /** QR is set: a response nobody asked for; answering could start a loop between two servers. */
    RESPONSE,
    /** UDP source port 0: there is nowhere to reply to. */
    NO_PORT,
    /** More replies to the client's network than the rate limit allows; some of those go out truncated instead. */
    RATE_LIMITED,
    /** The kernel has no room for a UDP reply in the socket's send buffer: it is not kept for later. */
    SEND_QUEUE_FULL,
    /** The kernel refused to send, or the peer reset the connection. */
    IO_ERROR,
    /** TCP frame of length 0 or longer than any query; the connection is closed. */
    BAD_FRAME,
    /** TCP connection above the limit of its client or of the server. */
    CONNECTION_LIMIT,
    /** TCP connection without a whole query for the idle time. */
    IDLE,
    /** A defect of this server: see its log. */
    INTERNAL
}
