package dev.drover.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One virtual host for tests: a network namespace with an uplink address and a real Docker engine with a busybox image;
 * {@code drover} commands run in it as processes of their own. Leaves nothing behind.
 */
final class TestHost implements AutoCloseable {
    static final String ADDRESS = "192.0.2.11";
    static final String SECOND_ADDRESS = "192.0.2.12";
    private static final Duration START = Duration.ofSeconds(90);
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final String namespace;
    private final Path directory;
    private final Path busybox;
    private final Deque<Process> processes = new ArrayDeque<>();
    private boolean engine;

    TestHost(Path directory) {
        this.directory = directory;
        namespace = "ndt" + ProcessHandle.current().pid();
        assertThat(System.getProperty("user.name"))
                .as("tests with tag root need root")
                .isEqualTo("root");
        busybox = Path.of("/usr/bin/busybox");
        assertThat(busybox).as("busybox-static").exists();
        run("ip", "netns", "add", namespace);
        inside("ip", "link", "set", "lo", "up");
        inside("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "uplink");
        inside("ip", "addr", "add", ADDRESS + "/24", "dev", "eth0");
        inside("ip", "link", "set", "uplink", "up");
        inside("ip", "link", "set", "eth0", "up");
    }

    /** A second host, at the other end of the first one's uplink, with the first one's engine; closed before it. */
    TestHost(TestHost first) {
        directory = first.directory;
        busybox = first.busybox;
        namespace = first.namespace + "b";
        run("ip", "netns", "add", namespace);
        first.inside("ip", "link", "set", "uplink", "netns", namespace);
        inside("ip", "link", "set", "lo", "up");
        inside("ip", "link", "set", "uplink", "name", "eth0");
        inside("ip", "addr", "add", SECOND_ADDRESS + "/24", "dev", "eth0");
        inside("ip", "link", "set", "eth0", "up");
    }

    Path directory() {
        return directory;
    }

    Path socket() {
        return directory.resolve("docker.sock");
    }

    void startEngine() {
        try {
            Files.writeString(directory.resolve("daemon.json"), "{}\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        daemon(
                "dockerd",
                List.of(
                        "dockerd",
                        "--config-file=" + directory.resolve("daemon.json"),
                        "--data-root=" + directory.resolve("docker"),
                        "--exec-root=" + directory.resolve("exec"),
                        "--pidfile=" + directory.resolve("dockerd.pid"),
                        "--host=unix://" + socket(),
                        "--exec-opt=native.cgroupdriver=cgroupfs",
                        "--cgroup-parent=/" + namespace));
        engine = true;
        await().atMost(START)
                .until(() -> execute(List.of("docker", "-H", "unix://" + socket(), "version"))
                                .code()
                        == 0);
        importBusybox();
    }

    private void importBusybox() {
        try {
            Path root = directory.resolve("busybox");
            Path bin = Files.createDirectories(root.resolve("bin"));
            Files.copy(busybox, bin.resolve("busybox"), StandardCopyOption.COPY_ATTRIBUTES);
            for (String applet :
                    List.of("sh", "sleep", "ping", "nslookup", "ip", "cat", "httpd", "hostname", "mkdir")) {
                Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
            }
            run(
                    "tar",
                    "-C",
                    root.toString(),
                    "-cf",
                    directory.resolve("busybox.tar").toString(),
                    ".");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        docker(
                "import",
                "-c",
                "CMD [\"/bin/sh\",\"-c\",\"trap exit TERM; while :; do sleep 1; done\"]",
                directory.resolve("busybox.tar").toString(),
                "busybox:latest");
    }

    record Result(int code, String out, String err) {}

    /** Starts {@code drover} with these arguments in the namespace; its output goes to {@code NAME.out}. */
    Process drover(String name, String... arguments) {
        return daemon(name, command(arguments));
    }

    /** Runs {@code drover} to its end. */
    Result droverOnce(String... arguments) {
        List<String> command = new ArrayList<>(List.of("env", "XDG_CONFIG_HOME=" + directory.resolve("config")));
        command.addAll(command(arguments));
        return execute(inNamespace(command));
    }

    private static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Drover.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    private Process daemon(String name, List<String> command) {
        try {
            Process process = new ProcessBuilder(inNamespace(command))
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            directory.resolve(name + ".out").toFile()))
                    .start();
            processes.push(process);
            return process;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String output(String name) {
        try {
            return Files.readString(directory.resolve(name + ".out"));
        } catch (IOException e) {
            return "";
        }
    }

    private List<String> inNamespace(List<String> command) {
        List<String> whole = new ArrayList<>(List.of("nsenter", "--net=/run/netns/" + namespace));
        whole.addAll(command);
        return whole;
    }

    /** Runs a command in the namespace; it must succeed. */
    String inside(String... command) {
        return must(inNamespace(List.of(command)));
    }

    /** Whether a command in the namespace succeeds. */
    boolean succeeds(String... command) {
        return execute(inNamespace(List.of(command))).code() == 0;
    }

    /** The Docker CLI on this host's engine; must succeed. */
    String docker(String... arguments) {
        return must(dockerCommand(arguments));
    }

    Result dockerResult(String... arguments) {
        return execute(dockerCommand(arguments));
    }

    private List<String> dockerCommand(String... arguments) {
        List<String> command = new ArrayList<>(List.of("docker", "-H", "unix://" + socket()));
        command.addAll(List.of(arguments));
        return command;
    }

    /** A call of the control plane's API on its loopback port. */
    JsonNode api(String method, String path, String token, String body) {
        return json(inside(
                "curl",
                "-sS",
                "--max-time",
                "20",
                "-X",
                method,
                "-H",
                "Authorization: Bearer " + token,
                "-H",
                "Content-Type: application/json",
                "-d",
                body,
                "http://127.0.0.1:8080" + path));
    }

    /** What the admin endpoint of the node shows; an empty array while it does not answer. */
    JsonNode admin(String path) {
        Result result = execute(inNamespace(List.of("curl", "-sS", "--max-time", "5", "http://127.0.0.1:9901" + path)));
        return json(result.code() == 0 ? result.out() : "[]");
    }

    private static JsonNode json(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(text, e);
        }
    }

    private static String run(String... command) {
        return must(List.of(command));
    }

    private static String must(List<String> command) {
        Result result = execute(command);
        assertThat(result.code())
                .as("%s%n%s%s", command, result.out(), result.err())
                .isZero();
        return result.out().strip();
    }

    private static Result execute(List<String> command) {
        try {
            Path err = Files.createTempFile("drover-test", ".err");
            Process process =
                    new ProcessBuilder(command).redirectError(err.toFile()).start();
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            boolean ended = process.waitFor(60, TimeUnit.SECONDS);
            Result result = new Result(ended ? process.exitValue() : -1, out, Files.readString(err));
            Files.delete(err);
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        if (engine) {
            Result ids = dockerResult("ps", "-aq");
            if (!ids.out().isBlank()) {
                List<String> remove = new ArrayList<>(List.of("rm", "-f"));
                remove.addAll(ids.out().strip().lines().toList());
                dockerResult(remove.toArray(String[]::new));
            }
        }
        while (!processes.isEmpty()) {
            end(processes.pop());
        }
        run("ip", "netns", "del", namespace);
        execute(List.of("sh", "-c", "umount " + directory + "/exec/netns/* " + directory + "/docker/* 2>/dev/null"));
        execute(List.of("sh", "-c", "find /sys/fs/cgroup -depth -type d -path '*/" + namespace + "*' -delete"));
    }

    private static void end(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
