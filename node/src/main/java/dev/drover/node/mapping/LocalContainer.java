package dev.drover.node.mapping;

import java.net.Inet4Address;
import org.jspecify.annotations.Nullable;

/**
 * A running container of this host that is part of the overlay.
 *
 * @param name Docker name without the slash
 * @param service {@code stack/service} whose instance it is, null for none
 * @param wired false while it has begun to run and is being wired
 */
public record LocalContainer(
        String name, Inet4Address address, @Nullable String service, boolean wired) {

    /** One that belongs to no service. */
    public LocalContainer(String name, Inet4Address address) {
        this(name, address, null, true);
    }
}
