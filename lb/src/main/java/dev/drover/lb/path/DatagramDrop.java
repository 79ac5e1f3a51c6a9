package dev.drover.lb.path;

/** Why a datagram of a UDP listener went nowhere. */
public enum DatagramDrop {
    /** It would have begun a session, and the listener has as many as it may. */
    LISTENER_FULL,
    /** It would have begun a session, and its source has as many as it may. */
    SOURCE_FULL,
    /** No target takes work, or each one refused. */
    NO_TARGET,
    /** The process, or the host, has as many files open as it may. */
    NO_DESCRIPTOR,
    /** It came from port 0, to which nothing can be sent. */
    NO_PORT,
    /** The kernel's queue towards the target was full. */
    TARGET_QUEUE_FULL,
    /** The kernel's queue towards clients was full. */
    CLIENT_QUEUE_FULL,
    /** The kernel refused it for another reason. */
    IO_ERROR
}
