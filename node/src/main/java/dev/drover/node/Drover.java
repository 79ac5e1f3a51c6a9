package dev.drover.node;

import dev.drover.node.cli.DnsCommand;
import dev.drover.node.cli.EnvCommand;
import dev.drover.node.cli.HostCommand;
import dev.drover.node.cli.LbCommand;
import dev.drover.node.cli.LoginCommand;
import dev.drover.node.cli.OverlayCommand;
import dev.drover.node.cli.PsCommand;
import dev.drover.node.cli.ServiceCommand;
import dev.drover.node.cli.StackCommand;
import dev.drover.node.cli.TokenCommand;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The {@code drover} command. Exit codes: 0 done, 1 failed, 2 wrong usage; a failure is one line {@code error: …} on
 * standard error.
 */
@Command(
        name = "drover",
        description = "Network of a container host: overlay, load balancer, DNS and their control plane.",
        versionProvider = Drover.VersionProvider.class)
public final class Drover implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Drover.class);
    private static final int FAILED = 1;
    private static final int WRONG_USAGE = 2;
    /** Name to command, in the order of the help. */
    private static final Map<String, Supplier<Object>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("server", ServerCommand::new);
        COMMANDS.put("node", NodeCommand::new);
        COMMANDS.put("standalone", StandaloneCommand::new);
        COMMANDS.put("login", LoginCommand::new);
        COMMANDS.put("env", EnvCommand::new);
        COMMANDS.put("host", HostCommand::new);
        COMMANDS.put("token", TokenCommand::new);
        COMMANDS.put("stack", StackCommand::new);
        COMMANDS.put("service", ServiceCommand::new);
        COMMANDS.put("ps", PsCommand::new);
        COMMANDS.put("overlay", OverlayCommand::new);
        COMMANDS.put("dns", DnsCommand::new);
        COMMANDS.put("lb", LbCommand::new);
        // no method reference: to a class as old as picocli's it crashes JDK 25 when it writes the start cache
        COMMANDS.put("help", () -> new CommandLine.HelpCommand());
    }

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @CommandLine.Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.LOCAL,
            description = "Show this help.")
    boolean help;

    @CommandLine.Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Show the version.")
    boolean version;

    static final class VersionProvider implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"drover " + Version.STRING};
        }
    }

    @Command(name = "version", description = "Show the version.")
    int version() {
        PrintWriter out = spec.commandLine().getOut();
        out.println("drover " + Version.STRING);
        out.flush();
        return 0;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "missing command (expected: one of those in drover help)");
    }

    public static void main(String[] args) {
        System.exit(commandLine(args).execute(args));
    }

    /** With the command that is asked for alone, since reading all of them takes longer than a node needs to serve. */
    static CommandLine commandLine(String[] args) {
        CommandLine commandLine = new CommandLine(new Drover());
        Supplier<Object> wanted = args.length == 0 || args[0].equals("help") ? null : COMMANDS.get(args[0]);
        if (wanted != null) {
            commandLine.addSubcommand(args[0], wanted.get());
        } else {
            COMMANDS.forEach((name, command) -> commandLine.addSubcommand(name, command.get()));
        }
        commandLine.setExecutionExceptionHandler((exception, command, _) -> {
            LOG.debug("command failed", exception);
            complain(command, reason(exception));
            return FAILED;
        });
        commandLine.setParameterExceptionHandler((exception, _) -> {
            CommandLine command = exception.getCommandLine();
            complain(command, String.valueOf(exception.getMessage()));
            complain(command.getErr(), "usage: " + command.getCommandSpec().qualifiedName() + " --help");
            return WRONG_USAGE;
        });
        return commandLine;
    }

    private static String reason(Exception exception) {
        String message = exception.getMessage();
        return message == null
                ? exception.getClass().getSimpleName()
                : message.lines().findFirst().orElse(message);
    }

    private static void complain(CommandLine command, String message) {
        complain(command.getErr(), "error: " + message);
    }

    private static void complain(PrintWriter err, String line) {
        err.println(line);
        err.flush();
    }
}
