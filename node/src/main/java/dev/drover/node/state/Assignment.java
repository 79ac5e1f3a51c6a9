package dev.drover.node.state;

/**
 * The overlay address of one container, kept from its first start until it is removed.
 *
 * @param address {@code a.b.c.d}
 * @param mac {@code aa:bb:cc:dd:ee:ff}
 */
public record Assignment(String address, String mac) {}
