package dev.drover.lab;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The Docker engine of one virtual host: a real {@code dockerd} in the host's network namespace. */
final class Engine {
    private static final Duration START = Duration.ofMinutes(1);
    private static final Duration IMPORT = Duration.ofMinutes(2);
    private static final int LOG_LINES = 15;

    private final LabSpec spec;
    private final String host;

    Engine(LabSpec spec, String host) {
        this.spec = spec;
        this.host = host;
    }

    /** Starts the engine and returns when it answers. */
    void start() {
        Path config = spec.runDir(host, "daemon.json");
        Path log = spec.dataDir(host, "dockerd.log");
        try {
            Files.createDirectories(spec.runDir(host, "."));
            Files.createDirectories(spec.dataDir(host, "."));
            // Its own empty configuration file, so that the machine's one has no say.
            Files.writeString(config, "{}\n");
        } catch (IOException e) {
            throw new LabException(host + ": " + e.getMessage(), e);
        }
        Process process = Shell.daemon(command(config), Map.of(), log);
        long deadlineNs = System.nanoTime() + START.toNanos();
        while (!answers()) {
            if (!process.isAlive()) {
                throw new LabException("engine of %s: ended with exit %d%n%s"
                        .formatted(host, process.exitValue(), Logs.tail(log, LOG_LINES)));
            }
            if (System.nanoTime() > deadlineNs) {
                throw new LabException("engine of %s: no answer after %d s%n%s"
                        .formatted(host, START.toSeconds(), Logs.tail(log, LOG_LINES)));
            }
            Pause.millis(50);
        }
    }

    /** {@code nsenter} and not {@code ip netns exec}: that one remounts /sys and hides the control groups. */
    private List<String> command(Path config) {
        return List.of(
                "nsenter",
                "--net=" + spec.netnsPath(host),
                "dockerd",
                "--config-file=" + config,
                "--data-root=" + spec.dataDir(host, "docker"),
                "--exec-root=" + spec.runDir(host, "x"),
                "--pidfile=" + spec.runDir(host, "dockerd.pid"),
                "--host=unix://" + spec.dockerSocket(host),
                "--exec-opt=native.cgroupdriver=cgroupfs",
                "--cgroup-parent=/" + LabSpec.cgroup(spec.id()) + "/" + host);
    }

    /** Makes an image of a root file system. */
    void load(Images.Image image) {
        List<String> command = docker("import");
        for (String change : image.changes()) {
            command.addAll(List.of("--change", change));
        }
        command.addAll(List.of(image.tarball().toString(), image.name() + ":latest"));
        Shell.run(IMPORT, command).orThrow();
    }

    private List<String> docker(String... arguments) {
        return dockerCommand(spec, host, List.of(arguments));
    }

    /** The Docker CLI on a host's engine. */
    static List<String> dockerCommand(LabSpec spec, String host, List<String> arguments) {
        List<String> command = new ArrayList<>(List.of("docker", "-H", "unix://" + spec.dockerSocket(host)));
        command.addAll(arguments);
        return command;
    }

    private boolean answers() {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(spec.dockerSocket(host)));
            channel.write(
                    ByteBuffer.wrap("GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n".getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer answer = ByteBuffer.allocate(64);
            channel.read(answer);
            return StandardCharsets.US_ASCII.decode(answer.flip()).toString().contains(" 200 ");
        } catch (IOException e) {
            return false;
        }
    }
}
