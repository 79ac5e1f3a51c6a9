package dev.drover.lab;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("root")
@Timeout(240)
class LabTest {
    private static final Duration COMMAND = Duration.ofSeconds(30);

    private final String id = "t" + ProcessHandle.current().pid();

    @AfterEach
    void removeWhatAFailedTestLeft() {
        Teardown.remove(id);
        Teardown.remove(id + "b");
    }

    @Test
    void hostsReachEachOtherAndRunContainersAndNothingStaysBehind() throws IOException {
        List<Path> shimSockets = shimSockets();
        try (Lab lab = Lab.up(new LabSpec(id, 2), step -> {})) {
            assertThat(lab.exec("host1", COMMAND, "ping", "-c", "1", "192.0.2.12")
                            .ok())
                    .isTrue();
            assertThat(lab.exec("cp", COMMAND, "ping", "-c", "1", "192.0.2.11").ok())
                    .isTrue();
            assertThat(lab.docker("host1", COMMAND, "run", "--rm", "busybox", "echo", "hello")
                            .orThrow())
                    .isEqualTo("hello\n");
            assertThat(lab.docker("host2", COMMAND, "run", "--rm", "python", "python", "-c", "print(6 * 7)")
                            .orThrow())
                    .isEqualTo("42\n");
            lab.docker("host1", COMMAND, "run", "-d", "--restart=always", "--name", "stays", "busybox", "sleep", "1000")
                    .orThrow();
            assertThat(lab.docker("host2", COMMAND, "ps", "-q").orThrow()).isEmpty();
            assertThat(traces(id)).isNotEmpty();
        }
        assertThat(traces(id)).isEmpty();
        assertThat(shimSockets).containsAll(shimSockets());
    }

    @Test
    void aHostHasNoWayOutOfTheLab() {
        try (Lab lab = Lab.up(new LabSpec(id, 1), step -> {})) {
            assertThat(lab.exec("host1", COMMAND, "ip", "route", "show", "default")
                            .orThrow())
                    .isEmpty();
        }
    }

    @Test
    void twoLabsOfTheSameAddressesDoNotCollide() throws IOException {
        try (Lab first = Lab.up(new LabSpec(id, 1), step -> {})) {
            try (Lab second = Lab.up(new LabSpec(id + "b", 1), step -> {})) {
                second.docker("host1", COMMAND, "create", "--name", "mine", "busybox")
                        .orThrow();
                assertThat(first.docker("host1", COMMAND, "ps", "-aq").orThrow())
                        .isEmpty();
            }
            assertThat(traces(id + "b")).isEmpty();
            assertThat(first.docker("host1", COMMAND, "ps", "-aq").ok()).isTrue();
            assertThatThrownBy(() -> Lab.up(new LabSpec(id, 1), step -> {})).hasMessageContaining("already up");
            assertThat(first.docker("host1", COMMAND, "ps", "-aq").ok()).isTrue();
        }
    }

    @Test
    void whatAKilledProcessLeftIsTakenDownByItsId(@TempDir Path dir) throws IOException, InterruptedException {
        Path log = dir.resolve("up.log");
        Process up = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        LabMain.class.getName(),
                        "up",
                        "2",
                        "--id",
                        id)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        await().atMost(Duration.ofSeconds(60))
                .until(() -> traces(id).stream().anyMatch(trace -> trace.contains("dockerd")) || !up.isAlive());
        up.destroyForcibly().waitFor();
        assertThat(Files.readString(log)).contains("switch");
        assertThat(traces(id)).isNotEmpty();
        Lab.remove(id, null);
        assertThat(traces(id)).isEmpty();
    }

    /** Everything on this machine that has a lab's name on it. */
    private static List<String> traces(String id) throws IOException {
        String prefix = LabSpec.netnsPrefix(id);
        Stream<String> namespaces = names(Path.of("/run/netns")).filter(name -> name.startsWith(prefix));
        Stream<String> mounts = Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
                .filter(line -> line.contains("drover-lab/" + id + "/") || line.contains(prefix));
        Stream<String> processes = names(Path.of("/proc"))
                .filter(name -> Character.isDigit(name.charAt(0)))
                .map(pid -> read(Path.of("/proc", pid, "cmdline")))
                .filter(command -> command.contains("/drover-lab/" + id + "/") || command.contains(prefix));
        Stream<String> directories = Stream.of(LabSpec.runDir(id), LabSpec.dataDir(id))
                .filter(Files::exists)
                .map(Path::toString);
        Stream<String> cgroups = Stream.concat(Stream.of(""), names(Path.of("/sys/fs/cgroup")))
                .map(hierarchy -> Path.of("/sys/fs/cgroup", hierarchy, LabSpec.cgroup(id)))
                .filter(Files::exists)
                .map(Path::toString);
        return Stream.of(namespaces, mounts, processes, directories, cgroups)
                .flatMap(each -> each)
                .toList();
    }

    private static List<Path> shimSockets() throws IOException {
        Path directory = Path.of("/run/containerd/s");
        return names(directory).map(directory::resolve).sorted().toList();
    }

    private static Stream<String> names(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return Stream.empty();
        }
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).toList().stream();
        }
    }

    private static String read(Path file) {
        try {
            return new String(Files.readAllBytes(file), UTF_8).replace('\0', ' ');
        } catch (IOException e) {
            return "";
        }
    }
}
