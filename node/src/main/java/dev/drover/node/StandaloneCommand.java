package dev.drover.node;

import dev.drover.controlplane.ControlPlane;
import dev.drover.node.cli.CliException;
import dev.drover.node.cli.FirstSteps;
import dev.drover.node.link.LinkException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code drover standalone}: control plane and node in one process. */
@Command(
        name = "standalone",
        description =
                "Run control plane and node in one process, on this host's Docker engine. The first start makes the"
                        + " environment default and joins it.")
final class StandaloneCommand implements Callable<Integer> {
    private static final String ENVIRONMENT = "default";

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            defaultValue = "/var/lib/drover",
            description = "Holds the folders server and node; default: ${DEFAULT-VALUE}.")
    Path stateDir = Path.of("");

    @Option(
            names = "--token",
            paramLabel = "TOKEN",
            description = "Join token, to join another environment than default.")
    @Nullable
    String token;

    @Mixin
    ServerOptions serverOptions = new ServerOptions();

    @Mixin
    NodeOptions nodeOptions = new NodeOptions();

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        Requirements.checkHost();
        Path nodeDir = NodeOptions.directory(stateDir).resolve("node");
        if (!Files.exists(nodeDir.resolve("identity.json"))) {
            Requirements.checkEngine(nodeOptions.socket());
        }
        PrintWriter out = spec.commandLine().getOut();
        try (Shutdown shutdown = new Shutdown();
                ControlPlane server = serverOptions.start(stateDir.resolve("server"), out)) {
            URI address =
                    URI.create("https://127.0.0.1:" + server.httpsAddress().getPort());
            Membership.Wish wish = new Membership.Wish(
                    address,
                    joinToken(server, address),
                    nodeOptions.name,
                    nodeOptions.checkedVtep(),
                    nodeOptions.labels);
            try (NodeProcess _ = NodeProcess.ofMember(nodeDir, wish, nodeOptions, false)) {
                shutdown.await();
            }
        } catch (LinkException e) {
            throw new CliException(String.valueOf(e.getMessage()), e);
        }
        return 0;
    }

    /** Null when the node has joined already, or must be told the token. */
    private @Nullable String joinToken(ControlPlane server, URI address) {
        return token != null
                ? token
                : server.adminPassword()
                        .map(password -> FirstSteps.joinToken(address, server.spkiPin(), password, ENVIRONMENT))
                        .orElse(null);
    }
}
