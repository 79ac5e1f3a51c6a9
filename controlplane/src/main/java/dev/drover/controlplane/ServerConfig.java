package dev.drover.controlplane;

import java.net.InetSocketAddress;
import java.nio.file.Path;

/**
 * Settings of the control plane.
 *
 * @param stateDir holds the store and the server's key; created with mode 0700
 * @param listen HTTPS: API, UI and the nodes' link
 * @param ui plain HTTP for API and UI; only a loopback address is accepted
 */
public record ServerConfig(Path stateDir, InetSocketAddress listen, InetSocketAddress ui) {
    public ServerConfig {
        if (listen.isUnresolved()) {
            throw new IllegalArgumentException("listen: " + listen + " (expected: ADDRESS:PORT of this machine)");
        }
        if (ui.isUnresolved() || !ui.getAddress().isLoopbackAddress()) {
            throw new IllegalArgumentException(
                    "ui: " + ui + " (expected: a loopback address, it is not encrypted; others use the HTTPS port)");
        }
    }
}
