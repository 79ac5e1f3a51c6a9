package dev.drover.lb;

import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A listener as it is now.
 *
 * @param wanted address of the configuration
 * @param bound address it listens on, with the port taken when 0 was wanted; null when it could not be bound. While a
 *     change of address fails this is the old address, which goes on
 * @param problem why {@code wanted} could not be bound, {@code listener NAME: bind ADDRESS: cause}; null when it is
 * @param removed no longer in the configuration, but connections are left
 * @param connections client connections open now
 */
public record ListenerStatus(
        String name,
        Protocol protocol,
        InetSocketAddress wanted,
        @Nullable InetSocketAddress bound,
        @Nullable String problem,
        boolean removed,
        long connections,
        List<TargetStatus> targets) {
    public ListenerStatus {
        targets = List.copyOf(targets);
    }
}
