package dev.drover.node;

import dev.drover.node.cli.CliException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code drover server}: the control plane. */
@Command(name = "standalone", description = "Run the control plane.")
final class StandaloneCommand implements Callable<Integer> {
    @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
    boolean help;

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            defaultValue = "/var/lib/drover/server",
            description = "Store and server key; default: ${DEFAULT-VALUE}.")
    Path stateDir = Path.of("");

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

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() {
        throw new CliException("server: not built");
    }
}
