package dev.drover.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Records how control plane, node and command start, so that they start in a fraction of the time from then on: the
 * JVM's ahead-of-time caches (JEP 483, 514, 515), made once for each build by a short life on a lab of one host. The
 * launcher uses the caches it finds beside the class path; without them everything works, only slower.
 */
final class StartTraining {
    private static final Duration WRITTEN = Duration.ofMinutes(2);
    private static final Duration SOON = Duration.ofMinutes(2);
    private static final String COMMAND = "command";

    private final Path runtime;
    private final String suffix = ".new" + ProcessHandle.current().pid();

    private StartTraining(Path runtime) {
        this.runtime = runtime;
    }

    /** Trains unless this build has its caches; a failure is told and costs nothing but speed. */
    static void ensure(Consumer<String> progress) {
        String directory = System.getenv("DROVER_RUNTIME");
        if (directory == null) {
            return;
        }
        StartTraining training = new StartTraining(Path.of(directory));
        if (DroverProcesses.KINDS.stream().allMatch(kind -> Files.exists(training.cache(kind)))) {
            return;
        }
        progress.accept("recording a faster start, once for each build");
        try {
            training.train();
        } catch (LabException e) {
            progress.accept("no faster start: " + e.getMessage());
        }
    }

    private Path cache(String kind) {
        return runtime.resolve(kind + ".aot");
    }

    private Path fresh(String kind) {
        return runtime.resolve(kind + ".aot" + suffix);
    }

    private void train() {
        try (Lab lab = Lab.up(new LabSpec("train" + ProcessHandle.current().pid(), 1), step -> {});
                DemoStage stage = DemoStage.set(lab, 0, this::environment, step -> {})) {
            live(stage);
            stage.processes().terminate("host1", WRITTEN);
            stage.processes().terminate("cp", WRITTEN);
            for (String kind : DroverProcesses.KINDS) {
                keep(kind);
            }
        } finally {
            removeRemains();
        }
    }

    /** The JVM writes the recording beside the cache first; a process that was killed leaves it. */
    private void removeRemains() {
        for (String kind : DroverProcesses.KINDS) {
            fresh(kind).toFile().delete();
            fresh(kind)
                    .resolveSibling(fresh(kind).getFileName() + ".config")
                    .toFile()
                    .delete();
        }
    }

    /** A little of everything that a start and a first minute consist of. */
    private void live(DemoStage stage) {
        command(stage, "login " + Walkthrough.SERVER, Map.of("DROVER_PASSWORD", stage.password()));
        command(stage, "env create test", Map.of());
        stage.joinWith(command(stage, "token create test", Map.of()).strip());
        stage.startNode("host1");
        stage.await(
                "host connected",
                SOON,
                () -> stage.hosts().stream()
                        .anyMatch(host -> host.path("state").asText().equals("connected")));
        stage.quietly("host1", Walkthrough.labelled("box1")).orThrow();
        stage.await("box1 listed", SOON, () -> stage.container("box1") != null);
        stage.quietly("host1", "docker exec box1 nslookup box1");
        command(stage, "ps -e test", environment(COMMAND));
    }

    private static String command(DemoStage stage, String arguments, Map<String, String> environment) {
        return stage.droverQuietly(arguments, environment).orThrow();
    }

    private Map<String, String> environment(String kind) {
        return Map.of("DROVER_JAVA_OPTS", "-XX:AOTCacheOutput=" + fresh(kind));
    }

    private void keep(String kind) {
        // the JVM leaves an empty file when it fails while writing
        if (fresh(kind).toFile().length() == 0) {
            throw new LabException("cache of " + kind + ": the JVM wrote none (its log is that of the " + kind + ")");
        }
        try {
            Files.move(fresh(kind), cache(kind), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new LabException("cache of " + kind + ": " + e, e);
        }
    }
}
