package dev.drover.node.mapping;

import java.net.Inet4Address;

/**
 * A running container of this host that is wired into the overlay.
 *
 * @param name Docker name without the slash
 */
public record LocalContainer(String name, Inet4Address address) {}
