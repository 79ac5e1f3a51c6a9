package dev.drover.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The walk-through as an operator starts it: the launcher, real engines, real nodes. */
@Tag("root")
class DemoTest {
    @TempDir
    private Path dir;

    @Test
    @Timeout(600)
    void everyStepOfTheWalkThroughPassesAndNothingStaysBehind() throws IOException, InterruptedException {
        Process demo = start("--once", "--ui-port", "0", "--patience", "5"); // a test proves behaviour, not time
        String id = "demo" + demo.pid();
        try {
            boolean ended = demo.waitFor(9, TimeUnit.MINUTES);
            assertThat(demo.exitValue()).as("ended: %s%n%s", ended, output()).isZero();
            assertThat(output()).contains(" passed, 0 failed").doesNotContain("no faster start");
            assertThat(traces(id)).isEmpty();
        } finally {
            demo.destroy();
            demo.waitFor(1, TimeUnit.MINUTES);
            Teardown.remove(id);
        }
    }

    @Test
    @Timeout(120)
    void aTerminationSignalTakesTheLabDown() throws IOException, InterruptedException {
        Process demo = start("--ui-port", "0");
        String id = "demo" + demo.pid();
        try {
            await().atMost(60, TimeUnit.SECONDS).until(() -> output().contains("Docker engine") || !demo.isAlive());
            demo.destroy();
            assertThat(demo.waitFor(45, TimeUnit.SECONDS)).as("%s", output()).isTrue();
            assertThat(demo.exitValue()).isEqualTo(143);
            assertThat(traces(id)).isEmpty();
        } finally {
            demo.destroyForcibly().waitFor();
            Teardown.remove(id);
        }
    }

    @Test
    @Timeout(60)
    void aTakenUiPortIsNamedBeforeAnythingIsBuilt() throws IOException, InterruptedException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Process demo = start("--once", "--ui-port", String.valueOf(taken.getLocalPort()));
            assertThat(demo.waitFor(50, TimeUnit.SECONDS)).isTrue();
            assertThat(demo.exitValue()).isEqualTo(1);
            assertThat(output())
                    .contains("port 127.0.0.1:" + taken.getLocalPort())
                    .contains("(expected: a free port");
        }
    }

    private Process start(String... options) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(launcher().toString(), "demo")
                .redirectErrorStream(true)
                .redirectOutput(dir.resolve("demo.log").toFile());
        builder.command().addAll(List.of(options));
        return builder.start();
    }

    /** The launcher stays the same process from here to the JVM of the demo. */
    private static Path launcher() {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isExecutable(at.resolve("drover")) && Files.isRegularFile(at.resolve("drover"))) {
                return at.resolve("drover");
            }
        }
        throw new IllegalStateException("no launcher above " + Path.of("").toAbsolutePath());
    }

    private String output() throws IOException {
        return Files.readString(dir.resolve("demo.log"));
    }

    private static List<String> traces(String id) throws IOException {
        try (Stream<Path> namespaces = Files.list(Path.of("/run/netns"))) {
            return Stream.of(
                            namespaces.filter(
                                    path -> path.getFileName().toString().startsWith("drover-" + id + "-")),
                            Stream.of(LabSpec.runDir(id), LabSpec.dataDir(id)).filter(Files::exists))
                    .flatMap(each -> each)
                    .map(Path::toString)
                    .toList();
        }
    }
}
