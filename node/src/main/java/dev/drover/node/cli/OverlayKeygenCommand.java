package dev.drover.node.cli;

import dev.drover.node.state.PrivateKeyFile;
import dev.drover.overlay.Encryption;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code drover overlay keygen}. */
@Command(
        name = "keygen",
        description = "Write a new private key for an encrypted overlay to FILE; prints the public key for the peers.")
public final class OverlayKeygenCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    @Parameters(paramLabel = "FILE", description = "New file; only its owner can read it.")
    @SuppressWarnings("NullAway.Init") // set by picocli
    Path file;

    @Override
    public Integer call() {
        Encryption key = PrivateKeyFile.create(file);
        spec.commandLine().getOut().println(key.publicKey());
        spec.commandLine().getOut().flush();
        return 0;
    }
}
