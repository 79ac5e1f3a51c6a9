package dev.drover.controlplane.link;

import com.fasterxml.jackson.annotation.JsonIgnore;
import org.jspecify.annotations.Nullable;

/**
 * What a host is within its environment. Given at join and repeated at each connect; the node keeps it on disk.
 *
 * @param block address block leased to the host, {@code a.b.c.d/n}; its first address is the host's own
 * @param subnet the environment's overlay subnet
 * @param vni VXLAN network identifier of the environment
 * @param port UDP port of the overlay
 * @param zone DNS zone, {@code rancher.internal}
 * @param encryption whether the overlay is encrypted; null, from an older server, is no
 */
public record HostIdentity(
        String hostId,
        String hostName,
        String environmentId,
        String environmentName,
        String block,
        String subnet,
        int vni,
        int port,
        String zone,
        @Nullable Boolean encryption) {

    /** Without encryption. */
    public HostIdentity(
            String hostId,
            String hostName,
            String environmentId,
            String environmentName,
            String block,
            String subnet,
            int vni,
            int port,
            String zone) {
        this(hostId, hostName, environmentId, environmentName, block, subnet, vni, port, zone, null);
    }

    @JsonIgnore
    public boolean encrypted() {
        return Boolean.TRUE.equals(encryption);
    }
}
