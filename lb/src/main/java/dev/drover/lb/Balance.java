package dev.drover.lb;

/** How a target is chosen. */
public enum Balance {
    /** In turn, over all lanes together. */
    ROUND_ROBIN
}
