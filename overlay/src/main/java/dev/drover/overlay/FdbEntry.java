package dev.drover.overlay;

import dev.drover.dataplane.Mac;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where a MAC address of the overlay is.
 *
 * @param address that it has, null when nobody has told
 * @param vtep the peer it is behind, null for this host
 * @param port of the bridge on this host, null behind a peer
 * @param revision of the configured fact
 * @param ageMs since it was learned
 */
public record FdbEntry(
        Mac mac,
        @Nullable InetAddress address,
        @Nullable InetAddress vtep,
        @Nullable String port,
        Known known,
        @Nullable Long revision,
        @Nullable Long ageMs) {

    /** Who said so. */
    public enum Known {
        /** A neighbour of the configuration. */
        CONFIGURED,
        /** A lane has seen it come from the peer. */
        LEARNED,
        /** The bridge of this host. */
        LOCAL
    }

    /** A container of this host. */
    public static FdbEntry local(Mac mac, @Nullable InetAddress address, String port) {
        return new FdbEntry(mac, address, null, port, Known.LOCAL, null, null);
    }
}
