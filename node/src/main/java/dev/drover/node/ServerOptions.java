package dev.drover.node;

import dev.drover.controlplane.ControlPlane;
import dev.drover.controlplane.ServerConfig;
import dev.drover.node.cli.CliException;
import dev.drover.node.mapping.Tables;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Options of the control plane, shared by {@code server} and {@code standalone}. */
final class ServerOptions {
    @Option(
            names = "--listen",
            paramLabel = "ADDRESS:PORT",
            defaultValue = "0.0.0.0:8443",
            description = "HTTPS: API, UI and the nodes' link; default: ${DEFAULT-VALUE}.")
    String listen = "";

    @Option(
            names = "--ui",
            paramLabel = "ADDRESS:PORT",
            defaultValue = "127.0.0.1:8080",
            description = "Plain HTTP for API and UI on a loopback address; default: ${DEFAULT-VALUE}.")
    String ui = "";

    /** Starts it and says on standard output where it is, and once, at its very first start, the admin's password. */
    ControlPlane start(Path stateDir, PrintWriter out) {
        ControlPlane server = ControlPlane.start(
                new ServerConfig(NodeOptions.directory(stateDir), address("listen", listen), address("ui", ui)));
        server.adminPassword().ifPresent(password -> out.println("admin password: " + password));
        out.println("ui: http://" + text(server.uiAddress()));
        out.println("api: https://" + text(server.httpsAddress()));
        out.println("server key (SHA-256): " + server.spkiPin());
        out.flush();
        return server;
    }

    private static InetSocketAddress address(String key, String text) {
        try {
            return Tables.socketAddress(text);
        } catch (IllegalArgumentException e) {
            throw new CliException(key + ": " + text + " (expected: ADDRESS:PORT of this machine)", e);
        }
    }

    static String text(InetSocketAddress address) {
        String host = address.getAddress().isAnyLocalAddress()
                ? "0.0.0.0"
                : address.getAddress().getHostAddress();
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + address.getPort();
    }
}
