package dev.drover.perf;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry of {@code drover bench NAME}: side-by-side benchmarks against a peer in the same run. */
@Command(
        name = "drover bench",
        description = "Side-by-side benchmarks against peers, in alternating rounds.",
        mixinStandardHelpOptions = true,
        subcommands = {OverlayBench.class, LbBench.class, DnsBench.class, ConvergenceBench.class})
public final class Bench {
    private Bench() {}

    public static void main(String[] args) {
        CommandLine commands = new CommandLine(new Bench());
        commands.setExecutionExceptionHandler((e, command, parsed) -> {
            command.getErr().println("error: " + e.getMessage());
            return 1;
        });
        System.exit(commands.execute(args));
    }
}
