package dev.drover.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Control plane and nodes of a lab as processes of their own, each in its member's network and with its state in the
 * lab's directory. They are started by the same launcher as by hand, on the class path of this process.
 */
final class DroverProcesses {
    /** What the launcher tells apart. */
    static final List<String> KINDS = List.of("server", "node", "command");

    static final int UI_PORT = 8080;
    static final int LINK_PORT = 8443;
    private static final Duration END = Duration.ofSeconds(10);
    /** The time that a node gives the requests it has when it leaves, and some. */
    private static final Duration LEFT = Duration.ofSeconds(45);

    private static final int LOG_LINES = 12;
    private static final Pattern PASSWORD = Pattern.compile("admin password: (\\S+)");

    private final Lab lab;
    private final Function<String, Map<String, String>> environment;
    private final Path launcher;
    private final Map<String, Process> running = new TreeMap<>();

    /** @param environment more variables for a process of that kind */
    DroverProcesses(Lab lab, Function<String, Map<String, String>> environment) {
        this.lab = lab;
        this.environment = environment;
        this.launcher = findLauncher();
    }

    Path launcher() {
        return launcher;
    }

    private static Path findLauncher() {
        String path = System.getenv("DROVER_LAUNCHER");
        if (path == null || !Files.isExecutable(Path.of(path))) {
            throw new LabException("DROVER_LAUNCHER: " + path + " (expected: the launcher; start by ./drover demo)");
        }
        return Path.of(path);
    }

    /** Starts the control plane in the namespace {@code cp}. */
    void startServer() {
        start("cp", "server", List.of("server", "--state-dir", stateDir("cp")));
    }

    /** Password of the admin account, which the server prints once at its first start. */
    String adminPassword(Duration deadline) {
        Path log = lab.log("cp", "server");
        String[] found = new String[] {""};
        boolean printed = Pause.until(deadline, () -> {
            requireAlive("cp");
            Matcher matcher = PASSWORD.matcher(text(log));
            if (matcher.find()) {
                found[0] = matcher.group(1);
            }
            return !found[0].isEmpty();
        });
        if (!printed) {
            throw new LabException("control plane: printed no admin password%n%s".formatted(tail("cp")));
        }
        return found[0];
    }

    /** Joins a host to the control plane and starts its node; {@code engine} is the engine's socket it uses. */
    void startNode(String host, String joinToken, Path engine) {
        start(host, "node", nodeCommand(host, joinToken, engine));
    }

    /**
     * Starts another node on a host whose node runs; it takes the sockets over, and the former process ends by itself.
     *
     * @return how long after the start of the new process the former one had ended
     */
    Duration succeedNode(String host, String joinToken, Path engine) {
        Process former = require(host);
        List<String> command = nodeCommand(host, joinToken, engine);
        command.add("--take-over");
        long startNs = System.nanoTime();
        start(host, "node", command);
        awaitEnd(host, former, LEFT);
        Duration took = Duration.ofNanos(System.nanoTime() - startNs);
        if (former.exitValue() != 0) {
            throw new LabException(host + ": the former node ended with exit " + former.exitValue());
        }
        return took;
    }

    private List<String> nodeCommand(String host, String joinToken, Path engine) {
        List<String> command = new ArrayList<>(List.of("node", "--state-dir", stateDir(host)));
        command.addAll(List.of("--server", "https://" + LabSpec.CONTROL_PLANE_ADDRESS + ":" + LINK_PORT));
        command.addAll(List.of("--token", joinToken));
        command.addAll(List.of("--name", host, "--vtep", lab.spec().address(host)));
        command.addAll(List.of("--docker", "unix://" + engine));
        return command;
    }

    private void start(String member, String name, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(arguments);
        running.put(member, lab.daemon(member, name, command, environment.apply(name)));
    }

    private String stateDir(String member) {
        return lab.spec().dataDir(member, "drover").toString();
    }

    /** {@code kill -9}, as when the machine's memory runs out. */
    void kill(String member) {
        require(member).destroyForcibly();
        awaitEnd(member, END);
    }

    /** Members that have a process, or had. */
    Set<String> members() {
        return running.keySet();
    }

    /** Ends a process in good order. */
    void terminate(String member, Duration deadline) {
        require(member).destroy();
        awaitEnd(member, deadline);
    }

    private void awaitEnd(String member, Duration deadline) {
        awaitEnd(member, require(member), deadline);
    }

    private static void awaitEnd(String member, Process process, Duration deadline) {
        try {
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new LabException(member + ": process " + process.pid() + " does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LabException("interrupted", e);
        }
    }

    long pid(String member) {
        return require(member).pid();
    }

    /** Fails with the end of the log when the member's process has ended by itself. */
    void requireAlive(String member) {
        Process process = require(member);
        if (!process.isAlive()) {
            throw new LabException(
                    "%s: ended with exit %d%n%s".formatted(nameOf(member), process.exitValue(), tail(member)));
        }
    }

    /** The end of the member's log. */
    String tail(String member) {
        return Logs.tail(lab.log(member, nameOf(member)), LOG_LINES);
    }

    private static String nameOf(String member) {
        return member.equals("cp") ? "server" : "node";
    }

    private Process require(String member) {
        Process process = running.get(member);
        if (process == null) {
            throw new LabException(member + ": not started");
        }
        return process;
    }

    private static String text(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return "";
        }
    }
}
