package dev.drover.node;

import dev.drover.node.cli.CliException;
import dev.drover.node.config.NodeFile;
import dev.drover.node.config.NodeFileParser;
import dev.drover.node.link.LinkException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code drover node}: joined to a control plane, or from a file. */
@Command(
        name = "node",
        description = "Run this host's node: joined to a control plane (--server, --token), or from a file (--config).")
final class NodeCommand implements Callable<Integer> {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Static node file: the data plane alone, without control plane and Docker.")
    @Nullable
    Path config;

    @Option(names = "--server", paramLabel = "URL", description = "Control plane, https://HOST:PORT.")
    @Nullable
    String server;

    @Option(
            names = "--token",
            paramLabel = "TOKEN",
            description = "Join token; needed at the first start only; default: $$DROVER_JOIN_TOKEN.")
    @Nullable
    String token;

    @Option(
            names = "--state-dir",
            paramLabel = "DIR",
            defaultValue = "/var/lib/drover/node",
            description = "Identity, desired state and addresses; default: ${DEFAULT-VALUE}.")
    Path stateDir = Path.of("");

    @Option(
            names = "--take-over",
            description =
                    "Take the sockets of the node that runs here, if one does, and let it end without a lost request.")
    boolean takeOver;

    @Mixin
    NodeOptions options = new NodeOptions();

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() throws InterruptedException {
        if (config != null) {
            if (server != null || token != null) {
                throw new ParameterException(
                        spec.commandLine(),
                        "--config goes without --server and --token (expected: one of the two modes)");
            }
            runStatic(config);
        } else {
            runManaged();
        }
        return 0;
    }

    private void runStatic(Path path) throws InterruptedException {
        String text = read(path);
        NodeFile file = NodeFileParser.parse(path.toString(), text);
        if (file.overlay() != null) {
            Requirements.checkHost();
        }
        try (Shutdown shutdown = new Shutdown();
                NodeProcess process = NodeProcess.ofFile(path, text, file, takeOver)) {
            Hangup.onSignal(process::reload);
            process.onLeft(shutdown::ask);
            shutdown.await();
        }
    }

    private static String read(Path path) {
        try {
            return Files.readString(path);
        } catch (IOException e) {
            throw new CliException(path + ": cannot be read (expected: a readable node file)", e);
        }
    }

    private void runManaged() throws InterruptedException {
        Membership.Wish wish = new Membership.Wish(
                server == null ? null : serverUri(server),
                token == null ? System.getenv("DROVER_JOIN_TOKEN") : token,
                options.name,
                options.checkedVtep(),
                options.labels);
        Requirements.checkHost();
        try (Shutdown shutdown = new Shutdown();
                NodeProcess process = NodeProcess.ofMember(NodeOptions.directory(stateDir), wish, options, takeOver)) {
            process.onLeft(shutdown::ask);
            shutdown.await();
        } catch (LinkException e) {
            throw new CliException(String.valueOf(e.getMessage()), e);
        }
    }

    static URI serverUri(String text) {
        try {
            URI uri = URI.create(text);
            if ("https".equals(uri.getScheme()) && uri.getHost() != null) {
                return URI.create("https://" + uri.getRawAuthority());
            }
        } catch (IllegalArgumentException e) {
            throw new CliException("server: " + text + " (expected: https://HOST:PORT)", e);
        }
        throw new CliException("server: " + text + " (expected: https://HOST:PORT)");
    }
}
