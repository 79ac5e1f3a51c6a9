package dev.drover.node.cli;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Options of the commands that look into the node of this host. */
final class AdminOptions {
    private static final Pattern HOST_PORT =
            Pattern.compile("([A-Za-z0-9.-]{1,255}|\\[[0-9a-fA-F:.]{2,45}]):(\\d{1,5})");
    private static final int MAX_PORT = 65_535;

    @Option(
            names = "--admin",
            paramLabel = "HOST:PORT",
            defaultValue = "127.0.0.1:9901",
            description = "Admin endpoint of the node; default: ${DEFAULT-VALUE}.")
    String admin = "127.0.0.1:9901";

    @Option(names = "--json", description = "Print the node's answer as JSON.")
    boolean json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    AdminClient client() {
        Matcher matcher = HOST_PORT.matcher(admin);
        if (!matcher.matches() || Integer.parseInt(matcher.group(2)) > MAX_PORT) {
            throw new CliException("admin: " + admin + " (expected: HOST:PORT)");
        }
        return new AdminClient(admin);
    }
}
