package dev.drover.node.state;

import dev.drover.controlplane.link.HostIdentity;
import java.util.Map;

/**
 * Who this host is, kept since it joined.
 *
 * @param server address of the control plane, {@code https://host:port}
 * @param pin SHA-256 of the SubjectPublicKeyInfo of the server's certificate, base64url without padding
 * @param hostKey bearer secret; never logged
 * @param vtep underlay address of this host
 */
public record Identity(
        String server,
        String pin,
        String hostKey,
        String machineId,
        String vtep,
        Map<String, String> labels,
        HostIdentity host) {
    public Identity {
        labels = Map.copyOf(labels);
    }

    public Identity withHost(HostIdentity newHost) {
        return new Identity(server, pin, hostKey, machineId, vtep, labels, newHost);
    }

    @Override
    public String toString() {
        return "Identity[server=" + server + ", vtep=" + vtep + ", host=" + host + "]";
    }
}
