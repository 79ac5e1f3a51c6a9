package dev.drover.lb;

/** How a target is chosen; all take weights and priorities of targets into account. */
public enum Balance {
    /** In turn, over all lanes together. */
    ROUND_ROBIN,
    /** Fewest requests (HTTP) or connections (TCP) now. */
    LEAST_CONNECTIONS,
    /** Of two at random the one that is expected to answer sooner. */
    POWER_OF_TWO,
    /** By the client's address; a change of targets moves only the clients it must. */
    SOURCE_HASH,
    /** As {@link #SOURCE_HASH}, by a table: for many targets, at the price of a few more moves. */
    MAGLEV
}
