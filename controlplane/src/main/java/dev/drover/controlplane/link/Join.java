package dev.drover.controlplane.link;

import java.util.Map;

/** Joining: {@code POST /v1/join}, the only call a join token is good for. */
public final class Join {
    private Join() {}

    /**
     * @param token the join token as printed
     * @param hostName unique in the environment
     * @param machineId stable id of the machine; tells the same host from another of the same name
     * @param vtep underlay address
     */
    public record Request(String token, String hostName, String machineId, String vtep, Map<String, String> labels) {}

    /**
     * @param hostKey bearer secret of this host for {@code /v1/link}; kept with mode 0600, never logged
     */
    public record Response(HostIdentity identity, String hostKey) {}
}
