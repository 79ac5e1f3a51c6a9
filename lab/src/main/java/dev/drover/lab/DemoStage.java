package dev.drover.lab;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the walk-through is played on: a lab with a running control plane, its API through the forwarded UI port, and
 * one host whose node reaches its engine through a door that can be cut. Used by one thread.
 */
final class DemoStage implements Closeable {
    static final String ENVIRONMENT = "/v1/environments/test";
    private static final Duration SERVER_START = Duration.ofMinutes(1);
    private static final Duration COMMAND = Duration.ofSeconds(30);

    private final Lab lab;
    private final DroverProcesses processes;
    private final Forwarder forwarder;
    private final EngineDoor door;
    private final Api api;
    private final String password;
    private String joinToken = "";

    private DemoStage(
            Lab lab, DroverProcesses processes, Forwarder forwarder, EngineDoor door, Api api, String password) {
        this.lab = lab;
        this.processes = processes;
        this.forwarder = forwarder;
        this.door = door;
        this.api = api;
        this.password = password;
    }

    /** Starts the control plane in a lab and logs in. */
    static DemoStage set(Lab lab, int uiPort, Consumer<String> progress) {
        return set(lab, uiPort, kind -> Map.of(), progress);
    }

    /** As {@link #set(Lab, int, Consumer)} with more environment variables for each kind of process. */
    static DemoStage set(
            Lab lab, int uiPort, Function<String, Map<String, String>> environment, Consumer<String> progress) {
        DroverProcesses processes = new DroverProcesses(lab, environment);
        try {
            Files.createDirectories(files(lab));
        } catch (IOException e) {
            throw new LabException(files(lab) + ": " + e.getMessage(), e);
        }
        processes.startServer();
        LabSpec spec = lab.spec();
        Forwarder forwarder = Forwarder.open(
                uiPort,
                spec.netnsPath("cp"),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), DroverProcesses.UI_PORT));
        Api api = new Api("http://127.0.0.1:" + forwarder.port());
        String cuttable = cuttableHost(spec);
        EngineDoor door = EngineDoor.open(spec.runDir(cuttable, "door.sock"), spec.dockerSocket(cuttable));
        try {
            String password = processes.adminPassword(SERVER_START);
            if (!Pause.until(SERVER_START, api::isUp)) {
                throw new LabException("control plane: no answer on its UI port%n%s".formatted(processes.tail("cp")));
            }
            api.login("admin", password);
            progress.accept("control plane answers at http://127.0.0.1:" + forwarder.port());
            return new DemoStage(lab, processes, forwarder, door, api, password);
        } catch (RuntimeException e) {
            door.close();
            forwarder.close();
            throw e;
        }
    }

    private static String cuttableHost(LabSpec spec) {
        return spec.hosts().getLast();
    }

    Lab lab() {
        return lab;
    }

    Api api() {
        return api;
    }

    DroverProcesses processes() {
        return processes;
    }

    EngineDoor door() {
        return door;
    }

    /** The host whose engine can be cut off from its node. */
    String cuttableHost() {
        return cuttableHost(lab.spec());
    }

    String uiAddress() {
        return "http://127.0.0.1:" + forwarder.port();
    }

    String password() {
        return password;
    }

    /** Remembers the token with which nodes join from now on. */
    void joinWith(String token) {
        joinToken = token;
    }

    void startNode(String host) {
        processes.startNode(host, joinToken, engineSocket(host));
    }

    /** Replaces the node of a host by another process; see {@link DroverProcesses#succeedNode}. */
    Duration succeedNode(String host) {
        return processes.succeedNode(host, joinToken, engineSocket(host));
    }

    private Path engineSocket(String host) {
        return host.equals(cuttableHost()) ? door.socket() : lab.spec().dockerSocket(host);
    }

    /** Runs a shell command in a member's network, prints it with its output, and returns the output. */
    String sh(Script script, String member, String command) {
        script.command(member, command);
        Shell.Result result = quietly(member, command);
        script.output(result.output());
        if (!result.ok()) {
            throw new LabException("exit %d: %s".formatted(result.exit(), command));
        }
        return result.output().strip();
    }

    /** Runs a shell command without printing it. */
    Shell.Result quietly(String member, String command) {
        return lab.exec(member, COMMAND, "sh", "-c", command);
    }

    /** Runs the {@code drover} command as an operator in the control plane's network would; returns its output. */
    String drover(Script script, String arguments) {
        script.command("cp", "drover " + arguments);
        Shell.Result result = droverQuietly(arguments, Map.of());
        script.output(result.output());
        if (!result.ok()) {
            throw new LabException("exit %d: drover %s".formatted(result.exit(), arguments));
        }
        return result.output().strip();
    }

    /** Runs the {@code drover} command without printing it. */
    Shell.Result droverQuietly(String arguments, Map<String, String> environment) {
        Map<String, String> all = new HashMap<>(environment);
        all.put("XDG_CONFIG_HOME", files().resolve(".config").toString());
        String command = "cd %s && exec %s %s".formatted(files(), processes.launcher(), arguments);
        return Shell.run(COMMAND, lab.inside("cp", List.of("sh", "-c", command)), all);
    }

    /** Writes a file where {@link #drover} finds it by its name, and prints it. */
    void file(Script script, String name, String content) {
        fileQuietly(name, content);
        script.command("cp", "cat " + name);
        script.output(content);
    }

    /** Writes a file where {@link #drover} finds it by its name. */
    void fileQuietly(String name, String content) {
        try {
            Path file = files().resolve(name);
            Files.createDirectories(Objects.requireNonNull(file.getParent()));
            Files.writeString(file, content);
        } catch (IOException e) {
            throw new LabException(name + ": " + e.getMessage(), e);
        }
    }

    private Path files() {
        return files(lab);
    }

    private static Path files(Lab lab) {
        return lab.spec().dataDir("cp", "files");
    }

    /** The ends of all logs of Drover's processes, for a step that failed. */
    String logs() {
        StringBuilder text = new StringBuilder();
        for (String member : processes.members()) {
            text.append(member).append(":%n%s%n".formatted(processes.tail(member)));
        }
        return text.toString();
    }

    List<JsonNode> hosts() {
        return items(api.get(ENVIRONMENT + "/hosts"));
    }

    List<JsonNode> containers() {
        return items(api.get(ENVIRONMENT + "/containers"));
    }

    /** A container of the environment by its Docker name; null when it is not listed. */
    @Nullable
    JsonNode container(String name) {
        return containers().stream()
                .filter(each -> each.path("name").asText().equals(name))
                .findFirst()
                .orElse(null);
    }

    JsonNode service(String stack, String service) {
        return api.get(ENVIRONMENT + "/stacks/" + stack + "/services/" + service);
    }

    /** Instances of a service that run and have an address, in order of their names. */
    List<JsonNode> runningInstances(String stack, String service) {
        return items(service(stack, service).path("instances")).stream()
                .filter(each -> each.path("state").asText().equals("running")
                        && !each.path("address").asText("").isEmpty())
                .sorted((a, b) ->
                        a.path("name").asText().compareTo(b.path("name").asText()))
                .toList();
    }

    /** How many hosts are connected; fails when the process of one has ended. */
    long connectedHosts() {
        lab.spec().hosts().forEach(processes::requireAlive);
        return hosts().stream()
                .filter(host -> host.path("state").asText().equals("connected"))
                .count();
    }

    private static List<JsonNode> items(JsonNode answer) {
        return answer.isArray()
                ? answer.valueStream().toList()
                : answer.path("items").valueStream().toList();
    }

    /** Waits until something holds; the problem of the last look is in the message when it never does. */
    void await(String what, Duration deadline, BooleanSupplier condition) {
        AtomicReference<String> last = new AtomicReference<>("");
        boolean held = Pause.until(deadline, () -> {
            try {
                return condition.getAsBoolean();
            } catch (LabException e) {
                last.set(" (last: " + e.getMessage() + ")");
                return false;
            }
        });
        if (!held) {
            throw new LabException("%s: not within %.1f s%s".formatted(what, deadline.toMillis() / 1e3, last.get()));
        }
    }

    /** As {@link #await}, with what did not hold described at the end. */
    void await(String what, Duration deadline, BooleanSupplier condition, Supplier<String> description) {
        try {
            await(what, deadline, condition);
        } catch (LabException e) {
            throw new LabException(e.getMessage() + System.lineSeparator() + description.get(), e);
        }
    }

    @Override
    public void close() {
        door.close();
        forwarder.close();
    }
}
