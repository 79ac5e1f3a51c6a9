package dev.drover.dns.path;

/** How a query came in. */
public enum Via {
    UDP,
    TCP
}
