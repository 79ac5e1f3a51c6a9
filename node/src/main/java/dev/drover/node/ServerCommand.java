package dev.drover.node;

import dev.drover.controlplane.ControlPlane;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code drover server}: the control plane. */
@Command(name = "server", description = "Run the control plane.")
final class ServerCommand implements Callable<Integer> {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            defaultValue = "/var/lib/drover/server",
            description = "Store and server key; default: ${DEFAULT-VALUE}.")
    Path stateDir = Path.of("");

    @Mixin
    ServerOptions options = new ServerOptions();

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        try (Shutdown shutdown = new Shutdown();
                ControlPlane server = options.start(stateDir, out)) {
            int port = server.httpsAddress().getPort();
            out.println("next: drover login https://THIS_HOST:" + port + "; drover env create test; drover token create"
                    + " test; then on each host: drover node --server https://THIS_HOST:" + port + " --token TOKEN");
            out.flush();
            shutdown.await();
        }
        return 0;
    }
}
