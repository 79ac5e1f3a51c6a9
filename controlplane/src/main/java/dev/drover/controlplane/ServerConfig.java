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
public record ServerConfig(Path stateDir, InetSocketAddress listen, InetSocketAddress ui) {}
