package dev.drover.node.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** What the groups of client commands share: a client for one call, and its answer as JSON or for people. */
abstract class ClientGroup implements Runnable {
    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    /** A group without a sub-command is a usage error. */
    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "missing command (expected: one of "
                        + String.join(", ", spec.subcommands().keySet()) + ")");
    }

    final PrintWriter out() {
        return spec.commandLine().getOut();
    }

    final void say(String line) {
        out().println(line);
        out().flush();
    }

    /** As a table, or {@code none} when there are no rows. */
    final void table(List<JsonNode> rows, String none, String... columns) {
        if (rows.isEmpty()) {
            say(none);
        } else {
            Output.table(out(), rows, columns);
        }
    }

    /** Asks the node of this host for {@code path}. */
    final int show(AdminOptions options, String path, Consumer<JsonNode> show) {
        try (AdminClient client = options.client()) {
            return show(spec.commandLine(), options.json, client.get(path), show);
        }
    }

    static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    final int run(ClientOptions options, Function<ApiClient, JsonNode> call, Consumer<JsonNode> show) {
        return run(spec.commandLine(), options, call, show);
    }

    static int run(
            CommandLine commandLine,
            ClientOptions options,
            Function<ApiClient, JsonNode> call,
            Consumer<JsonNode> show) {
        try (ApiClient client = options.client()) {
            return show(commandLine, options.json, call.apply(client), show);
        }
    }

    private static int show(CommandLine commandLine, boolean json, JsonNode answer, Consumer<JsonNode> show) {
        if (json) {
            Output.json(commandLine.getOut(), answer);
        } else {
            show.accept(answer);
        }
        return 0;
    }
}
