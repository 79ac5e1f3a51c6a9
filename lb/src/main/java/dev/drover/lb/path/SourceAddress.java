package dev.drover.lb.path;

import java.net.Inet4Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** From where a connection to a target comes, when its pool wants that to be the client's address. */
final class SourceAddress {
    private SourceAddress() {}

    /**
     * The client's address, or null where no connection to the target can come from it: of the other version of IP, or one of
     * both is known on this host (loopback) or on one link alone.
     */
    static @Nullable InetAddress of(InetAddress client, InetAddress target) {
        boolean routable = !client.isLinkLocalAddress()
                && client instanceof Inet4Address == target instanceof Inet4Address
                && client.isLoopbackAddress() == target.isLoopbackAddress();
        return routable ? client : null;
    }
}
