package dev.drover.node.config;

import dev.drover.dataplane.Transport;
import dev.drover.dns.DnsConfig;
import dev.drover.lb.LbConfig;
import dev.drover.overlay.NetworkPolicy;
import dev.drover.overlay.OverlayConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a static node file says; a part that is null does not run.
 *
 * @param policy of the overlay, null where everything is allowed
 * @param admin address of the admin endpoint, null for none
 * @param handover Unix socket at which a successor asks for our sockets, null for none
 * @param transport how the event loops wait for the kernel; only epoll can have a successor
 */
public record NodeFile(
        @Nullable OverlayConfig overlay,
        @Nullable NetworkPolicy policy,
        LbConfig lb,
        @Nullable DnsConfig dns,
        @Nullable InetSocketAddress admin,
        @Nullable Path handover,
        Transport transport) {}
