package dev.drover.node.config;

import dev.drover.dns.DnsConfig;
import dev.drover.lb.LbConfig;
import dev.drover.overlay.OverlayConfig;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a static node file says; a part that is null does not run.
 *
 * @param admin address of the admin endpoint, null for none
 * @param handover Unix socket at which a successor asks for our sockets, null for none
 */
public record NodeFile(
        @Nullable OverlayConfig overlay,
        LbConfig lb,
        @Nullable DnsConfig dns,
        @Nullable InetSocketAddress admin,
        @Nullable Path handover) {}
