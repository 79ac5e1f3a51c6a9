package dev.drover.lab;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Entry point of {@code drover lab} and {@code drover demo}. */
@Command(
        name = "lab",
        description = "Virtual hosts on this machine, each with its own Docker engine.",
        mixinStandardHelpOptions = true,
        subcommands = {
            LabMain.Up.class,
            LabMain.Down.class,
            LabMain.Exec.class,
            LabMain.Docker.class,
            LabMain.ListLabs.class
        })
public final class LabMain implements Runnable {
    private static final String DEFAULT_ID = "lab";

    private LabMain() {}

    public static void main(String[] arguments) {
        boolean demo = arguments.length > 0 && arguments[0].equals("demo");
        CommandLine line = demo ? reporting(new CommandLine(new Demo())) : commandLine();
        System.exit(line.execute(demo ? Arrays.copyOfRange(arguments, 1, arguments.length) : arguments));
    }

    static CommandLine commandLine() {
        CommandLine line = reporting(new CommandLine(new LabMain()));
        // What follows HOST is a command of its own, with options of its own.
        line.getSubcommands()
                .values()
                .forEach(command -> command.setStopAtPositional(command.getCommand() instanceof Inside));
        return line;
    }

    /** Problems that the operator can act on are said in a line, everything else with its stack. */
    private static CommandLine reporting(CommandLine line) {
        line.setExecutionExceptionHandler((exception, command, parsed) -> {
            if (exception instanceof LabException) {
                command.getErr().println("drover: " + exception.getMessage());
                return 1;
            }
            throw exception;
        });
        return line;
    }

    @Override
    public void run() {
        CommandLine.usage(this, System.out);
    }

    /** A command that takes another command line. */
    interface Inside extends Callable<Integer> {}

    private static Lab lab(@Nullable String id) {
        return Lab.of(id == null ? LabStore.only() : LabStore.require(id));
    }

    @Command(name = "up", description = "Bring up N virtual hosts; they stay until lab down.")
    static final class Up implements Callable<Integer> {
        @Parameters(paramLabel = "N", description = "number of hosts, 1 to 100")
        private int size;

        @Option(names = "--id", description = "tells concurrent labs apart (default: ${DEFAULT-VALUE})")
        private String id = DEFAULT_ID;

        @Override
        public Integer call() {
            Progress progress = new Progress(System.out);
            LabSpec spec = new LabSpec(id, size);
            Lab.upAndLeave(spec, progress::step);
            String option = id.equals(DEFAULT_ID) ? "" : " --id " + id;
            System.out.printf("""

                    %d hosts are up. Go on with
                      drover lab docker%s host1 run --rm busybox echo hello
                      drover lab exec%s host1 ping -c 1 %s
                      drover lab down%s
                    """, size, option, option, LabSpec.CONTROL_PLANE_ADDRESS, option);
            return 0;
        }
    }

    @Command(name = "down", description = "Take a lab down, also one that a crash left; nothing of it stays.")
    static final class Down implements Callable<Integer> {
        @Option(names = "--id", description = "which lab (default: the only one)")
        private @Nullable String id;

        @Option(names = "--all", description = "all labs that no running process owns")
        private boolean all;

        @Override
        public Integer call() {
            Progress progress = new Progress(System.out);
            Set<String> ids = LabStore.ids();
            if (all) {
                ids.forEach(each -> removeUnlessOwned(each, progress));
            } else if (id != null) {
                Lab.remove(id, progress::step);
            } else if (ids.size() == 1) {
                Lab.remove(ids.iterator().next(), progress::step);
            } else if (ids.isEmpty()) {
                System.out.println("no lab is up");
            } else {
                throw new LabException(
                        "several labs are up (expected: --all or --id with one of " + String.join(", ", ids) + ")");
            }
            return 0;
        }

        private static void removeUnlessOwned(String id, Progress progress) {
            LabRecord record = LabStore.find(id);
            if (record != null && record.ownerIsAlive()) {
                progress.step("lab %s belongs to process %d and stays".formatted(id, record.ownerPid()));
            } else {
                Lab.remove(id, progress::step);
            }
        }
    }

    @Command(name = "exec", description = "Run a command in a virtual host's network (HOST: host1, host2, ... or cp).")
    static final class Exec implements Inside {
        @Option(names = "--id", description = "which lab (default: the only one)")
        private @Nullable String id;

        @Parameters(index = "0", paramLabel = "HOST")
        private String host = "";

        @Parameters(index = "1..*", arity = "1..*", paramLabel = "CMD")
        private List<String> command = List.of();

        @Override
        public Integer call() {
            Lab lab = lab(id);
            return Shell.attached(lab.inside(host, command), lab.environment(host));
        }
    }

    @Command(name = "docker", description = "The Docker CLI on a virtual host's engine.")
    static final class Docker implements Inside {
        @Option(names = "--id", description = "which lab (default: the only one)")
        private @Nullable String id;

        @Parameters(index = "0", paramLabel = "HOST")
        private String host = "";

        @Parameters(index = "1..*", paramLabel = "ARGS")
        private List<String> arguments = List.of();

        @Override
        public Integer call() {
            return Shell.attached(lab(id).dockerCommand(host, arguments), Map.of());
        }
    }

    @Command(name = "list", description = "List the labs of this machine.")
    static final class ListLabs implements Callable<Integer> {
        @Override
        public Integer call() {
            for (String id : LabStore.ids()) {
                LabRecord record = LabStore.find(id);
                System.out.println(record == null ? id + "  (remains of a crash)" : describe(record));
            }
            return 0;
        }

        private static String describe(LabRecord record) {
            String owner = record.isOwned()
                    ? "process %d%s".formatted(record.ownerPid(), record.ownerIsAlive() ? "" : " (gone)")
                    : "-";
            return "%-16s hosts=%d since=%s owner=%s".formatted(record.id(), record.size(), record.createdAt(), owner);
        }
    }
}
